//! `GET /api/plugins/{id}`

use axum::Json;
use axum::extract::{Path, State};

use crate::api::App;
use crate::api::problem::Problem;
use crate::api::types::Plugin;

/// One plugin.
#[utoipa::path(get, path = "/api/plugins/{id}", tag = "plugins", operation_id = "show_plugin", params(("id" = String, Path)), responses(
    (status = 200, description = "The plugin", body = Plugin),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn show(State(app): State<App>, Path(id): Path<String>) -> Result<Json<Plugin>, Problem> {
    let state = app.engine().state();
    let plugin = state.plugins.get(&id).ok_or_else(|| Problem::not_found("plugin", &id))?;
    Ok(Json(Plugin::from(&**plugin)))
}
