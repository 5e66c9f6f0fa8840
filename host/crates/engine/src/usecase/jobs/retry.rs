//! Running a job again, or what of it did not go well.

use std::str::FromStr;

use corral_domain::{Job, JobId, NewJob, Refusal, RenderedCommand, Task, TaskStatus, VmId};

use super::create::{Plan, command_hash};
use crate::run::Inputs;
use crate::{Actor, Engine, Role, UseCaseError};

/// Which of a job's tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// All of them.
    All,
    /// Those that failed or took too long.
    Failed,
    /// Those that were cancelled before they began.
    NotStarted,
    /// Those whose VM was not reached.
    Unreachable,
    /// Those of which the end is not known. They may have run.
    Unknown,
}

impl Which {
    /// All that there are.
    pub const ALL: [Self; 5] = [Self::All, Self::Failed, Self::NotStarted, Self::Unreachable, Self::Unknown];

    /// As it is written in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Failed => "failed",
            Self::NotStarted => "not_started",
            Self::Unreachable => "unreachable",
            Self::Unknown => "unknown",
        }
    }

    fn admits(self, task: &Task) -> bool {
        match self {
            Self::All => true,
            Self::Failed => matches!(task.status, TaskStatus::Failed | TaskStatus::TimedOut),
            Self::NotStarted => task.status == TaskStatus::Cancelled && task.started_at.is_none(),
            Self::Unreachable => task.status == TaskStatus::Unreachable,
            Self::Unknown => task.status == TaskStatus::Unknown,
        }
    }
}

impl FromStr for Which {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|which| which.as_str() == text)
            .ok_or_else(|| format!("is one of {}", Self::ALL.map(Self::as_str).join(", ")))
    }
}

impl Engine {
    /// Makes a job of some tasks of another: the same rendered commands with the same settings, on those of their VMs that
    /// still exist. Needs [`Role::Operator`].
    pub async fn retry_job(&self, actor: &Actor, id: JobId, which: Which) -> Result<(Job, Vec<Task>), UseCaseError> {
        actor.require(Role::Operator)?;
        if self.inner.stopping.is_cancelled() {
            return Err(UseCaseError::Stopping);
        }
        let (job, tasks) = self.job(id).await?.ok_or_else(|| UseCaseError::not_found("job", id))?;
        let commands = self.chosen(&job, tasks, which)?;
        self.check_secret(job.run_as.as_ref()).await?;
        self.check_filters(actor, &job.filters)?;
        let new = NewJob {
            id: self.ids().job(),
            mode: job.mode,
            plugins: self.plugins_of(job.template.as_ref()),
            template: job.template,
            command_hash: command_hash(&commands, job.run_as.as_ref()),
            commands,
            parallelism: job.parallelism,
            timeout_seconds: job.timeout_seconds,
            strategy: job.strategy,
            run_as: job.run_as,
            filters: job.filters,
            retry_of: Some(id),
            created_by: actor.name.clone(),
        };
        self.begin(actor, Plan { new, inputs: Inputs::default() }, None).await
    }

    fn chosen(&self, job: &Job, tasks: Vec<Task>, which: Which) -> Result<Vec<(VmId, RenderedCommand)>, UseCaseError> {
        let conflict = |text: String| Err(Refusal::Conflict(text).into());
        if which == Which::All && !job.status.is_final() {
            return conflict(format!(
                "job {} is still at work; cancel it first, or run again only those tasks that failed",
                job.id
            ));
        }
        let chosen: Vec<Task> = tasks.into_iter().filter(|task| which.admits(task)).collect();
        if chosen.is_empty() {
            let word = which.as_str().replace('_', " ");
            return conflict(format!("of job {}, no task is `{word}`; there is nothing to run again", job.id));
        }
        if chosen.iter().any(|task| task.has_stdin) {
            return conflict(format!(
                "job {} had standard input, which is never kept; start it anew, with its input",
                job.id
            ));
        }
        let state = self.state();
        let there = |task: &Task| state.vms.contains_key(&task.key.vm);
        let commands: Vec<_> = chosen
            .into_iter()
            .filter(there)
            .map(|task| {
                let rendered = task.rendered.unwrap_or_else(|| RenderedCommand::plain(job.command.clone()));
                (task.key.vm, rendered)
            })
            .collect();
        if commands.is_empty() {
            return conflict(format!("none of the VMs on which job {} would run again is there any more", job.id));
        }
        Ok(commands)
    }
}
