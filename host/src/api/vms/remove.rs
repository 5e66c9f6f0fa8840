//! `DELETE /api/vms/{id}`

use axum::extract::State;
use axum::http::StatusCode;
use corral_domain::VmId;

use crate::api::App;
use crate::api::extract::{Caller, Id, IfMatch};
use crate::api::problem::Problem;

/// Removes a VM; its jobs stay.
#[utoipa::path(delete, path = "/api/vms/{id}", tag = "vms",
    params(("id" = String, Path), ("If-Match" = Option<String>, Header)), responses(
    (status = 204, description = "It is gone"),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn remove(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<VmId>,
    if_match: IfMatch,
) -> Result<StatusCode, Problem> {
    super::expected(&app, id, &if_match)?;
    app.engine().remove_vm(caller.actor(), id).await?;
    Ok(StatusCode::NO_CONTENT)
}
