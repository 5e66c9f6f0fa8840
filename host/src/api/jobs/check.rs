//! `POST /api/jobs/{id}/check`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use corral_domain::{JobId, VmId};
use serde::Deserialize;
use utoipa::ToSchema;

use crate::api::App;
use crate::api::extract::{Body, Caller, Id};
use crate::api::problem::Problem;
use crate::api::types::Job;

/// Which tasks to look after.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckBody {
    /// Those on these VMs; without, all whose end is unknown.
    #[schema(value_type = Option<Vec<String>>)]
    vms: Option<Vec<VmId>>,
}

/// Looks after tasks whose end is unknown: follows on what still runs, and finds out how the rest ended where the machine
/// knows. What cannot be found out is unknown again, with the reason. A conflict if there is nothing to look after.
#[utoipa::path(post, path = "/api/jobs/{id}/check", tag = "jobs", operation_id = "check_job", params(("id" = String, Path)),
    request_body = CheckBody, responses(
    (status = 202, description = "The job; what is found out comes as events", body = Job),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn check(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<JobId>,
    Body(body): Body<CheckBody>,
) -> Result<(StatusCode, Json<Job>), Problem> {
    let job = app.engine().check_job(caller.actor(), id, body.vms).await?;
    Ok((StatusCode::ACCEPTED, Json(Job::from(&job))))
}
