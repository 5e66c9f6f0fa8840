//! `POST /api/jobs`

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use corral_engine::{JobRequest, What};
use serde::Deserialize;
use utoipa::ToSchema;

use super::Preview;
use crate::api::App;
use crate::api::extract::{Body, Caller};
use crate::api::problem::Problem;
use crate::api::targets::TargetsBody;
use crate::api::types::{Batch, Command, Filters, Job, Mode, RunAs, Share, TemplateUse};

const KEY_MAX: usize = 255;

/// What to run, and where.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct JobBody {
    /// A command; or `template`.
    command: Option<Command>,
    /// A template; or `command`.
    template: Option<TemplateUse>,
    targets: TargetsBody,
    /// `durable` without, unless the template says otherwise.
    mode: Option<Mode>,
    /// Tasks at once; 64 without.
    parallelism: Option<u32>,
    /// For each task.
    timeout_seconds: Option<u32>,
    /// For the whole job: then what runs is ended, and what has not begun never does.
    job_timeout_seconds: Option<u32>,
    /// So many VMs go first, alone; the others only if all of these succeed: `1` or `"5%"`.
    #[schema(value_type = Option<Share>)]
    canary: Option<corral_domain::Share>,
    /// One batch after the other.
    batch: Option<Batch>,
    /// No task begins any more once so many have failed, timed out, were unreachable or ended unknown: `3` or `"10%"`.
    #[schema(value_type = Option<Share>)]
    max_failures: Option<corral_domain::Share>,
    /// As whom it runs, by sudo.
    run_as: Option<RunAs>,
    /// Log filters beside those that every job has.
    filters: Option<Filters>,
    /// Variables to set.
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// Folder to start in.
    workdir: Option<String>,
    /// Standard input. Never stored or shown.
    stdin: Option<String>,
    /// Only tell what would run, where and in which order.
    #[serde(default)]
    dry_run: bool,
    /// `command_hash` of a preview: a conflict if by now something else would run.
    expect_hash: Option<String>,
}

/// Starts a job; or, with `dry_run`, tells what it would do.
#[utoipa::path(post, path = "/api/jobs", tag = "jobs", operation_id = "create_job", request_body = JobBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key makes one job")), responses(
    (status = 201, description = "The job with its tasks", body = Job),
    (status = 200, description = "With `dry_run`: what the job would do", body = Preview),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn create(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Body(body): Body<JobBody>,
) -> Result<Response, Problem> {
    let dry_run = body.dry_run;
    let request = JobRequest { idempotency_key: idempotency_key(&headers)?, ..body.try_into()? };
    if dry_run {
        let preview = app.engine().preview_job(caller.actor(), request).await?;
        return Ok(Json(Preview::from(preview)).into_response());
    }
    let (job, tasks) = app.engine().create_job(caller.actor(), request).await?;
    let location = format!("/api/jobs/{}", job.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, location)], Json(Job::with_tasks(&job, &tasks))).into_response())
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    match value.to_str() {
        Ok(key) if !key.is_empty() && key.len() <= KEY_MAX => Ok(Some(key.to_owned())),
        _ => Err(Problem::bad_parameter("Idempotency-Key", format!("has 1 to {KEY_MAX} visible ASCII characters"))),
    }
}

impl TryFrom<JobBody> for JobRequest {
    type Error = Problem;

    fn try_from(body: JobBody) -> Result<Self, Problem> {
        let what = match (body.command, body.template) {
            (Some(command), None) => What::Command(command.into()),
            (None, Some(TemplateUse { id, args })) => {
                What::Template { id, args: if args.is_null() { serde_json::json!({}) } else { args } }
            }
            (None, None) => return Err(Problem::invalid_field("command", "either `command` or `template` is needed")),
            (Some(_), Some(_)) => return Err(Problem::invalid_field("template", "`command` or `template`, not both")),
        };
        Ok(Self {
            what,
            targets: body.targets.try_into()?,
            mode: body.mode.map(corral_domain::Mode::from),
            parallelism: body.parallelism,
            timeout_seconds: body.timeout_seconds,
            env: body.env.into_iter().collect(),
            workdir: body.workdir,
            stdin: body.stdin.map(String::into_bytes),
            strategy: corral_domain::Strategy {
                canary: body.canary,
                batch: body
                    .batch
                    .map(|batch| corral_domain::Batch { size: batch.size, pause_seconds: batch.pause_seconds }),
                max_failures: body.max_failures,
                job_timeout_seconds: body.job_timeout_seconds,
            },
            run_as: body.run_as.map(|RunAs { user, secret }| corral_domain::RunAs { user, secret }),
            filters: body.filters.map(Into::into).unwrap_or_default(),
            expect_hash: body.expect_hash,
            idempotency_key: None,
        })
    }
}
