//! `POST /api/jobs/{id}/retry`

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use corral_domain::JobId;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::api::App;
use crate::api::extract::{Body, Caller, Id};
use crate::api::problem::Problem;
use crate::api::types::Job;

/// Which tasks run again.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryBody {
    /// Which.
    which: Which,
}

/// Tasks by how they ended.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// All of them.
    All,
    /// Those that failed or took too long.
    Failed,
    /// Those that were cancelled before they began.
    NotStarted,
    /// Those whose VM was not reached.
    Unreachable,
    /// Those of which the end is not known; they may have run.
    Unknown,
}

/// Makes a new job of tasks of this one: the same commands with the same settings, on those of their VMs that still exist. A
/// conflict if there is none, or if the job had standard input, which is not kept.
#[utoipa::path(post, path = "/api/jobs/{id}/retry", tag = "jobs", operation_id = "retry_job", params(("id" = String, Path)),
    request_body = RetryBody, responses(
    (status = 201, description = "The new job with its tasks; `retry_of` names this one", body = Job),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn retry(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<JobId>,
    Body(body): Body<RetryBody>,
) -> Result<Response, Problem> {
    let (job, tasks) = app.engine().retry_job(caller.actor(), id, body.which.into()).await?;
    let location = format!("/api/jobs/{}", job.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(Job::with_tasks(&job, &tasks))).into_response())
}

impl From<Which> for corral_engine::Which {
    fn from(which: Which) -> Self {
        match which {
            Which::All => Self::All,
            Which::Failed => Self::Failed,
            Which::NotStarted => Self::NotStarted,
            Which::Unreachable => Self::Unreachable,
            Which::Unknown => Self::Unknown,
        }
    }
}
