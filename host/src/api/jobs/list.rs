//! `GET /api/jobs`

use axum::Json;
use axum::extract::State;
use corral_domain::{JobId, JobStatus, Timestamp, VmId};
use corral_storage::JobFilter;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::App;
use crate::api::extract::{Params, limit};
use crate::api::problem::Problem;
use crate::api::types::{Job, Page};

const LIMIT_DEFAULT: u32 = 50;
const LIMIT_MAX: u32 = 200;

/// Which jobs.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ListJobs {
    /// With this status.
    status: Option<String>,
    /// With a task on this VM.
    vm: Option<String>,
    /// Made from this template.
    template: Option<String>,
    /// Created at or after this time (RFC 3339).
    since: Option<String>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// At most 200; 50 without.
    limit: Option<u32>,
}

/// Jobs without their tasks, newest first.
#[utoipa::path(get, path = "/api/jobs", tag = "jobs", operation_id = "list_jobs", params(ListJobs), responses(
    (status = 200, description = "A page of jobs", body = Page<Job>),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn list(State(app): State<App>, Params(params): Params<ListJobs>) -> Result<Json<Page<Job>>, Problem> {
    let filter = JobFilter {
        status: parse::<JobStatus>("status", params.status.as_deref())?,
        vm: parse::<VmId>("vm", params.vm.as_deref())?,
        template: params.template,
        since: parse::<Timestamp>("since", params.since.as_deref())?,
        before: parse::<JobId>("cursor", params.cursor.as_deref())?,
    };
    Ok(Json(page(&app, &filter, params.limit).await?))
}

/// A page of jobs.
pub async fn page(app: &App, filter: &JobFilter, asked: Option<u32>) -> Result<Page<Job>, Problem> {
    let page = app.engine().jobs(filter, limit(asked, LIMIT_DEFAULT, LIMIT_MAX)?).await?;
    let items = page.jobs.iter().map(Job::from).collect();
    Ok(Page { items, next_cursor: page.next.map(|id| id.to_string()), total: None })
}

fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(field: &str, text: Option<&str>) -> Result<Option<T>, Problem> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    text.parse().map(Some).map_err(|error| Problem::bad_parameter(field, format!("{error}")))
}
