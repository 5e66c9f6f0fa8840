//! `DELETE /api/commands/{id}`

use axum::extract::{Path, State};
use axum::http::StatusCode;

use crate::api::App;
use crate::api::extract::{Caller, IfMatch};
use crate::api::problem::Problem;

/// Removes a saved template.
#[utoipa::path(delete, path = "/api/commands/{id}", tag = "commands", operation_id = "remove_command",
    params(("id" = String, Path), ("If-Match" = Option<String>, Header)), responses(
    (status = 204, description = "It is gone"),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn remove(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    if_match: IfMatch,
) -> Result<StatusCode, Problem> {
    let slug = super::slug_of(&app, &id)?;
    super::check_fresh(&app, slug, &if_match)?;
    app.engine().remove_template(caller.actor(), slug).await?;
    Ok(StatusCode::NO_CONTENT)
}
