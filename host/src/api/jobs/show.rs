//! `GET /api/jobs/{id}`

use axum::Json;
use axum::extract::State;
use corral_domain::JobId;

use crate::api::App;
use crate::api::extract::Id;
use crate::api::problem::Problem;
use crate::api::types::Job;

/// One job with its tasks.
#[utoipa::path(get, path = "/api/jobs/{id}", tag = "jobs", operation_id = "show_job", params(("id" = String, Path)), responses(
    (status = 200, description = "The job", body = Job),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn show(State(app): State<App>, Id(id): Id<JobId>) -> Result<Json<Job>, Problem> {
    let (job, tasks) = app.engine().job(id).await?.ok_or_else(|| Problem::not_found("job", id))?;
    Ok(Json(Job::with_tasks(&job, &tasks)))
}
