//! `POST /api/jobs/{id}/cancel`

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use corral_domain::JobId;

use crate::api::App;
use crate::api::extract::{Caller, Id};
use crate::api::problem::Problem;
use crate::api::types::Job;

/// Asks for a job's end. Asking twice is no error; a job that has ended is a conflict that says how.
#[utoipa::path(post, path = "/api/jobs/{id}/cancel", tag = "jobs", operation_id = "cancel_job", params(("id" = String, Path)), responses(
    (status = 202, description = "The job; its tasks end in a moment", body = Job),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn cancel(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<JobId>,
) -> Result<(StatusCode, Json<Job>), Problem> {
    let job = app.engine().cancel_job(caller.actor(), id).await?;
    Ok((StatusCode::ACCEPTED, Json(Job::from(&job))))
}
