//! Errors as RFC 9457 problem documents. What went wrong inside is logged once, here, and never sent.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use corral_domain::{FieldError, InvalidId, Refusal};
use corral_engine::UseCaseError;
use corral_engine::ports::{PluginError, SecretError};
use corral_storage::StorageError;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::auth::{AuthError, ForeignRequest};

/// Seconds after which somebody who was told "busy" may try again.
const RETRY_SECONDS: u64 = 2;

/// Why a request was not done (RFC 9457).
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// `urn:corral:problem:CODE`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What kind of problem, in words.
    pub title: String,
    /// HTTP status.
    pub status: u16,
    /// What happened here, and what to do.
    pub detail: String,
    /// Fields that are to blame.
    pub errors: Vec<FieldProblem>,
    #[serde(skip)]
    retry_after: Option<u64>,
}

/// One field that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FieldProblem {
    /// Which: `labels.env`; empty: the whole body.
    pub field: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl From<FieldError> for FieldProblem {
    fn from(error: FieldError) -> Self {
        Self { field: error.field, message: error.message }
    }
}

impl Problem {
    /// A problem without fields.
    pub fn new(status: StatusCode, code: &str, title: &str, detail: impl Into<String>) -> Self {
        Self {
            kind: format!("urn:corral:problem:{code}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
        }
    }

    /// 400: the request cannot be understood.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad-request", "The request cannot be understood", detail)
    }

    /// 400 with the parameter that is wrong.
    pub fn bad_parameter(field: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        let mut problem = Self::bad_request(format!("`{field}`: {message}"));
        problem.errors.push(FieldProblem { field: field.to_owned(), message });
        problem
    }

    /// 404.
    pub fn not_found(kind: &str, id: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-found", "There is no such thing", format!("there is no {kind} {id}"))
    }

    /// 422 with the fields that are wrong.
    pub fn invalid(errors: Vec<FieldProblem>) -> Self {
        let detail = errors.iter().map(|e| format!("{}: {}", e.field, e.message)).collect::<Vec<_>>().join("; ");
        let code = StatusCode::UNPROCESSABLE_ENTITY;
        let mut problem = Self::new(code, "invalid", "Some fields are not acceptable", detail);
        problem.errors = errors;
        problem
    }

    /// 422 for one field.
    pub fn invalid_field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::invalid(vec![FieldProblem { field: field.into(), message: message.into() }])
    }

    /// 412.
    pub fn stale(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PRECONDITION_FAILED, "stale", "It was changed meanwhile", detail)
    }

    /// 409.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", "It disagrees with what is there", detail)
    }

    /// 403.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "Not allowed", detail)
    }

    /// 415.
    pub fn not_json(content_type: &str) -> Self {
        let detail = format!("the body must be application/json, not `{content_type}`");
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "media-type", "The body is of the wrong kind", detail)
    }

    /// 413.
    pub fn too_large(limit: usize) -> Self {
        let detail = format!("a body has at most {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "The body is too large", detail)
    }

    /// 503.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        let title = "Not possible at the moment";
        let problem = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", title, detail);
        Self { retry_after: Some(RETRY_SECONDS), ..problem }
    }

    /// 502.
    pub fn machine(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_GATEWAY, "machine", "The machine did not do its part", detail)
    }

    /// 500. The error is logged here with all its causes; the answer names the line in the log.
    pub fn internal(error: &dyn std::error::Error) -> Self {
        let reference = super::request::current_id();
        tracing::error!(%reference, error = %causes(error), "a request failed inside");
        let detail = format!("something failed inside; the host's log says more under {reference}");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "The host failed", detail)
    }
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let retry_after = self.retry_after;
        let mut response = (status, Json(self)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let Some(seconds) = retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"corral\""));
        }
        response
    }
}

impl From<UseCaseError> for Problem {
    fn from(error: UseCaseError) -> Self {
        let text = error.to_string();
        match error {
            UseCaseError::Refused(refusal) => refusal.into(),
            UseCaseError::Forbidden { .. } => Self::forbidden(text),
            UseCaseError::Machine(_) => Self::machine(text),
            UseCaseError::Plugin(error) => error.into(),
            UseCaseError::Storage(error) => error.into(),
            UseCaseError::Secret(error) => error.into(),
            UseCaseError::OutputRemoved => {
                Self::new(StatusCode::GONE, "output-removed", "The output is not kept any more", text)
            }
            UseCaseError::Overloaded(_) | UseCaseError::Stopping => Self::unavailable(text),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::NotFound { kind, id } => Self::not_found(kind, id),
            Refusal::Conflict(detail) => Self::conflict(detail),
            Refusal::Stale { .. } => Self::stale(refusal.to_string()),
            Refusal::Invalid(errors) => Self::invalid(errors.into_iter().map(FieldProblem::from).collect()),
        }
    }
}

