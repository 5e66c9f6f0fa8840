//! `GET /healthz`, `GET /readyz`

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::App;
use crate::api::problem::Problem;

/// How the host fares.
#[derive(Debug, Serialize, ToSchema)]
pub struct Health {
    /// `ok`.
    pub status: String,
}

/// The process answers.
#[utoipa::path(get, path = "/healthz", tag = "health", operation_id = "healthz", responses(
    (status = 200, description = "It does", body = Health),
))]
pub async fn live() -> Json<Health> {
    Json(Health { status: "ok".to_owned() })
}

/// The host takes work: its store answers and it is not being stopped.
#[utoipa::path(get, path = "/readyz", tag = "health", operation_id = "readyz", responses(
    (status = 200, description = "It does", body = Health),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn ready(State(app): State<App>) -> Result<Json<Health>, Problem> {
    if app.stop().is_cancelled() {
        return Err(Problem::unavailable("the host is being stopped"));
    }
    app.engine().events(u64::MAX >> 1, 1).await?;
    Ok(live().await)
}
