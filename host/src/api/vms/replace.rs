//! `PUT /api/vms/{id}`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use corral_domain::VmId;

use super::input::VmBody;
use crate::api::App;
use crate::api::extract::{Body, Caller, Id, IfMatch};
use crate::api::problem::Problem;
use crate::api::types::Vm;

/// Replaces what can be edited of a VM.
#[utoipa::path(put, path = "/api/vms/{id}", tag = "vms", request_body = VmBody,
    params(("id" = String, Path), ("If-Match" = Option<String>, Header)), responses(
    (status = 200, description = "The VM", body = Vm),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn replace(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<VmId>,
    if_match: IfMatch,
    Body(body): Body<VmBody>,
) -> Result<Response, Problem> {
    if !body.host_keys.is_empty() {
        let text = format!("are changed by POST /api/vms/{id}/host-key");
        return Err(Problem::invalid_field("host_keys", text));
    }
    let expected = super::expected(&app, id, &if_match)?;
    let vm = app.engine().replace_vm(caller.actor(), id, body.try_into()?, expected).await?;
    Ok(super::answer(&app, StatusCode::OK, &vm))
}
