//! `GET /api/ssh/hosts`: what the user's OpenSSH configuration offers.

use axum::Json;
use axum::extract::State;

use super::App;
use super::discovery::{Discovery, discover};
use super::extract::Caller;
use super::problem::Problem;

/// The discovery source that reads `ssh_config`.
const SOURCE: &str = "ssh-config";

/// Hosts of the OpenSSH configuration; the same as `/api/discovery/ssh-config`.
#[utoipa::path(get, path = "/api/ssh/hosts", tag = "discovery", operation_id = "ssh_hosts", responses(
    (status = 200, description = "What was found", body = Discovery),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn list(State(app): State<App>, caller: Caller) -> Result<Json<Discovery>, Problem> {
    Ok(Json(discover(&app, &caller, SOURCE).await?))
}
