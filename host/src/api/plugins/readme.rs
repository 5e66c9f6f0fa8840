//! `GET /api/plugins/{id}/readme`

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::App;
use crate::api::problem::Problem;

/// What its author says of a plugin.
#[derive(Debug, Serialize, ToSchema)]
pub struct PluginReadme {
    /// Markdown, of at most 128 KiB; null if there is none. Whoever shows it shows text: it may say anything.
    #[schema(required)]
    text: Option<String>,
}

/// What its author says of a plugin.
#[utoipa::path(get, path = "/api/plugins/{id}/readme", tag = "plugins", operation_id = "plugin_readme",
    params(("id" = String, Path)), responses(
    (status = 200, description = "Its README", body = PluginReadme),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn readme(State(app): State<App>, Path(id): Path<String>) -> Result<Json<PluginReadme>, Problem> {
    Ok(Json(PluginReadme { text: app.engine().plugin_readme(&id).await? }))
}
