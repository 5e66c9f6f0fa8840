//! `POST /api/plugins/{id}/enable` and `/disable`

use axum::Json;
use axum::extract::{Path, State};

use crate::api::App;
use crate::api::extract::Caller;
use crate::api::problem::Problem;
use crate::api::types::Plugin;

/// Switches a plugin on.
#[utoipa::path(post, path = "/api/plugins/{id}/enable", tag = "plugins", operation_id = "enable_plugin", params(("id" = String, Path)), responses(
    (status = 200, description = "The plugin", body = Plugin),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn enable(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<Json<Plugin>, Problem> {
    Ok(Json(Plugin::from(&app.engine().enable_plugin(caller.actor(), &id, true).await?)))
}

/// Switches a plugin off. Calls that are under way end; of a filter that is off, lines go on without it.
#[utoipa::path(post, path = "/api/plugins/{id}/disable", tag = "plugins", operation_id = "disable_plugin", params(("id" = String, Path)), responses(
    (status = 200, description = "The plugin", body = Plugin),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn disable(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<Json<Plugin>, Problem> {
    Ok(Json(Plugin::from(&app.engine().enable_plugin(caller.actor(), &id, false).await?)))
}
