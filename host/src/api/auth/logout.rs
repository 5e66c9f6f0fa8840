//! `POST /api/auth/logout`

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};

use crate::api::App;
use crate::api::extract::Caller;
use crate::api::problem::Problem;

/// Ends the session. An API token is not ended by this.
#[utoipa::path(post, path = "/api/auth/logout", tag = "auth", operation_id = "logout", responses(
    (status = 204, description = "The session has ended"),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn logout(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    app.auth().log_out(&caller.0).await?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, app.auth().cookie().clear())]).into_response())
}
