//! `GET /api/discovery`

use axum::Json;
use axum::extract::State;

use crate::api::App;
use crate::api::types::Page;

/// Discovery plugins by id.
#[utoipa::path(get, path = "/api/discovery", tag = "discovery", operation_id = "discovery_sources", responses(
    (status = 200, description = "Their ids", body = Page<String>),
))]
pub async fn sources(State(app): State<App>) -> Json<Page<String>> {
    Json(Page::whole(app.engine().discovery_sources()))
}
