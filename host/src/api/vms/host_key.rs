//! `POST /api/vms/{id}/host-key`

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use corral_domain::VmId;
use corral_engine::HostKeyAction;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::api::App;
use crate::api::extract::{Body, Caller, Id};
use crate::api::problem::Problem;
use crate::api::types::Vm;

/// What to do with host keys.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HostKeyBody {
    action: HostKeyVerb,
    /// In OpenSSH format. Without: the key that the VM offered; for `revoke`: those that are pinned.
    key: Option<String>,
}

/// Ways to decide on a host key.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HostKeyVerb {
    /// Besides those that are accepted.
    Accept,
    /// Instead of them: the VM was rebuilt.
    Replace,
    /// Never again, also not where known_hosts has it.
    Revoke,
}

/// Accepts, replaces or revokes host keys of a VM.
#[utoipa::path(post, path = "/api/vms/{id}/host-key", tag = "vms", params(("id" = String, Path)),
    request_body = HostKeyBody, responses(
    (status = 200, description = "The VM", body = Vm),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn host_key(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<VmId>,
    Body(body): Body<HostKeyBody>,
) -> Result<Response, Problem> {
    let key = body.key;
    let action = match body.action {
        HostKeyVerb::Accept => HostKeyAction::Accept { key },
        HostKeyVerb::Replace => HostKeyAction::Replace { key },
        HostKeyVerb::Revoke => HostKeyAction::Revoke { key },
    };
    let vm = app.engine().host_key(caller.actor(), id, action).await?;
    Ok(super::answer(&app, StatusCode::OK, &vm))
}
