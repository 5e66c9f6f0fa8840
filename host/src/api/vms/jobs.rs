//! `GET /api/vms/{id}/jobs`

use axum::Json;
use axum::extract::State;
use corral_domain::{JobId, VmId};
use corral_storage::JobFilter;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::api::App;
use crate::api::extract::{Id, Params};
use crate::api::jobs::page;
use crate::api::problem::Problem;
use crate::api::types::{Job, Page};

/// Which page.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct PageOfJobs {
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// At most 200; 50 without.
    limit: Option<u32>,
}

/// Jobs that ran on a VM, newest first; also of one that was removed.
#[utoipa::path(get, path = "/api/vms/{id}/jobs", tag = "vms", params(("id" = String, Path), PageOfJobs), responses(
    (status = 200, description = "A page of jobs", body = Page<Job>),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn jobs(
    State(app): State<App>,
    Id(vm): Id<VmId>,
    Params(params): Params<PageOfJobs>,
) -> Result<Json<Page<Job>>, Problem> {
    let before = params.cursor.map(|cursor| cursor.parse::<JobId>()).transpose();
    let before = before.map_err(|error| Problem::bad_parameter("cursor", error.to_string()))?;
    let filter = JobFilter { vm: Some(vm), before, ..JobFilter::default() };
    let page = page(&app, &filter, params.limit).await?;
    if page.items.is_empty() && !app.engine().state().vms.contains_key(&vm) {
        return Err(Problem::not_found("VM", vm));
    }
    Ok(Json(page))
}
