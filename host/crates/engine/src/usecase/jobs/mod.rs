//! Jobs: what can be asked for. One file an operation.

mod create;
mod diff;
mod end;
mod groups;
mod preview;
mod retry;

use corral_domain::{CommandLine, FilterChoice, Job, JobId, Mode, RunAs, Strategy, Task, VmId};
use corral_storage::{JobFilter, StorageError};
use serde_json::Value;

pub(crate) use create::hex;
pub use groups::{Group, GroupStream, Groups};
pub use preview::{Preview, PreviewItem};
pub use retry::Which;

use crate::{Engine, UseCaseError};

/// What a job runs.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// A command as it was typed.
    Command(CommandLine),
    /// A template.
    Template {
        /// Its id.
        id: String,
        /// What it is given.
        args: Value,
    },
}

/// Which VMs a job runs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Targets {
    /// These, in this order.
    Vms(Vec<VmId>),
    /// Those that a selector admits now.
    Selector(String),
}

/// What somebody wants to run.
#[derive(Debug, Clone, PartialEq)]
pub struct JobRequest {
    /// What.
    pub what: What,
    /// Where.
    pub targets: Targets,
    /// How; without, as the template says, else in a capsule.
    pub mode: Option<Mode>,
    /// Tasks at once.
    pub parallelism: Option<u32>,
    /// For each task, in seconds.
    pub timeout_seconds: Option<u32>,
    /// Variables besides those that the template sets.
    pub env: Vec<(String, String)>,
    /// Folder to start in; the template's has precedence.
    pub workdir: Option<String>,
    /// Standard input for every VM; the template's has precedence.
    pub stdin: Option<Vec<u8>>,
    /// How it goes over its VMs.
    pub strategy: Strategy,
    /// As whom it runs.
    pub run_as: Option<RunAs>,
    /// Log filters beside those that every job has.
    pub filters: FilterChoice,
    /// [`Preview::command_hash`]: refuse if by now something else would run.
    pub expect_hash: Option<String>,
    /// The same key with the same request makes one job.
    pub idempotency_key: Option<String>,
}

impl JobRequest {
    /// A command on VMs with everything else as usual.
    pub fn command(command: CommandLine, targets: Targets) -> Self {
        Self::new(What::Command(command), targets)
    }

    /// Something on VMs with everything else as usual.
    pub fn new(what: What, targets: Targets) -> Self {
        Self {
            what,
            targets,
            mode: None,
            parallelism: None,
            timeout_seconds: None,
            env: Vec::new(),
            workdir: None,
            stdin: None,
            strategy: Strategy::default(),
            run_as: None,
            filters: FilterChoice::default(),
            expect_hash: None,
            idempotency_key: None,
        }
    }
}

impl Engine {
    /// The newest jobs, newest first.
    pub async fn recent_jobs(&self, limit: u32) -> Result<Vec<Job>, UseCaseError> {
        Ok(self.jobs(&JobFilter::default(), limit).await?.jobs)
    }

    /// A job with its tasks, live or stored.
    pub async fn job(&self, id: JobId) -> Result<Option<(Job, Vec<Task>)>, StorageError> {
        let state = self.state();
        if let Some(job) = state.jobs.get(&id) {
            let tasks = state.tasks_of(id).iter().map(|task| Task::clone(task)).collect();
            return Ok(Some((Job::clone(job), tasks)));
        }
        match self.inner.deps.state.job(id).await? {
            Some(job) => Ok(Some((job, self.inner.deps.state.tasks(id).await?))),
            None => Ok(None),
        }
    }
}
