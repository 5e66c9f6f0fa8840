//! The HTTP client of the command line: requests, and what refusals mean.

use std::fmt::Write as _;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::{Method, StatusCode, Url};
use serde_json::Value;

use super::exit::{Exit, Failure, chain};
use super::output::safe;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection test may try several addresses and hops.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);
/// A plugin takes as long to send as the line is slow, and then to compile as it is large.
const INSTALL_TIMEOUT: Duration = Duration::from_mins(10);
/// An answer that is streamed may take as long as there is something to say.
const STREAM_TIMEOUT: Duration = Duration::from_secs(24 * 3600);
/// The largest answer that is read. Lists are paged and stay far below.
const ANSWER_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Pages of a list that are read before the list counts as endless.
const PAGES_MAX: usize = 10_000;

/// A client of one host.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    base: Url,
    token: String,
}

impl Client {
    /// A client of the host at `url`.
    pub fn new(url: &str, token: &str) -> Result<Self, Failure> {
        let bad = |why: &str| {
            Failure::new(Exit::Usage, format!("`{}` is not the URL of a host: {why}", safe(url)))
                .hint("it looks like http://127.0.0.1:7420")
        };
        let mut base = Url::parse(url).map_err(|error| bad(&error.to_string()))?;
        if !matches!(base.scheme(), "http" | "https") {
            return Err(bad("it begins with http:// or https://"));
        }
        base.set_query(None);
        base.set_fragment(None);
        if token.chars().any(|c| c.is_control() || c.is_whitespace() || !c.is_ascii()) {
            return Err(Failure::new(Exit::Usage, "the token has blanks or characters that no token has"));
        }
        // For this client and for the socket. The first call decides; later ones change nothing.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ANSWER_TIMEOUT)
            // A token is for this host; a redirect may lead to another.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("corral/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| Failure::new(Exit::Internal, chain(&error)))?;
        Ok(Self { http, base, token: token.to_owned() })
    }

    /// The host.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// The token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The URL of a path made of segments, each of them escaped.
    pub fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    /// Reads an object.
    pub async fn get(&self, segments: &[&str], query: &[(&str, String)]) -> Result<Value, Failure> {
        let mut url = self.url(segments);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.send(Method::GET, url, None).await
    }

    /// Sends an object.
    pub async fn post(&self, segments: &[&str], body: &Value) -> Result<Value, Failure> {
        self.send(Method::POST, self.url(segments), Some(body)).await
    }

    /// Sends an object with an idempotency key.
    pub async fn post_keyed(&self, segments: &[&str], body: &Value, key: Option<&str>) -> Result<Value, Failure> {
        if key.is_some_and(|key| key.is_empty() || !key.bytes().all(|byte| (b' '..=b'~').contains(&byte))) {
            return Err(Failure::new(Exit::Usage, "an idempotency key is made of letters, digits and signs of ASCII"));
        }
        self.send_keyed(Method::POST, self.url(segments), Some(body), key).await
    }

    /// Sends a package.
    pub async fn post_package(&self, segments: &[&str], package: Vec<u8>) -> Result<Value, Failure> {
        let request = self.http.post(self.url(segments)).bearer_auth(&self.token).timeout(INSTALL_TIMEOUT);
        self.answer(request.header("content-type", "application/gzip").body(package)).await
    }

    /// Writes an object.
    pub async fn put(&self, segments: &[&str], body: &Value) -> Result<Value, Failure> {
        self.send(Method::PUT, self.url(segments), Some(body)).await
    }

    /// Changes some of an object.
    pub async fn patch(&self, segments: &[&str], body: &Value) -> Result<Value, Failure> {
        self.send(Method::PATCH, self.url(segments), Some(body)).await
    }

    /// Removes an object.
    pub async fn delete(&self, segments: &[&str]) -> Result<Value, Failure> {
        self.delete_with(segments, &[]).await
    }

