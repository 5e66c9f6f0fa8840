//! `POST /api/vms/{id}/test`

use axum::Json;
use axum::extract::State;
use corral_domain::VmId;
use corral_engine::ports::{Failure, Probe, Step};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::App;
use crate::api::extract::{Caller, Id};
use crate::api::problem::Problem;

/// What a connection test found.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProbeResult {
    /// Whether every step went well.
    pub ok: bool,
    /// Steps in order; the last one failed if any did.
    pub steps: Vec<ProbeStep>,
    /// Time of one round trip over the connection.
    #[schema(required)]
    pub latency_ms: Option<u32>,
    /// Why it failed.
    #[schema(required)]
    pub failure: Option<ProbeFailure>,
    /// Host key that was accepted for the first time.
    #[schema(required)]
    pub new_host_key: Option<String>,
}

/// One step.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProbeStep {
    /// Name of the machine that it is about: the one that is tested, or one on the way to it.
    pub vm: String,
    /// `resolve`, `connect`, `host key`, `authenticate`, `exec`.
    pub name: String,
    /// Whether it went well.
    pub ok: bool,
    /// What was found, or what happened and what to do.
    pub detail: String,
    /// How long it took.
    pub took_ms: u64,
}

/// Why a VM cannot be used.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProbeFailure {
    /// Which step.
    pub step: String,
    /// What happened.
    pub message: String,
    /// What to do.
    pub remedy: String,
    /// Host key that was shown and is not accepted.
    #[schema(required)]
    pub offered_host_key: Option<String>,
}

/// Tests the way to a VM step by step.
#[utoipa::path(post, path = "/api/vms/{id}/test", tag = "vms", params(("id" = String, Path)), responses(
    (status = 200, description = "What was found; also when the VM cannot be reached", body = ProbeResult),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn test(State(app): State<App>, caller: Caller, Id(id): Id<VmId>) -> Result<Json<ProbeResult>, Problem> {
    Ok(Json(app.engine().test_vm(caller.actor(), id).await?.into()))
}

impl From<Probe> for ProbeResult {
    fn from(probe: Probe) -> Self {
        Self {
            ok: probe.failure.is_none(),
            steps: probe.steps.into_iter().map(ProbeStep::from).collect(),
            latency_ms: probe.latency.map(|latency| u32::try_from(latency.as_millis()).unwrap_or(u32::MAX)),
            failure: probe.failure.map(ProbeFailure::from),
            new_host_key: probe.new_host_key,
        }
    }
}

impl From<Step> for ProbeStep {
    fn from(step: Step) -> Self {
        let took_ms = u64::try_from(step.took.as_millis()).unwrap_or(u64::MAX);
        Self { vm: step.vm, name: step.name.to_owned(), ok: step.ok, detail: step.detail, took_ms }
    }
}

impl From<Failure> for ProbeFailure {
    fn from(failure: Failure) -> Self {
        let Failure { step, message, remedy, offered_host_key } = failure;
        Self { step: step.to_owned(), message, remedy, offered_host_key }
    }
}
