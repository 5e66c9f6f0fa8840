//! `GET /api/plugins/{id}/history`

use axum::Json;
use axum::extract::{Path, State};
use corral_domain::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::App;
use crate::api::problem::Problem;
use crate::api::types::PluginState;

/// How a plugin came to be as it is.
#[derive(Debug, Serialize, ToSchema)]
pub struct PluginHistory {
    /// The last 64 steps since the host started, oldest first.
    items: Vec<PluginStep>,
}

/// A step in a plugin's life.
#[derive(Debug, Serialize, ToSchema)]
pub struct PluginStep {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// What it became; `superseded` is told of a version whose place a newer one took.
    state: PluginState,
    /// Of the version that it is about; empty if it could not be read.
    version: String,
    /// Which load; 0 before the first.
    generation: u64,
    /// Why.
    reason: String,
}

/// How a plugin came to be as it is.
#[utoipa::path(get, path = "/api/plugins/{id}/history", tag = "plugins", operation_id = "plugin_history",
    params(("id" = String, Path)), responses(
    (status = 200, description = "Its last steps", body = PluginHistory),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn history(State(app): State<App>, Path(id): Path<String>) -> Result<Json<PluginHistory>, Problem> {
    let step = |step: corral_domain::PluginTransition| PluginStep {
        at: step.at,
        state: step.state.into(),
        version: step.version,
        generation: step.generation,
        reason: step.reason,
    };
    Ok(Json(PluginHistory { items: app.engine().plugin_history(&id)?.into_iter().map(step).collect() }))
}
