//! `GET /api/commands/{id}`

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use crate::api::App;
use crate::api::problem::Problem;
use crate::api::types::Template;

/// One template. The id has a slash, plain or as `%2F`.
#[utoipa::path(get, path = "/api/commands/{id}", tag = "commands", operation_id = "show_command", params(("id" = String, Path)), responses(
    (status = 200, description = "The template", body = Template),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn show(State(app): State<App>, Path(id): Path<String>) -> Result<Response, Problem> {
    let template = Template::find(&app.engine().state(), &id).ok_or_else(|| Problem::not_found("template", &id))?;
    Ok(super::answer(StatusCode::OK, template))
}
