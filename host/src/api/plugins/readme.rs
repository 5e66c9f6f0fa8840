//! `GET /api/plugins/{id}/readme`

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::App;
use crate::api::problem::Problem;

/// What a plugin says of itself.
#[derive(Debug, Serialize, ToSchema)]
pub struct PluginReadme {
    /// The first 64 KiB of its `README.md`: Markdown by a stranger, to be shown as text. Null: it has none.
    #[schema(required)]
    text: Option<String>,
}

/// What a plugin says of itself.
#[utoipa::path(get, path = "/api/plugins/{id}/readme", tag = "plugins", operation_id = "plugin_readme",
    params(("id" = String, Path)), responses(
    (status = 200, description = "Its text", body = PluginReadme),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn readme(State(app): State<App>, Path(id): Path<String>) -> Result<Json<PluginReadme>, Problem> {
    Ok(Json(PluginReadme { text: app.engine().plugin_readme(&id).await? }))
}
