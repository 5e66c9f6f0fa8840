//! `POST /api/discovery/{source}/import`

use axum::Json;
use axum::extract::{Path, State};
use corral_domain::VmId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::App;
use crate::api::extract::{Body, Caller};
use crate::api::problem::Problem;

/// What to take over: exactly one of the two.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportBody {
    /// These.
    external_ids: Option<Vec<String>>,
    /// Everything that is found.
    #[serde(default)]
    all: bool,
}

/// What was taken over.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportResult {
    /// New VMs.
    #[schema(value_type = Vec<String>)]
    pub added: Vec<VmId>,
    /// VMs that were brought up to date.
    #[schema(value_type = Vec<String>)]
    pub updated: Vec<VmId>,
    /// How many were up to date.
    pub unchanged: u64,
    /// What could not be taken over.
    pub problems: Vec<ImportProblem>,
}

/// One that could not be taken over.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImportProblem {
    /// Which.
    pub external_id: String,
    /// Why, and what to do.
    pub message: String,
}

/// Takes found machines over into the inventory.
#[utoipa::path(post, path = "/api/discovery/{source}/import", tag = "discovery", operation_id = "import",
    request_body = ImportBody, params(("source" = String, Path)), responses(
    (status = 200, description = "What was taken over", body = ImportResult),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn import(
    State(app): State<App>,
    caller: Caller,
    Path(source): Path<String>,
    Body(body): Body<ImportBody>,
) -> Result<Json<ImportResult>, Problem> {
    let chosen = match (&body.external_ids, body.all) {
        (Some(ids), false) if !ids.is_empty() => Some(ids.as_slice()),
        (None, true) => None,
        (Some(_), true) => return Err(Problem::invalid_field("all", "`external_ids` or `all`, not both")),
        (Some(_) | None, false) => {
            let text = "nothing is chosen; name some, or send {\"all\": true}";
            return Err(Problem::invalid_field("external_ids", text));
        }
    };
    let imported = app.engine().import(caller.actor(), &source, chosen).await?;
    let problems = imported.problems.into_iter();
    Ok(Json(ImportResult {
        added: imported.added,
        updated: imported.updated,
        unchanged: imported.unchanged as u64,
        problems: problems.map(|(external_id, message)| ImportProblem { external_id, message }).collect(),
    }))
}
