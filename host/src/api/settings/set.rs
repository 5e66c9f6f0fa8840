//! `PUT /api/settings/{key}`

use axum::Json;
use axum::extract::{Path, State};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::api::App;
use crate::api::extract::{Body, Caller};
use crate::api::problem::Problem;

/// A value to set.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SettingBody {
    /// Any JSON; null takes the setting back to its default.
    #[schema(value_type = Value)]
    value: Value,
}

/// A setting.
#[derive(Debug, Serialize, ToSchema)]
pub struct Setting {
    /// Which.
    pub key: String,
    /// Its value.
    #[schema(value_type = Value)]
    pub value: Value,
}

/// Changes a setting.
#[utoipa::path(put, path = "/api/settings/{key}", tag = "settings", operation_id = "set_setting", request_body = SettingBody,
    params(("key" = String, Path)), responses(
    (status = 200, description = "The setting", body = Setting),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn set(
    State(app): State<App>,
    caller: Caller,
    Path(key): Path<String>,
    Body(body): Body<SettingBody>,
) -> Result<Json<Setting>, Problem> {
    app.engine().set_setting(caller.actor(), &key, body.value.clone()).await?;
    Ok(Json(Setting { key, value: body.value }))
}
