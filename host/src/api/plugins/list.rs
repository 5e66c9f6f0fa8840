//! `GET /api/plugins`

use axum::Json;
use axum::extract::State;

use crate::api::App;
use crate::api::types::{Page, Plugin};

/// All plugins, sorted by id.
#[utoipa::path(get, path = "/api/plugins", tag = "plugins", operation_id = "list_plugins", responses(
    (status = 200, description = "Plugins", body = Page<Plugin>),
))]
pub async fn list(State(app): State<App>) -> Json<Page<Plugin>> {
    Json(Page::whole(app.engine().state().plugins.values().map(|plugin| Plugin::from(&**plugin)).collect()))
}