    /// Removes an object, with something to say about how.
    pub async fn delete_with(&self, segments: &[&str], query: &[(&str, &str)]) -> Result<Value, Failure> {
        let mut url = self.url(segments);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.send(Method::DELETE, url, None).await
    }

    /// Reads a list through all its pages, or until `limit` items are there.
    pub async fn list(
        &self,
        segments: &[&str],
        query: &[(&str, String)],
        limit: Option<usize>,
    ) -> Result<Vec<Value>, Failure> {
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let mut query = query.to_vec();
            query.extend(cursor.take().map(|cursor| ("cursor", cursor)));
            let mut page = self.get(segments, &query).await?;
            if let Some(Value::Array(found)) = page.get_mut("items").map(Value::take) {
                items.extend(found);
            }
            cursor = page.get("next_cursor").and_then(Value::as_str).map(str::to_owned);
            if cursor.is_none() || limit.is_some_and(|limit| items.len() >= limit) {
                break;
            }
        }
        items.truncate(limit.unwrap_or(usize::MAX));
        Ok(items)
    }

    /// Begins to read an answer piece by piece, however long it takes to come and however long it is.
    pub async fn stream(&self, segments: &[&str], query: &[(&str, String)]) -> Result<Answer, Failure> {
        let mut url = self.url(segments);
        url.query_pairs_mut().extend_pairs(query);
        let request = self.http.get(url).bearer_auth(&self.token).timeout(STREAM_TIMEOUT);
        let answer = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(Answer { client: self.clone(), answer });
        }
        let text = read(answer).await.map_err(|error| self.unreachable(&error))?;
        Err(serde_json::from_slice::<Value>(&text)
            .map_or_else(|_| self.stranger(status), |problem| refused(status, &problem)))
    }

    /// Begins to read an answer line by line.
    pub async fn lines(&self, segments: &[&str], query: &[(&str, String)]) -> Result<AnswerLines, Failure> {
        let answer = self.stream(segments, query).await?;
        Ok(AnswerLines { answer, rest: BytesMut::new(), ended: false })
    }

    async fn send(&self, method: Method, url: Url, body: Option<&Value>) -> Result<Value, Failure> {
        self.send_keyed(method, url, body, None).await
    }

    async fn send_keyed(
        &self,
        method: Method,
        url: Url,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> Result<Value, Failure> {
        let changes = method != Method::GET;
        let mut request = self.http.request(method, url.clone()).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(body);
        } else if changes {
            request = request.header("content-type", "application/json");
        }
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        self.answer(request).await
    }

    async fn answer(&self, request: reqwest::RequestBuilder) -> Result<Value, Failure> {
        let answer = request.send().await.map_err(|error| self.unreachable(&error))?;
        let status = answer.status();
        let text = read(answer).await.map_err(|error| self.unreachable(&error))?;
        if status.is_success() {
            if text.is_empty() {
                return Ok(Value::Null);
            }
            return serde_json::from_slice(&text).map_err(|_| self.stranger(status));
        }
        Err(serde_json::from_slice::<Value>(&text)
            .map_or_else(|_| self.stranger(status), |problem| refused(status, &problem)))
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let why = if error.is_timeout() { "it did not answer in time".to_owned() } else { innermost(error) };
        Failure::new(Exit::Unreachable, format!("the host at {} cannot be reached: {why}", self.base))
            .hint("is it running? `corral doctor` looks; --url or CORRAL_URL names another")
    }

    fn stranger(&self, status: StatusCode) -> Failure {
        Failure::new(Exit::Unreachable, format!("{} answered {status}, but not as a Corral host does", self.base))
            .hint("look at the URL; a proxy may have answered in its place")
    }
}

/// An answer that comes piece by piece.
pub struct Answer {
    client: Client,
    answer: reqwest::Response,
}

