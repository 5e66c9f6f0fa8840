//! Jobs and tasks.

use std::collections::BTreeMap;

use corral_domain::{JobId, Timestamp, VmId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Filters, Receipt};

/// One run of a command or template on a frozen list of VMs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Job {
    /// Its id.
    #[schema(value_type = String, format = Uuid)]
    pub id: JobId,
    /// Follows from its tasks.
    pub status: JobStatus,
    /// How the command runs.
    pub mode: Mode,
    /// What runs; of a template, what the first VM was given.
    pub command: Command,
    /// Template and arguments.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub template: Option<TemplateUse>,
    /// VMs, in the order of the tasks.
    #[schema(value_type = Vec<String>)]
    pub targets: Vec<VmId>,
    /// Tasks by status.
    pub counts: Counts,
    /// How many tasks run at once.
    pub parallelism: u32,
    /// What each task is given; null: no limit.
    #[schema(required)]
    pub timeout_seconds: Option<u32>,
    /// So many VMs go first, alone; the others only if all of these succeed: `1` or `"5%"`.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<Share>)]
    pub canary: Option<corral_domain::Share>,
    /// Rolling batches.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub batch: Option<Batch>,
    /// No task begins any more once so many have failed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<Share>)]
    pub max_failures: Option<corral_domain::Share>,
    /// What the whole job is given, in seconds.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub job_timeout_seconds: Option<u32>,
    /// As whom it runs, by sudo.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub run_as: Option<RunAs>,
    /// Log filters beside those that every job has.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub filters: Option<Filters>,
    /// The job of which it repeats some tasks.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>)]
    pub retry_of: Option<JobId>,
    /// SHA-256 of what each VM runs; a preview of the same has the same.
    pub command_hash: String,
    /// Who started it.
    pub created_by: String,
    /// Versions of the plugins that took part.
    pub plugins: BTreeMap<String, String>,
    /// When it was accepted.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When its first task began.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    /// When its last task ended.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub finished_at: Option<Timestamp>,
    /// When somebody asked for its end.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub cancel_requested_at: Option<Timestamp>,
    /// Its tasks; left out in lists.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub tasks: Option<Vec<Task>>,
}

/// The part of a job that runs on one VM.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Task {
    /// Its job.
    #[schema(value_type = String, format = Uuid)]
    pub job_id: JobId,
    /// Its VM.
    #[schema(value_type = String, format = Uuid)]
    pub vm_id: VmId,
    /// The VM's name when the job was made.
    pub vm_name: String,
    /// Place among the job's tasks.
    pub position: u32,
    /// Where it stands.
    pub status: TaskStatus,
    /// What it runs, where that is not the job's command run plainly.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub command: Option<Command>,
    /// Variables set for it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub env: Option<BTreeMap<String, String>>,
    /// Folder in which it starts.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub workdir: Option<String>,
    /// Exit code of the command.
    #[schema(required)]
    pub exit_code: Option<i32>,
    /// Name of the signal that ended it: `TERM`.
    #[schema(required)]
    pub signal: Option<String>,
    /// Lines stored.
    pub lines: u64,
    /// Bytes received.
    pub bytes: u64,
    /// When it began to connect.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub finished_at: Option<Timestamp>,
    /// Why it ended as it did, and what to do.
    pub message: String,
    /// Since when a command that runs is out of reach; the host looks for it again and again.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub contact_lost_at: Option<Timestamp>,
    /// When its end was asked for, of it and not of the whole job.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub cancel_requested_at: Option<Timestamp>,
    /// What is known of its processes after it was cancelled or took too long.
    #[schema(required)]
    pub receipt: Option<Receipt>,
}

/// A number of VMs, or a part of them: `5` or `"20%"`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum Share {
    /// So many.
    Count(u32),
    /// So many of a hundred: `20%`.
    Percent(String),
}

/// Rolling batches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Batch {
    /// VMs of one batch: `5` or `"20%"`.
    #[schema(value_type = Share)]
    pub size: corral_domain::Share,
    /// Pause before the next one, in seconds.
    #[serde(default)]
    pub pause_seconds: u32,
}

/// As whom a command runs, by sudo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RunAs {
    /// The account.
    pub user: String,
    /// Name of the secret that holds the password that sudo asks for; none: it must not ask.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub secret: Option<String>,
}

/// Words, or shell text: exactly one of the two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Words; the host quotes them.
    Argv(Vec<String>),
    /// Shell text that a person typed.
    Script(String),
}

/// A template and what it was given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TemplateUse {
    /// `plugin/name`.
    pub id: String,
    /// Its arguments. Those that the template marks as secret (`writeOnly`) are taken and never told.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub args: serde_json::Value,
}

/// How a command runs on a VM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// In a supervisor on the VM that outlives the connection.
    Durable,
    /// On the bare SSH channel.
    Direct,
    /// In an interactive terminal.
    Terminal,
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobStatus {
    Queued,
    Running,
    Succeeded,
    Failed,
    Cancelled,
    Unknown,
}

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskStatus {
    Queued,
    Connecting,
    Running,
    Succeeded,
    Failed,
    Cancelled,
    TimedOut,
    Unreachable,
    Unknown,
}

