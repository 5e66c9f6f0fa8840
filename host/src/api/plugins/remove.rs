//! `DELETE /api/plugins/{id}`

use axum::extract::{Path, State};
use axum::http::StatusCode;

use crate::api::App;
use crate::api::extract::Caller;
use crate::api::problem::Problem;

/// Removes a plugin that was installed. One that comes with Corral or lies in a folder of the operator's is refused.
#[utoipa::path(delete, path = "/api/plugins/{id}", tag = "plugins", operation_id = "remove_plugin",
    params(("id" = String, Path)), responses(
    (status = 204, description = "It is gone; what it kept is there if it is installed again"),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn remove(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<StatusCode, Problem> {
    app.engine().remove_plugin(caller.actor(), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}