impl Answer {
    /// The next piece; none at the end. An answer that breaks off is an error.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, Failure> {
        self.answer.chunk().await.map_err(|error| {
            let what = format!("the answer of {} broke off: {}", self.client.base, innermost(&error));
            Failure::new(Exit::Unreachable, what).hint("the host's own log says why; try again")
        })
    }
}

/// An answer that comes line by line.
pub struct AnswerLines {
    answer: Answer,
    rest: BytesMut,
    ended: bool,
}

impl AnswerLines {
    /// The next line; none at the end.
    pub async fn next(&mut self) -> Result<Option<String>, Failure> {
        loop {
            if let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
                let line = self.rest.split_to(end + 1);
                return Ok(Some(String::from_utf8_lossy(&line[..end]).into_owned()));
            }
            if self.ended {
                return Ok(None);
            }
            if self.rest.len() > ANSWER_BYTES_MAX {
                let text = format!("the host sent a line of more than {ANSWER_BYTES_MAX} bytes, which is not read");
                return Err(Failure::new(Exit::Internal, text));
            }
            match self.answer.chunk().await? {
                Some(part) => self.rest.extend_from_slice(&part),
                None => self.ended = true,
            }
        }
    }
}

/// Reads a body up to the bound; what is longer is cut and then is no JSON.
async fn read(mut answer: reqwest::Response) -> Result<Vec<u8>, reqwest::Error> {
    let mut text = Vec::new();
    while let Some(part) = answer.chunk().await? {
        text.extend_from_slice(&part);
        if text.len() > ANSWER_BYTES_MAX {
            break;
        }
    }
    Ok(text)
}

/// The cause at the bottom: "connection refused" rather than "error sending request".
fn innermost(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    cause.to_string()
}

/// A problem document (RFC 9457) as a failure.
fn refused(status: StatusCode, problem: &Value) -> Failure {
    let text = |key: &str| problem.get(key).and_then(Value::as_str).filter(|text| !text.is_empty()).map(safe);
    let mut message = text("detail").or_else(|| text("title")).unwrap_or_else(|| format!("the host answered {status}"));
    for error in problem.get("errors").and_then(Value::as_array).into_iter().flatten() {
        let part = |key: &str| safe(error.get(key).and_then(Value::as_str).unwrap_or_default());
        let line = format!("{}: {}", part("field"), part("message"));
        if !message.contains(&line) {
            // Writing to a String cannot fail.
            let _ = write!(message, "\n{line}");
        }
    }
    let (exit, hint) = match status.as_u16() {
        401 => (Exit::Forbidden, Some("the token is not valid here; make one with `corral token create`")),
        403 => (Exit::Forbidden, Some("make a token with a greater role: `corral token create --role …`")),
        404 | 410 => (Exit::NotFound, None),
        409 | 412 => (Exit::Conflict, None),
        507 => (Exit::DiskFull, Some("make room on the host's disk; what was acknowledged is not lost")),
        503 => (Exit::Unreachable, Some("try again in a moment")),
        400..500 => (Exit::Usage, None),
        _ => (Exit::Internal, None),
    };
    let failure = Failure::new(exit, message);
    if let Some(hint) = hint { failure.hint(hint) } else { failure }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_escaped_so_that_a_name_cannot_lead_elsewhere() {
        let client = Client::new("http://127.0.0.1:1/", "corral_x").unwrap();
        assert_eq!(client.url(&["api", "commands", "a/b?c"]).as_str(), "http://127.0.0.1:1/api/commands/a%2Fb%3Fc");
    }

    #[test]
    fn a_problem_document_names_every_field_and_control_characters_do_not_reach_the_terminal() {
        let problem =
            serde_json::json!({"detail": "bad\u{1b}[2J", "errors": [{"field": "port", "message": "is 1 to 65535"}]});
        let failure = refused(StatusCode::UNPROCESSABLE_ENTITY, &problem);
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.message.contains("port: is 1 to 65535"));
        assert!(!failure.message.contains('\u{1b}'));
    }
}