/// Tasks by status; `connecting` counts as running.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
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

impl Job {
    /// With its tasks.
    pub fn with_tasks(job: &corral_domain::Job, tasks: &[corral_domain::Task]) -> Self {
        Self { tasks: Some(tasks.iter().map(Task::from).collect()), ..Self::from(job) }
    }
}

impl From<&corral_domain::Job> for Job {
    fn from(job: &corral_domain::Job) -> Self {
        Self {
            id: job.id,
            status: job.status.into(),
            mode: job.mode.into(),
            command: (&job.command).into(),
            template: job.template.as_ref().map(|used| TemplateUse { id: used.id.clone(), args: used.args.clone() }),
            targets: job.targets.clone(),
            counts: job.counts.into(),
            parallelism: job.parallelism,
            timeout_seconds: job.timeout_seconds,
            canary: job.strategy.canary,
            batch: job.strategy.batch.map(|batch| Batch { size: batch.size, pause_seconds: batch.pause_seconds }),
            max_failures: job.strategy.max_failures,
            job_timeout_seconds: job.strategy.job_timeout_seconds,
            run_as: job
                .run_as
                .as_ref()
                .map(|run_as| RunAs { user: run_as.user.clone(), secret: run_as.secret.clone() }),
            filters: (!job.filters.is_empty()).then(|| job.filters.clone().into()),
            retry_of: job.retry_of,
            command_hash: job.command_hash.clone(),
            created_by: job.created_by.clone(),
            plugins: job.plugins.clone(),
            created_at: job.created_at,
            started_at: job.started_at,
            finished_at: job.finished_at,
            cancel_requested_at: job.cancel_requested_at,
            tasks: None,
        }
    }
}

impl From<&corral_domain::Task> for Task {
    fn from(task: &corral_domain::Task) -> Self {
        let rendered = task.rendered.as_ref();
        let env = rendered.filter(|rendered| !rendered.env.is_empty());
        Self {
            job_id: task.key.job,
            vm_id: task.key.vm,
            vm_name: task.vm_name.clone(),
            position: task.position,
            status: task.status.into(),
            command: rendered.map(|rendered| (&rendered.command).into()),
            env: env.map(|rendered| rendered.env.iter().cloned().collect()),
            workdir: rendered.and_then(|rendered| rendered.workdir.clone()),
            exit_code: task.exit_code,
            signal: task.signal.clone(),
            lines: task.lines,
            bytes: task.bytes,
            started_at: task.started_at,
            finished_at: task.finished_at,
            message: task.message.clone(),
            contact_lost_at: task.contact_lost_at,
            cancel_requested_at: task.cancel_requested_at,
            receipt: task.receipt.as_ref().map(Receipt::from),
        }
    }
}

impl From<&corral_domain::CommandLine> for Command {
    fn from(command: &corral_domain::CommandLine) -> Self {
        match command {
            corral_domain::CommandLine::Argv(argv) => Self::Argv(argv.clone()),
            corral_domain::CommandLine::Script(script) => Self::Script(script.clone()),
        }
    }
}

impl From<Command> for corral_domain::CommandLine {
    fn from(command: Command) -> Self {
        match command {
            Command::Argv(argv) => Self::Argv(argv),
            Command::Script(script) => Self::Script(script),
        }
    }
}

impl From<corral_domain::Mode> for Mode {
    fn from(mode: corral_domain::Mode) -> Self {
        match mode {
            corral_domain::Mode::Durable => Self::Durable,
            corral_domain::Mode::Direct => Self::Direct,
            corral_domain::Mode::Terminal => Self::Terminal,
        }
    }
}

impl From<Mode> for corral_domain::Mode {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Durable => Self::Durable,
            Mode::Direct => Self::Direct,
            Mode::Terminal => Self::Terminal,
        }
    }
}

impl From<corral_domain::JobStatus> for JobStatus {
    fn from(status: corral_domain::JobStatus) -> Self {
        use corral_domain::JobStatus as Domain;
        match status {
            Domain::Queued => Self::Queued,
            Domain::Running => Self::Running,
            Domain::Succeeded => Self::Succeeded,
            Domain::Failed => Self::Failed,
            Domain::Cancelled => Self::Cancelled,
            Domain::Unknown => Self::Unknown,
        }
    }
}

impl From<corral_domain::TaskStatus> for TaskStatus {
    fn from(status: corral_domain::TaskStatus) -> Self {
        use corral_domain::TaskStatus as Domain;
        match status {
            Domain::Queued => Self::Queued,
            Domain::Connecting => Self::Connecting,
            Domain::Running => Self::Running,
            Domain::Succeeded => Self::Succeeded,
            Domain::Failed => Self::Failed,
            Domain::Cancelled => Self::Cancelled,
            Domain::TimedOut => Self::TimedOut,
            Domain::Unreachable => Self::Unreachable,
            Domain::Unknown => Self::Unknown,
        }
    }
}

impl From<corral_domain::Counts> for Counts {
    fn from(counts: corral_domain::Counts) -> Self {
        let corral_domain::Counts { queued, running, succeeded, failed, cancelled, timed_out, unreachable, unknown } =
            counts;
        Self { queued, running, succeeded, failed, cancelled, timed_out, unreachable, unknown }
    }
}
