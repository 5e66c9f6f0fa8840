//! `POST /api/jobs/{id}/cancel`

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

/// Which tasks to cancel.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelBody {
    /// Those on these VMs; without, the whole job.
    #[schema(value_type = Option<Vec<String>>)]
    vms: Option<Vec<VmId>>,
}

/// Asks for the end of a job, or of some of its tasks. Asking twice is no error; a job that has ended is a conflict that says
/// how.
#[utoipa::path(post, path = "/api/jobs/{id}/cancel", tag = "jobs", operation_id = "cancel_job", params(("id" = String, Path)),
    request_body = Option<CancelBody>, responses(
    (status = 202, description = "The job; its tasks end in a moment", body = Job),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn cancel(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<JobId>,
    body: Option<Body<CancelBody>>,
) -> Result<(StatusCode, Json<Job>), Problem> {
    let vms = body.and_then(|Body(body)| body.vms);
    let job = app.engine().cancel_job(caller.actor(), id, vms).await?;
    Ok((StatusCode::ACCEPTED, Json(Job::from(&job))))
}
