//! `GET /api/settings`

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use serde_json::Value;

use crate::api::App;

/// All settings that differ from their defaults.
#[utoipa::path(get, path = "/api/settings", tag = "settings", operation_id = "list_settings", responses(
    (status = 200, description = "Key and value", body = BTreeMap<String, Value>),
))]
pub async fn list(State(app): State<App>) -> Json<BTreeMap<String, Value>> {
    let state = app.engine().state();
    Json(state.settings.iter().map(|(key, value)| (key.clone(), Value::clone(value))).collect())
}
