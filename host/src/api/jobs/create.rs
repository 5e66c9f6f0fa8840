//! `POST /api/jobs`

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use corral_engine::{JobRequest, What};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::api::App;
use crate::api::extract::{Body, Caller};
use crate::api::problem::{FieldProblem, Problem};
use crate::api::targets::TargetsBody;
use crate::api::types::{Command, Job, Mode, TemplateUse};

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
    /// `direct` without.
    mode: Option<Mode>,
    /// Tasks at once.
    parallelism: Option<u32>,
    /// For each task.
    timeout_seconds: Option<u32>,
    /// Variables to set.
    #[serde(default)]
    env: BTreeMap<String, String>,
    /// Folder to start in.
    workdir: Option<String>,
    /// Standard input. Never stored or shown.
    stdin: Option<String>,
    /// Not part of this version yet.
    #[schema(value_type = Option<Object>)]
    batch: Option<Value>,
    /// Not part of this version yet.
    #[schema(value_type = Option<Object>)]
    max_failures: Option<Value>,
    /// Not part of this version yet.
    #[schema(value_type = Option<Object>)]
    run_as: Option<Value>,
    /// Not part of this version yet.
    #[schema(value_type = Option<bool>)]
    dry_run: Option<Value>,
}

/// Starts a job.
#[utoipa::path(post, path = "/api/jobs", tag = "jobs", operation_id = "create_job", request_body = JobBody,
    params(("Idempotency-Key" = Option<String>, Header, description = "The same key makes one job")), responses(
    (status = 201, description = "The job with its tasks", body = Job),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn create(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Body(body): Body<JobBody>,
) -> Result<Response, Problem> {
    let request = JobRequest { idempotency_key: idempotency_key(&headers)?, ..body.try_into()? };
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
        refuse_later(&body)?;
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
            idempotency_key: None,
        })
    }
}

/// What a later version will do must not be silently left out by this one.
fn refuse_later(body: &JobBody) -> Result<(), Problem> {
    let asked = [
        ("batch", body.batch.is_some()),
        ("max_failures", body.max_failures.is_some()),
        ("run_as", body.run_as.is_some()),
        ("dry_run", body.dry_run.as_ref().is_some_and(|value| *value != Value::Bool(false))),
    ];
    let errors: Vec<_> = asked
        .into_iter()
        .filter(|(_, asked)| *asked)
        .map(|(field, _)| FieldProblem { field: field.into(), message: "is not part of this version yet".into() })
        .collect();
    if errors.is_empty() { Ok(()) } else { Err(Problem::invalid(errors)) }
}
