//! `GET /api/plugins/{id}/stats`

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::App;
use crate::api::problem::Problem;

/// What a plugin did since the host started.
#[derive(Debug, Serialize, ToSchema)]
pub struct PluginStats {
    /// Calls of it, answered or not.
    calls: u64,
    /// Those without an answer that could be used.
    failed: u64,
    /// What half of the calls did not exceed, in microseconds; at most a quarter too much. Null: it was not called.
    #[schema(required)]
    p50_micros: Option<u64>,
    /// The same of 99 in a hundred.
    #[schema(required)]
    p99_micros: Option<u64>,
    /// Processor time of all calls, in microseconds.
    cpu_micros: u64,
    /// The most linear memory that one instance had, in bytes.
    peak_memory_bytes: u64,
    /// Calls that trapped.
    traps: u64,
    /// Calls that hit a limit, by its name: `answer`, `cpu`, `instances`, `memory`, `tables`, `time`.
    limit_hits: BTreeMap<String, u64>,
    /// Lines, if it filters.
    lines: LineStats,
}

/// What a filter did to lines.
#[derive(Debug, Serialize, ToSchema)]
pub struct LineStats {
    /// That it was given.
    seen: u64,
    /// Of which it changed the text.
    changed: u64,
    /// That it annotated.
    annotated: u64,
    /// That it left out.
    dropped: u64,
    /// That it added.
    added: u64,
}

impl From<corral_engine::ports::PluginStats> for PluginStats {
    fn from(stats: corral_engine::ports::PluginStats) -> Self {
        let corral_engine::ports::LineStats { seen, changed, annotated, dropped, added } = stats.lines;
        Self {
            calls: stats.calls,
            failed: stats.failed,
            p50_micros: stats.p50_micros,
            p99_micros: stats.p99_micros,
            cpu_micros: stats.cpu_micros,
            peak_memory_bytes: stats.peak_memory_bytes,
            traps: stats.traps,
            limit_hits: stats.limit_hits.into_iter().map(|(name, hits)| (name.to_owned(), hits)).collect(),
            lines: LineStats { seen, changed, annotated, dropped, added },
        }
    }
}

/// What a plugin did since the host started.
#[utoipa::path(get, path = "/api/plugins/{id}/stats", tag = "plugins", operation_id = "plugin_stats",
    params(("id" = String, Path)), responses(
    (status = 200, description = "Its figures", body = PluginStats),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn stats(State(app): State<App>, Path(id): Path<String>) -> Result<Json<PluginStats>, Problem> {
    let stats = app.engine().plugin_stats(&id).ok_or_else(|| Problem::not_found("plugin", &id))?;
    Ok(Json(stats.into()))
}