impl From<PluginError> for Problem {
    fn from(error: PluginError) -> Self {
        match error {
            PluginError::InvalidInput(detail) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", "The plugin does not accept this", detail)
            }
            PluginError::NotFound(detail) => {
                Self::new(StatusCode::NOT_FOUND, "not-found", "There is no such thing", detail)
            }
            PluginError::Conflict(detail) => Self::conflict(detail),
            PluginError::Unavailable(detail) => Self::unavailable(detail),
            PluginError::Failed(detail) => {
                tracing::warn!(%detail, "a plugin failed a request");
                Self::new(StatusCode::BAD_GATEWAY, "plugin-failed", "A plugin failed", detail)
            }
        }
    }
}

impl From<StorageError> for Problem {
    fn from(error: StorageError) -> Self {
        match &error {
            StorageError::Full(_) => {
                tracing::error!(%error, "the disk is full");
                let detail = "the disk is full; make room, nothing that was acknowledged is lost";
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "disk-full", "The disk is full", detail)
            }
            StorageError::Busy(_) => {
                tracing::warn!(%error, "the database is busy");
                Self::unavailable("the database is busy; try again in a moment")
            }
            _ => Self::internal(&error),
        }
    }
}

impl From<SecretError> for Problem {
    fn from(error: SecretError) -> Self {
        let detail = error.to_string();
        match error {
            SecretError::Storage(error) => error.into(),
            // Only an admin gets here, and nobody else can put it right.
            SecretError::Key(_) | SecretError::Damaged(_) => {
                tracing::error!(%detail, "secrets cannot be used");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "secrets", "Secrets cannot be used", detail)
            }
        }
    }
}

impl From<AuthError> for Problem {
    fn from(error: AuthError) -> Self {
        let detail = error.to_string();
        match error {
            AuthError::Missing | AuthError::Invalid => {
                Self::new(StatusCode::UNAUTHORIZED, "unauthorized", "Nobody is logged in", detail)
            }
            AuthError::LinkUnusable => Self::new(StatusCode::FORBIDDEN, "login-link", "The link does not work", detail),
            AuthError::TooMany { retry_seconds } => {
                let title = "Too many failed logins";
                let problem = Self::new(StatusCode::TOO_MANY_REQUESTS, "too-many-logins", title, detail);
                Self { retry_after: Some(retry_seconds), ..problem }
            }
            AuthError::BadName(_) => Self::invalid_field("name", detail),
            AuthError::Storage(error) => error.into(),
        }
    }
}

impl From<ForeignRequest> for Problem {
    fn from(error: ForeignRequest) -> Self {
        Self::new(StatusCode::FORBIDDEN, "foreign-request", "The request comes from elsewhere", error.to_string())
    }
}

impl From<InvalidId> for Problem {
    fn from(error: InvalidId) -> Self {
        Self::bad_parameter("id", error.to_string())
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Self {
        Self::bad_request(format!("the path cannot be read: {}", rejection.body_text()))
    }
}

impl From<QueryRejection> for Problem {
    fn from(rejection: QueryRejection) -> Self {
        let text = rejection.body_text();
        let reason = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text);
        Self::bad_request(format!("the query cannot be read: {reason}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_its_status() {
        let status = |refusal: Refusal| Problem::from(refusal).status;
        assert_eq!(status(Refusal::NotFound { kind: "VM", id: "x".into() }), 404);
        assert_eq!(status(Refusal::Conflict(String::new())), 409);
        assert_eq!(status(Refusal::Stale { expected: 1, actual: 2 }), 412);
        assert_eq!(status(Refusal::Invalid(vec![FieldError::new("name", "is empty")])), 422);
    }

    #[test]
    fn what_the_store_and_plugins_say_has_its_status() {
        assert_eq!(Problem::from(StorageError::Full("x".into())).status, 507);
        assert_eq!(Problem::from(StorageError::Busy("x".into())).status, 503);
        assert_eq!(Problem::from(PluginError::InvalidInput("x".into())).status, 422);
        assert_eq!(Problem::from(PluginError::NotFound("x".into())).status, 404);
        assert_eq!(Problem::from(PluginError::Conflict("x".into())).status, 409);
        assert_eq!(Problem::from(PluginError::Unavailable("x".into())).status, 503);
        assert_eq!(Problem::from(PluginError::Failed("x".into())).status, 502);
    }

    #[test]
    fn an_internal_error_tells_nothing_of_the_inside() {
        let problem = Problem::from(StorageError::Corrupt("page 7 of /var/secret".into()));
        assert_eq!(problem.status, 500);
        assert!(!problem.detail.contains("secret"));
    }
}
