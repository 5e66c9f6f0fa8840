//! `DELETE /api/secrets/{name}`

use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::App;
use crate::api::extract::{Caller, Params};
use crate::api::problem::Problem;

/// How it is removed.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct RemoveSecret {
    /// Also while VMs need it.
    #[serde(default)]
    force: bool,
}

/// Removes a secret. Refused with their names while VMs need it.
#[utoipa::path(delete, path = "/api/secrets/{name}", tag = "secrets", operation_id = "remove_secret",
    params(("name" = String, Path), RemoveSecret), responses(
    (status = 204, description = "It is gone"),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn remove(
    State(app): State<App>,
    caller: Caller,
    Path(name): Path<String>,
    Params(params): Params<RemoveSecret>,
) -> Result<StatusCode, Problem> {
    app.engine().remove_secret(caller.actor(), &name, params.force).await?;
    Ok(StatusCode::NO_CONTENT)
}
