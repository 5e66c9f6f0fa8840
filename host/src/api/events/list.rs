//! `GET /api/events`

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::App;
use crate::api::extract::{Params, limit};
use crate::api::problem::Problem;
use crate::api::types::{Event, EventSource};

const LIMIT_DEFAULT: u32 = 500;
const LIMIT_MAX: u32 = 2_000;

/// Which events.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListEvents {
    /// Those after this `seq`; 0 without.
    since: Option<u64>,
    /// At most 2,000; 500 without.
    limit: Option<u32>,
}

/// Events in order.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct Events {
    /// The stream that `seq` counts in.
    pub epoch: String,
    /// The oldest event still held; if it is above `since` + 1, some were missed.
    pub oldest: u64,
    /// The newest event of all.
    pub seq: u64,
    /// Events after `since`.
    pub items: Vec<Event>,
}

/// Events after a place in the order.
#[utoipa::path(get, path = "/api/events", tag = "events", operation_id = "list_events", params(ListEvents), responses(
    (status = 200, description = "Events", body = Events),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn list(State(app): State<App>, Params(params): Params<ListEvents>) -> Result<Json<Events>, Problem> {
    let size = limit(params.limit, LIMIT_DEFAULT, LIMIT_MAX)?;
    let page = app.engine().events(params.since.unwrap_or(0), size).await?;
    let state = app.engine().state();
    let seq = state.seq;
    let source = EventSource { epoch: app.engine().epoch().to_owned(), state };
    let items = page.events.iter().map(|event| source.event(event)).collect();
    Ok(Json(Events { epoch: source.epoch, oldest: page.oldest, seq, items }))
}
