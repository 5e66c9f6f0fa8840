//! `GET /api/plugins/{id}/logs`

use axum::Json;
use axum::extract::{Path, State};
use corral_domain::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::App;
use crate::api::extract::Caller;
use crate::api::problem::Problem;

/// What a plugin said.
#[derive(Debug, Serialize, ToSchema)]
pub struct PluginLog {
    /// The last 512 lines, oldest first.
    items: Vec<PluginLogLine>,
}

/// A line of what a plugin said.
#[derive(Debug, Serialize, ToSchema)]
pub struct PluginLogLine {
    /// When.
    #[schema(value_type = String, format = DateTime)]
    at: Timestamp,
    /// `trace`, `debug`, `info`, `warn` or `error`.
    level: String,
    /// What, without control characters.
    text: String,
}

/// What a plugin said, and what the host said of it: denials, traps with the functions in which they were, limits.
#[utoipa::path(get, path = "/api/plugins/{id}/logs", tag = "plugins", operation_id = "plugin_log",
    params(("id" = String, Path)), responses(
    (status = 200, description = "Its last lines", body = PluginLog),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn log(State(app): State<App>, caller: Caller, Path(id): Path<String>) -> Result<Json<PluginLog>, Problem> {
    let line = |line: corral_engine::ports::PluginLogLine| PluginLogLine {
        at: line.at,
        level: line.level.to_owned(),
        text: line.text,
    };
    let items = app.engine().plugin_log(caller.actor(), &id)?.into_iter().map(line).collect();
    Ok(Json(PluginLog { items }))
}
