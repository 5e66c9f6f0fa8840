//! Jobs and their tasks.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{CommandLine, FilterChoice, JobId, Receipt, RenderedCommand, RunAs, Strategy, Timestamp, VmId};

/// How a command runs on a VM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// In a supervisor on the VM that outlives the connection.
    #[default]
    Durable,
    /// On the bare SSH channel; lost when the connection is.
    Direct,
    /// In an interactive terminal.
    Terminal,
}

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskStatus {
    /// Waits for its turn.
    Queued,
    /// The VM is being connected to.
    Connecting,
    /// The command runs.
    Running,
    /// It ended with exit code 0.
    Succeeded,
    /// It ended with another exit code or by a signal, or the host could not go on with it.
    Failed,
    /// A person stopped it.
    Cancelled,
    /// It took longer than it was given.
    TimedOut,
    /// The VM could not be reached; nothing was started.
    Unreachable,
    /// The host lost sight of it and cannot know how it ended.
    Unknown,
}

impl TaskStatus {
    /// All of them, in the order of a task's life.
    pub const ALL: [Self; 9] = [
        Self::Queued,
        Self::Connecting,
        Self::Running,
        Self::Succeeded,
        Self::Failed,
        Self::Cancelled,
        Self::TimedOut,
        Self::Unreachable,
        Self::Unknown,
    ];

    /// Whether a task in it has ended. Of these only `unknown` is ever left again, when somebody looks after it.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Connecting | Self::Running)
    }

    /// Whether a task may go from this status to `next`.
    pub fn may_become(self, next: Self) -> bool {
        match self {
            Self::Queued => next != Self::Queued,
            // A pooled connection may turn out to be dead, in which case the task connects again.
            Self::Connecting => next != Self::Queued && next != Self::Connecting,
            Self::Running => next.is_final() && next != Self::Unreachable,
            _ => false,
        }
    }

    /// As it is written in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Connecting => "connecting",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::TimedOut => "timed_out",
            Self::Unreachable => "unreachable",
            Self::Unknown => "unknown",
        }
    }
}

/// Where a job stands; follows from its tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    /// No task has begun.
    Queued,
    /// Some task has begun and not all have ended.
    Running,
    /// All tasks succeeded.
    Succeeded,
    /// Some task failed, timed out or was not reachable.
    Failed,
    /// None failed, but some were cancelled.
    Cancelled,
    /// None failed, but of some the end is not known.
    Unknown,
}

impl JobStatus {
    /// Whether all tasks have ended.
    pub fn is_final(self) -> bool {
        !matches!(self, Self::Queued | Self::Running)
    }

    /// As it is written in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Unknown => "unknown",
        }
    }
}

impl std::str::FromStr for JobStatus {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Queued, Self::Running, Self::Succeeded, Self::Failed, Self::Cancelled, Self::Unknown]
            .into_iter()
            .find(|status| status.as_str() == text)
            .ok_or_else(|| "is one of queued, running, succeeded, failed, cancelled, unknown".to_owned())
    }
}

/// How many tasks are in which status. `connecting` counts as running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is the status of its name")]
pub struct Counts {
    pub queued: u32,
    pub running: u32,
    pub succeeded: u32,
    pub failed: u32,
    pub cancelled: u32,
    pub timed_out: u32,
    pub unreachable: u32,
    pub unknown: u32,
}

impl Counts {
    /// Counts tasks by status.
    pub fn of(statuses: impl IntoIterator<Item = TaskStatus>) -> Self {
        let mut counts = Self::default();
        for status in statuses {
            *counts.slot(status) += 1;
        }
        counts
    }

    /// Moves one task from one status to another.
    pub fn shift(&mut self, from: TaskStatus, to: TaskStatus) {
        let slot = self.slot(from);
        *slot = slot.saturating_sub(1);
        *self.slot(to) += 1;
    }

    fn slot(&mut self, status: TaskStatus) -> &mut u32 {
        match status {
            TaskStatus::Queued => &mut self.queued,
            TaskStatus::Connecting | TaskStatus::Running => &mut self.running,
            TaskStatus::Succeeded => &mut self.succeeded,
            TaskStatus::Failed => &mut self.failed,
            TaskStatus::Cancelled => &mut self.cancelled,
            TaskStatus::TimedOut => &mut self.timed_out,
            TaskStatus::Unreachable => &mut self.unreachable,
            TaskStatus::Unknown => &mut self.unknown,
        }
    }

    /// All tasks.
    pub fn total(&self) -> u32 {
        self.unfinished() + self.finished()
    }

