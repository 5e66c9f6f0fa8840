//! `PATCH /api/vms/{id}`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use corral_domain::{Refusal, VmId};
use corral_engine::UseCaseError;

pub use super::input::VmPatch;
use crate::api::App;
use crate::api::extract::{Body, Caller, Id, IfMatch};
use crate::api::problem::Problem;
use crate::api::types::Vm;

/// A patch without If-Match that meets another edit is tried again on what that one left.
const ATTEMPTS_MAX: u32 = 4;

/// Changes some fields of a VM.
#[utoipa::path(patch, path = "/api/vms/{id}", tag = "vms", request_body = VmPatch,
    params(("id" = String, Path), ("If-Match" = Option<String>, Header)), responses(
    (status = 200, description = "The VM", body = Vm),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn change(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<VmId>,
    if_match: IfMatch,
    Body(patch): Body<VmPatch>,
) -> Result<Response, Problem> {
    let expected = super::expected(&app, id, &if_match)?;
    let mut attempt = 1;
    loop {
        let old = app.engine().state().vms.get(&id).cloned().ok_or_else(|| Problem::not_found("VM", id))?;
        let mut new = old.to_new();
        patch.clone().apply(&mut new)?;
        let version = expected.or(Some(old.version));
        match app.engine().replace_vm(caller.actor(), id, new, version).await {
            Ok(vm) => return Ok(super::answer(&app, StatusCode::OK, &vm)),
            Err(UseCaseError::Refused(Refusal::Stale { .. })) if expected.is_none() && attempt < ATTEMPTS_MAX => {
                attempt += 1;
            }
            Err(error) => return Err(error.into()),
        }
    }
}
