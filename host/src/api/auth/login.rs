//! `POST /api/auth/login`

use axum::Json;
use axum::extract::State;
use axum::http::{Extensions, HeaderMap, header};
use axum::response::{IntoResponse, Response};
use corral_domain::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::App;
use crate::api::extract::Body;
use crate::api::problem::Problem;
use crate::api::request::peer;

/// The token of a login link.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LoginBody {
    token: String,
}

/// Who logged in.
#[derive(Debug, Serialize, ToSchema)]
pub struct LoggedIn {
    /// `user:admin`.
    pub name: String,
    /// `viewer`, `operator` or `admin`.
    pub role: String,
    /// When the session ends.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// Trades the token of a login link for a session cookie.
#[utoipa::path(post, path = "/api/auth/login", tag = "auth", operation_id = "login", request_body = LoginBody, responses(
    (status = 200, description = "The session is in the cookie", body = LoggedIn),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn login(
    State(app): State<App>,
    headers: HeaderMap,
    extensions: Extensions,
    Body(body): Body<LoginBody>,
) -> Result<Response, Problem> {
    // A page of another site must not log a visitor in as somebody else.
    app.auth().names().check_origin(&headers, false)?;
    let opened = app.auth().exchange_login(&body.token, peer(&extensions)).await?;
    let role = opened.actor.role.to_string();
    let body = LoggedIn { name: opened.actor.name, role, expires_at: opened.expires_at };
    Ok(([(header::SET_COOKIE, opened.set_cookie)], Json(body)).into_response())
}
