//! `GET /api/jobs/{id}/groups`

use axum::Json;
use axum::extract::State;
use corral_domain::{JobId, VmId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::App;
use crate::api::extract::{Caller, Id, Params};
use crate::api::problem::Problem;
use crate::api::types::TaskStatus;

/// What is compared.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct GroupsOf {
    /// Which output; `stdout` without.
    #[serde(default)]
    #[param(inline)]
    stream: Stream,
}

/// Which output is compared.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    /// Standard output.
    #[default]
    Stdout,
    /// Standard error.
    Stderr,
    /// Both; how their lines lie between each other does not count.
    Both,
}

/// A job's tasks by what they wrote.
#[derive(Debug, Serialize, ToSchema)]
pub struct Groups {
    /// Tasks of the job.
    pub total: usize,
    /// Tasks that have not ended and are in no group yet.
    pub pending: usize,
    /// The largest first.
    pub groups: Vec<Group>,
}

/// Tasks that wrote the same and ended with the same exit code.
#[derive(Debug, Serialize, ToSchema)]
pub struct Group {
    /// SHA-256 of the output.
    pub digest: String,
    /// Lines of output.
    pub lines: u64,
    /// Bytes of output.
    pub bytes: u64,
    /// Exit code of all of them.
    #[schema(required)]
    pub exit_code: Option<i32>,
    /// The VMs, in the order of the tasks.
    pub vms: Vec<GroupVm>,
    /// The output, at most 64 KiB and 2,000 lines of it.
    pub text: String,
    /// Not all of the output, or of the diff, is here.
    pub truncated: bool,
    /// Unified diff against the first group; null for that one, and where there are too many to compare.
    #[schema(required)]
    pub diff: Option<String>,
}

/// A VM of a group.
#[derive(Debug, Serialize, ToSchema)]
pub struct GroupVm {
    /// It.
    #[schema(value_type = String, format = Uuid)]
    pub vm_id: VmId,
    /// Its name when the job was made.
    pub vm_name: String,
    /// How its task ended.
    pub status: TaskStatus,
}

/// Groups tasks by identical output, and shows how the others differ from the largest group.
#[utoipa::path(get, path = "/api/jobs/{id}/groups", tag = "jobs", operation_id = "job_groups",
    params(("id" = String, Path), GroupsOf), responses(
    (status = 200, description = "The groups", body = Groups),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn groups(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id<JobId>,
    Params(of): Params<GroupsOf>,
) -> Result<Json<Groups>, Problem> {
    let stream = match of.stream {
        Stream::Stdout => corral_engine::GroupStream::Stdout,
        Stream::Stderr => corral_engine::GroupStream::Stderr,
        Stream::Both => corral_engine::GroupStream::Both,
    };
    let groups = app.engine().job_groups(caller.actor(), id, stream).await?;
    Ok(Json(groups.ok_or_else(|| Problem::not_found("job", id))?.into()))
}

impl From<corral_engine::Groups> for Groups {
    fn from(groups: corral_engine::Groups) -> Self {
        let group = |group: corral_engine::Group| Group {
            digest: group.digest,
            lines: group.lines,
            bytes: group.bytes,
            exit_code: group.exit_code,
            vms: group
                .vms
                .into_iter()
                .map(|(vm_id, vm_name, status)| GroupVm { vm_id, vm_name, status: status.into() })
                .collect(),
            text: group.text,
            truncated: group.truncated,
            diff: group.diff,
        };
        Self { total: groups.total, pending: groups.pending, groups: groups.groups.into_iter().map(group).collect() }
    }
}