    /// Tasks that have ended.
    pub fn finished(&self) -> u32 {
        self.succeeded + self.failed + self.cancelled + self.timed_out + self.unreachable + self.unknown
    }

    /// Tasks that have not.
    pub fn unfinished(&self) -> u32 {
        self.queued + self.running
    }

    /// The job's status that follows.
    pub fn job_status(&self) -> JobStatus {
        if self.unfinished() > 0 {
            if self.running == 0 && self.finished() == 0 { JobStatus::Queued } else { JobStatus::Running }
        } else if self.failed + self.timed_out + self.unreachable > 0 {
            JobStatus::Failed
        } else if self.unknown > 0 {
            JobStatus::Unknown
        } else if self.cancelled > 0 {
            JobStatus::Cancelled
        } else {
            JobStatus::Succeeded
        }
    }
}

/// Which template a job was made from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateUse {
    /// Its id.
    pub id: String,
    /// What it was given; of a job without what the template marks as secret.
    pub args: serde_json::Value,
}

/// One run of a command on a frozen list of VMs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its id; its time tells which day's log file holds its output.
    pub id: JobId,
    /// Follows from `counts`.
    pub status: JobStatus,
    /// How the command runs.
    pub mode: Mode,
    /// What runs; of a template, what the first VM was given.
    pub command: CommandLine,
    /// Template and arguments.
    pub template: Option<TemplateUse>,
    /// VMs, in the order of their tasks.
    pub targets: Vec<VmId>,
    /// Tasks by status.
    pub counts: Counts,
    /// How many tasks run at once.
    pub parallelism: u32,
    /// What each task is given, in seconds; none: no limit.
    pub timeout_seconds: Option<u32>,
    /// How it goes over its VMs.
    #[serde(default)]
    pub strategy: Strategy,
    /// As whom the command runs; none: the account that is logged in as.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_as: Option<RunAs>,
    /// Log filters beside those that every job has.
    #[serde(default, skip_serializing_if = "FilterChoice::is_empty")]
    pub filters: FilterChoice,
    /// The job of which it repeats some tasks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_of: Option<JobId>,
    /// SHA-256 in hex of what each VM runs, in order: what a preview showed and what ran can be compared.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub command_hash: String,
    /// Someone asked for its end.
    pub cancel_requested_at: Option<Timestamp>,
    /// Who started it.
    pub created_by: String,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When its first task began.
    pub started_at: Option<Timestamp>,
    /// When its last task ended.
    pub finished_at: Option<Timestamp>,
    /// Versions of the plugins that took part.
    pub plugins: BTreeMap<String, String>,
}

/// Names a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TaskKey {
    /// Its job.
    pub job: JobId,
    /// Its VM.
    pub vm: VmId,
}

impl TaskKey {
    /// The name of its capsule on the VM, and the cookie of its processes: letters, digits and one dash.
    pub fn capsule(&self) -> String {
        format!("{}-{}", self.job.as_uuid().simple(), self.vm.as_uuid().simple())
    }
}

/// The part of a job that runs on one VM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Which.
    pub key: TaskKey,
    /// The VM's name when the job was made; it may be gone by now.
    pub vm_name: String,
    /// Place among the job's tasks.
    pub position: u32,
    /// Where it stands.
    pub status: TaskStatus,
    /// What it runs; none: the job's command without anything around it.
    pub rendered: Option<RenderedCommand>,
    /// Standard input was given; it is not kept across a restart.
    pub has_stdin: bool,
    /// Exit code of the command.
    pub exit_code: Option<i32>,
    /// Name of the signal that ended it: `TERM`.
    pub signal: Option<String>,
    /// Lines stored.
    pub lines: u64,
    /// Bytes received.
    pub bytes: u64,
    /// When it began to connect.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub finished_at: Option<Timestamp>,
    /// Why it ended as it did, and what to do; empty where the exit code says all.
    pub message: String,
    /// Since when the host has no connection to a command that runs; it is looked for again and again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_lost_at: Option<Timestamp>,
    /// When its end was asked for, of it and not of the whole job; it is ended wherever it is met.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancel_requested_at: Option<Timestamp>,
    /// What is known of its processes after it was cancelled or took too long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Receipt>,
}

impl Task {
    /// Whether nothing of it was ever started: it has not begun to connect, or the VM was not reached.
    pub fn never_started(&self) -> bool {
        self.started_at.is_none() || self.status == TaskStatus::Unreachable
    }
}
