//! `POST /api/jobs/{id}/close`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use corral_domain::JobId;

use crate::api::App;
use crate::api::extract::{Caller, Id};
use crate::api::problem::Problem;
use crate::api::types::Job;

/// Gives up on a job, whatever its machines do: tasks at work become unknown and are let go of, queued ones cancelled. What
/// runs on a machine may go on there. A job that has ended is a conflict that says how.
#[utoipa::path(post, path = "/api/jobs/{id}/close", tag = "jobs", operation_id = "close_job", params(("id" = String, Path)), responses(
    (status = 202, description = "The job, which has ended", body = Job),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn close(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<JobId>,
) -> Result<(StatusCode, Json<Job>), Problem> {
    let job = app.engine().close_job(caller.actor(), id).await?;
    Ok((StatusCode::ACCEPTED, Json(Job::from(&job))))
}
