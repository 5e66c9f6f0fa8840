//! What handlers take from a request: JSON bodies with clear errors, ids, queries, the caller, preconditions.

use std::str::FromStr;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, FromRequestParts, OptionalFromRequest, Path, Query, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use corral_engine::Actor;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use super::problem::{FieldProblem, Problem};
use crate::auth::Identity;

/// Largest body of a request, in bytes.
pub const BODY_MAX: usize = 2 * 1024 * 1024;
/// A body has to be here within this time; more is somebody who holds a connection on purpose.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// A JSON body. Unknown fields, wrong types and syntax errors say where.
pub struct Body<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        check_json(request.headers())?;
        parse(&read(request).await?).map(Self)
    }
}

impl<T: DeserializeOwned, S: Send + Sync> OptionalFromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Option<Self>, Problem> {
        let typed = request.headers().contains_key(header::CONTENT_TYPE);
        if typed {
            check_json(request.headers())?;
        }
        let bytes = read(request).await?;
        match (bytes.is_empty(), typed) {
            (true, _) => Ok(None),
            (false, false) => Err(Problem::not_json("")),
            (false, true) => parse(&bytes).map(|body| Some(Self(body))),
        }
    }
}

/// 415 unless the body says that it is JSON.
pub fn check_json(headers: &HeaderMap) -> Result<(), Problem> {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
    let essence = value.split(';').next().unwrap_or("").trim();
    if essence.eq_ignore_ascii_case("application/json") || essence.eq_ignore_ascii_case("application/merge-patch+json")
    {
        Ok(())
    } else {
        Err(Problem::not_json(&value.chars().take(80).collect::<String>()))
    }
}

async fn read(request: Request) -> Result<Bytes, Problem> {
    read_bounded(request, BODY_MAX, BODY_TIMEOUT).await
}

/// A body of any kind, up to a size and within a time.
pub async fn read_bounded(request: Request, most: usize, within: Duration) -> Result<Bytes, Problem> {
    let body = Limited::new(request.into_body(), most).collect();
    let collected = tokio::time::timeout(within, body).await.map_err(|_| {
        let detail = format!("the body was not here within {} s", within.as_secs());
        Problem::new(StatusCode::REQUEST_TIMEOUT, "too-slow", "The body came too slowly", detail)
    })?;
    match collected {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Problem::too_large(most)),
        Err(_) => Err(Problem::bad_request("the body broke off")),
    }
}

fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Problem> {
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        json_problem(if path == "." { "" } else { &path }, error.inner())
    })?;
    json.end().map_err(|error| json_problem("", &error))?;
    Ok(value)
}

/// Syntax is 400 with its place; a well-formed body with the wrong content is 422 with its field.
fn json_problem(path: &str, error: &serde_json::Error) -> Problem {
    if !error.is_data() {
        let what = if error.is_eof() && error.column() == 0 { "the body is empty; " } else { "" };
        return Problem::bad_request(format!("{what}the body is not JSON: {error}"));
    }
    let text = error.to_string();
    let (message, place) = text.rsplit_once(" at line ").unwrap_or((&text, ""));
    let named = ["unknown field `", "missing field `", "duplicate field `"]
        .iter()
        .find_map(|prefix| message.strip_prefix(prefix))
        .and_then(|rest| rest.split('`').next());
    let field = match (path, named) {
        (path, None) => path.to_owned(),
        ("", Some(name)) => name.to_owned(),
        (path, Some(name)) if path == name || path.ends_with(&format!(".{name}")) => path.to_owned(),
        (path, Some(name)) => format!("{path}.{name}"),
    };
    let place = if place.is_empty() { String::new() } else { format!(" (line {place})") };
    Problem::invalid(vec![FieldProblem { field, message: format!("{message}{place}") }])
}

/// A parameter of the path that is an id. Malformed: 400 that shows what an id looks like.
pub struct Id<T>(pub T);

impl<T, S> FromRequestParts<S> for Id<T>
where
    T: FromStr<Err = corral_domain::InvalidId>,
    S: Send + Sync,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Path(text) = Path::<String>::from_request_parts(parts, state).await?;
        Ok(Self(text.parse()?))
    }
}

/// A query string.
pub struct Params<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Query(params) = Query::<T>::from_request_parts(parts, state).await?;
        Ok(Self(params))
    }
}

/// Who is asking; put there by the router for everything that needs a login.
pub struct Caller(pub Identity);

impl Caller {
    /// Name and role.
    pub fn actor(&self) -> &Actor {
        &self.0.actor
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match parts.extensions.get::<Identity>() {
            Some(identity) => Ok(Self(identity.clone())),
            None => Err(crate::auth::AuthError::Missing.into()),
        }
    }
}

/// `If-Match`: what the editor had before them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IfMatch {
    /// No header, or `*`: whatever is there.
    Any,
    /// One of these tags.
    Tags(Vec<String>),
}

impl IfMatch {
    /// Whether the present tag is among them.
    pub fn admits(&self, tag: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Tags(tags) => tags.iter().any(|known| known == tag),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let Some(value) = parts.headers.get(header::IF_MATCH) else { return Ok(Self::Any) };
        let text = value.to_str().map_err(|_| Problem::bad_parameter("If-Match", "is not text"))?;
        if text.trim() == "*" {
            return Ok(Self::Any);
        }
        let tags = text.split(',').map(|tag| {
            let tag = tag.trim();
            let inner = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
            inner.map(str::to_owned).ok_or_else(|| Problem::bad_parameter("If-Match", "is an ETag in quotes: \"7\""))
        });
        tags.collect::<Result<_, _>>().map(Self::Tags)
    }
}

/// A page's size within its bounds.
pub fn limit(asked: Option<u32>, default: u32, max: u32) -> Result<u32, Problem> {
    match asked {
        None => Ok(default),
        Some(n) if (1..=max).contains(&n) => Ok(n),
        Some(n) => Err(Problem::bad_parameter("limit", format!("is between 1 and {max}, not {n}"))),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Sample {
        name: String,
        inner: Option<Inner>,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    #[expect(dead_code, reason = "only its shape matters")]
    struct Inner {
        port: u16,
    }

    fn fault(json: &str) -> (u16, String, String) {
        let problem = parse::<Sample>(json.as_bytes()).unwrap_err();
        let field = problem.errors.first().map(|e| e.field.clone()).unwrap_or_default();
        (problem.status, field, problem.detail)
    }

    #[test]
    fn a_field_that_is_wrong_is_named_with_its_path() {
        assert_eq!(fault(r#"{"name":"x","nmae":1}"#).1, "nmae");
        assert_eq!(fault("{}").1, "name");
        assert_eq!(fault(r#"{"name":"x","inner":{"port":99999}}"#).1, "inner.port");
        assert_eq!(fault(r#"{"name":"x","inner":{"port":1,"x":2}}"#).1, "inner.x");
        assert_eq!(fault(r#"{"name":7}"#), (422, "name".into(), fault(r#"{"name":7}"#).2));
    }

    #[test]
    fn what_is_not_json_says_where_it_stops_being_it() {
        let (status, _, detail) = fault("{\n \"name\": }");
        assert_eq!(status, 400);
        assert!(detail.contains("line 2"), "{detail}");
        assert!(fault("").2.contains("empty"));
        assert_eq!(fault(r#"{"name":"x"} trailing"#).0, 400);
    }

    #[test]
    fn a_page_is_bounded_and_says_how() {
        assert_eq!(limit(None, 50, 200).unwrap(), 50);
        assert!(limit(Some(201), 50, 200).unwrap_err().detail.contains("200"));
        assert!(limit(Some(0), 50, 200).is_err());
    }
}
