//! `POST /api/vms/{id}/facts`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use corral_domain::VmId;

use crate::api::App;
use crate::api::extract::{Caller, Id};
use crate::api::problem::Problem;
use crate::api::types::Vm;

/// Asks a VM now what it is.
#[utoipa::path(post, path = "/api/vms/{id}/facts", tag = "vms", params(("id" = String, Path)), responses(
    (status = 200, description = "The VM with what it told", body = Vm),
    (status = "default", description = "A problem; 502 when the VM cannot be reached or told nothing", body = Problem),
))]
pub async fn gather_facts(State(app): State<App>, caller: Caller, Id(id): Id<VmId>) -> Result<Response, Problem> {
    let vm = app.engine().gather_facts(caller.actor(), id).await?;
    Ok(super::answer(&app, StatusCode::OK, &vm))
}
