//! `GET /api/vms/{id}`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use corral_domain::VmId;

use crate::api::App;
use crate::api::extract::Id;
use crate::api::problem::Problem;
use crate::api::types::Vm;

/// One VM.
#[utoipa::path(get, path = "/api/vms/{id}", tag = "vms", params(("id" = String, Path)), responses(
    (status = 200, description = "The VM", body = Vm),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn show(State(app): State<App>, Id(id): Id<VmId>) -> Result<Response, Problem> {
    let vm = app.engine().state().vms.get(&id).cloned().ok_or_else(|| Problem::not_found("VM", id))?;
    Ok(super::answer(&app, StatusCode::OK, &vm))
}
