//! One request: what is sent, and what an answer that is no page means.

use std::cell::RefCell;
use std::collections::HashMap;
use std::time::{Duration, UNIX_EPOCH};

use corral_plugin_sdk::http::{Request, Response};
use corral_plugin_sdk::prelude::*;
use corral_plugin_sdk::secret;
use serde_json::Value;

use crate::config::Source;
use crate::link::shown;
use crate::step::Step;

/// How long an answer may take, in milliseconds.
const ANSWER_MS: u32 = 20_000;
/// How often a page is asked again.
const REFUSED_MAX: u32 = 4;
/// The first wait, in milliseconds, where the server names none; each further one is twice as long.
const BACK_OFF_MS: u64 = 500;
/// The longest single wait, in milliseconds: it has to fit into a call beside the answer.
const WAIT_MAX_MS: u64 = 20_000;
/// The longest that all waits of a discovery take, in milliseconds: somebody sits before it.
const WAITED_MAX_MS: u64 = 60_000;
/// Statuses that are worth another try.
const PASSING: [u16; 5] = [429, 500, 502, 503, 504];
/// Characters of a body that a message quotes.
const QUOTED_MAX: usize = 120;

/// What came of a request.
pub enum Outcome {
    /// A page.
    Page(Value, Response),
    /// Not yet: wait so many milliseconds and ask again.
    Wait(u64),
}

/// Asks for a page.
pub fn ask(source: &Source, step: &Step) -> Result<Outcome> {
    let mut request = Request::get(step.url.as_str());
    request.timeout_ms = Some(ANSWER_MS);
    if !source.headers.keys().any(|name| name.eq_ignore_ascii_case("accept")) {
        request = request.header("Accept", "application/json");
    }
    for (name, value) in &source.headers {
        request = request.header(name.as_str(), value.as_str());
    }
    if let Some(token) = &source.token {
        request =
            request.header(token.header.as_str(), format!("{}{}", token.prefix, token_of(source, &token.secret)?));
    }
    let response = corral_plugin_sdk::http::fetch(&request).map_err(|error| named(source, error))?;
    judge(source, step, response)
}

thread_local! {
    /// Tokens of this discovery: each reading of a secret is a row of the audit log, and one says as much as a hundred.
    static TOKENS: RefCell<HashMap<String, String>> = RefCell::default();
}

/// Forgets the tokens: a discovery begins.
pub fn forget_tokens() {
    TOKENS.with_borrow_mut(HashMap::clear);
}

fn token_of(source: &Source, name: &str) -> Result<String> {
    if let Some(known) = TOKENS.with_borrow(|tokens| tokens.get(name).cloned()) {
        return Ok(known);
    }
    let value = secret(name).map_err(|error| named(source, error))?;
    let value = value.trim().to_owned();
    if value.is_empty() || value.contains(char::is_control) {
        let problem = format!("{}: the secret `{name}` is empty or has more than one line", source.name);
        return Err(Error::InvalidInput(problem));
    }
    TOKENS.with_borrow_mut(|tokens| tokens.insert(name.to_owned(), value.clone()));
    Ok(value)
}

/// An error with the inventory's name before it.
fn named(source: &Source, error: Error) -> Error {
    let text = |text: String| format!("{}: {text}", source.name);
    match error {
        Error::InvalidInput(problem) => Error::InvalidInput(text(problem)),
        Error::NotFound(problem) => Error::NotFound(text(problem)),
        Error::Denied(problem) => Error::Denied(text(problem)),
        Error::Unavailable(problem) => Error::Unavailable(text(problem)),
        Error::Internal(problem) => Error::Internal(text(problem)),
    }
}

fn judge(source: &Source, step: &Step, response: Response) -> Result<Outcome> {
    let status = response.status;
    let at = format!("{}: page {} ({})", source.name, step.page + 1, shown(&step.url));
    match status {
        200..=299 => match serde_json::from_slice(without_mark(&response.body)) {
            Ok(page) => Ok(Outcome::Page(page, response)),
            Err(error) => Err(Error::Unavailable(format!("{at} {}", no_json(&response, &error)))),
        },
        _ if PASSING.contains(&status) => wait(step, &response)
            .map(Outcome::Wait)
            .map_err(|problem| Error::Unavailable(format!("{at} answered {status}{problem}"))),
        401 | 403 => {
            let advice = match &source.token {
                Some(token) => format!("is the secret `{}` the right token, and may it read this?", token.secret),
                None => "it wants a token: name a secret in `token`".to_owned(),
            };
            Err(Error::InvalidInput(format!("{at} answered {status}; {advice}")))
        }
        404 | 410 => Err(Error::NotFound(format!("{at} answered {status}; is the URL right?"))),
        _ => Err(Error::InvalidInput(format!("{at} answered {status}: {}", quoted(&response.body)))),
    }
}

/// A text without the mark of UTF-8 that some put before it.
fn without_mark(body: &[u8]) -> &[u8] {
    body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body)
}

/// How long to wait for another try, in milliseconds.
fn wait(step: &Step, response: &Response) -> Result<u64, String> {
    if step.refused >= REFUSED_MAX {
        return Err(format!(", after {REFUSED_MAX} more tries; try again later"));
    }
    let asked = response.header("retry-after").and_then(|text| retry_after(text, response.header("date")));
    let wait = asked.unwrap_or(BACK_OFF_MS << step.refused);
    if wait > WAIT_MAX_MS || step.waited_ms + wait > WAITED_MAX_MS {
        return Err(format!(" and wants to be asked again in {} s; try then", wait.div_ceil(1000)));
    }
    Ok(wait)
}

/// `Retry-After` in milliseconds: seconds, or a moment that is compared with the server's own clock.
fn retry_after(text: &str, date: Option<&str>) -> Option<u64> {
    if let Ok(seconds) = text.trim().parse::<u64>() {
        return Some(seconds.saturating_mul(1000));
    }
    let moment = |text: &str| httpdate::parse_http_date(text).ok()?.duration_since(UNIX_EPOCH).ok();
    let wait: Duration = moment(text)?.saturating_sub(moment(date?)?);
    u64::try_from(wait.as_millis()).ok()
}

/// What is wrong with a page that is no JSON, and where.
fn no_json(response: &Response, error: &serde_json::Error) -> String {
    let body = without_mark(&response.body);
    if body.trim_ascii_start().starts_with(b"<") {
        return format!("is no JSON but a web page, `{}`; is this the URL of the API?", quoted(body));
    }
    if body.trim_ascii().is_empty() {
        return "is empty where JSON was expected".into();
    }
    let before = before(body, error.line(), error.column());
    let cut_off = if error.is_eof() { "; it seems to be cut off" } else { "" };
    format!("is no JSON: {error}, after `{before}`{cut_off}")
}

/// What stands before a place of a text.
fn before(body: &[u8], line: usize, column: usize) -> String {
    let start =
        body.split(|byte| *byte == b'\n').take(line.saturating_sub(1)).map(|line| line.len() + 1).sum::<usize>();
    let end = (start + column.saturating_sub(1)).min(body.len());
    let text = String::from_utf8_lossy(&body[..end]);
    let skipped = text.chars().count().saturating_sub(QUOTED_MAX / 2);
    one_line(text.chars().skip(skipped))
}

fn quoted(body: &[u8]) -> String {
    let begin = String::from_utf8_lossy(&body[..body.len().min(QUOTED_MAX * 4)]).into_owned();
    one_line(begin.trim().chars().take(QUOTED_MAX))
}

fn one_line(text: impl Iterator<Item = char>) -> String {
    let text: String = text.map(|c| if c.is_control() { ' ' } else { c }).collect();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
