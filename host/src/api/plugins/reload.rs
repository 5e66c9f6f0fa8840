//! `POST /api/plugins/{id}/reload`

use axum::Json;
use axum::extract::{Path, State};

use crate::api::App;
use crate::api::extract::Caller;
use crate::api::problem::Problem;
use crate::api::types::Plugin;

/// Loads a plugin anew from its folder. If that fails, the old one keeps serving.
#[utoipa::path(post, path = "/api/plugins/{id}/reload", tag = "plugins", operation_id = "reload_plugin", params(("id" = String, Path)), responses(
    (status = 200, description = "The plugin", body = Plugin),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn reload(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<Json<Plugin>, Problem> {
    Ok(Json(Plugin::from(&app.engine().reload_plugin(caller.actor(), &id).await?)))
}
