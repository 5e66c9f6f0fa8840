//! What the engine needs of SSH and of plugins. `ssh` and `plugin-host` implement these; `wiring.rs` joins them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use corral_domain::{
    AsUser, Facts, FilterChoice, JobId, Lines, NewVm, OutputStream, PluginInfo, PluginPolicy, PluginTemplates,
    PluginTransition, Position, Receipt, RenderedCommand, Template, Timestamp, Vm, VmId,
};
use corral_storage::Audit;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub use crate::secret::{SecretError, SecretInfo, SecretText};

/// A VM with the VMs that lead to it.
#[derive(Debug, Clone)]
pub struct Target {
    /// The machine.
    pub vm: Arc<Vm>,
    /// Hops in the order in which they are connected to: the one that the host reaches itself comes first.
    pub hops: Vec<Arc<Vm>>,
}

/// Bytes of a command's output as they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Which output.
    pub stream: OutputStream,
    /// The bytes; lines may be split anywhere.
    pub bytes: Bytes,
    /// When they were received.
    pub at: Timestamp,
}

/// What a run reports while it goes on.
#[derive(Debug)]
pub enum RunEvent {
    /// From now on the command may be started: it is about to be sent. Sent before the first byte of it is.
    Sending,
    /// The connection stands and the command was started.
    Started,
    /// It wrote something.
    Output(Output),
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    /// Exit code, where there is one.
    pub code: Option<i32>,
    /// Name of the signal that ended it, without `SIG`.
    pub signal: Option<String>,
}

/// Why a run did not come to its end. Messages are for people: what happened, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// Nothing was started on the VM.
    #[error("{0}")]
    Unreachable(Failure),
    /// The connection broke after the command was started; how it ended cannot be known.
    #[error("{0}")]
    Lost(String),
    /// It was cancelled; the receipt says what is known of its processes.
    #[error("cancelled; {}", .0.message())]
    Cancelled(Receipt),
    /// The VM refused the command or the host could not go on; it is known not to run.
    #[error("{0}")]
    Failed(String),
}

/// How a capsule is met. A capsule is the supervisor that runs a command on its machine and outlives the connection.
#[derive(Debug, Clone, Copy)]
pub enum Meet<'a> {
    /// Start the command, unless a capsule of that id exists already; then follow it. However often it is asked for, and
    /// whatever becomes of the answers, the command starts at most once.
    Launch(&'a RenderedCommand),
    /// Only follow what was started.
    Attach,
}

/// How far a capsule was followed when it could not be followed on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CapsuleError {
    /// The machine was not reached; nothing was sent to it.
    #[error("{0}")]
    Unreachable(Failure),
    /// The connection broke, or the machine answered nothing that could be understood. The capsule may run; meet it again.
    #[error("{0}")]
    Broken(String),
    /// The machine cannot run capsules: its home cannot be written, say. Nothing was started. Says what to do.
    #[error("{0}")]
    Refused(String),
    /// There is no capsule of that id on the machine.
    #[error("there is nothing of the command on the machine: its folder was removed, or it was never started")]
    Missing,
    /// The capsule tells that how the command ended cannot be known: supervisor killed, machine rebooted. All output that
    /// there is was sent.
    #[error("{0}")]
    Lost(String),
    /// The command ended, and all output that there is was sent, but the machine may not have kept all that it wrote.
    #[error("{why}")]
    Incomplete {
        /// How it ended.
        exit: Exit,
        /// What may be missing, and why.
        why: String,
    },
}

/// What a machine says of a capsule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CapsuleState {
    /// The command runs.
    Running,
    /// It ended.
    Exited(Exit),
    /// How it ended, or whether it goes on, cannot be known. Says why.
    Lost(String),
    /// There is no such capsule.
    None,
}

/// Why a VM cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{step}: {message}; {remedy}")]
pub struct Failure {
    /// Which step failed: `resolve`, `connect`, `handshake`, `host key`, `authenticate`, `exec`.
    pub step: &'static str,
    /// What happened.
    pub message: String,
    /// What to do.
    pub remedy: String,
    /// Host key that was shown and is not accepted, in OpenSSH format.
    pub offered_host_key: Option<String>,
}

/// One step of a connection test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Name of the machine that it is about: the one that is tested, or one on the way to it.
    pub vm: String,
    /// `resolve`, `connect`, `host key`, `authenticate`, `exec`.
    pub name: &'static str,
    /// Whether it went well.
    pub ok: bool,
    /// What was found, or what happened and what to do.
    pub detail: String,
    /// How long it took.
    pub took: Duration,
}

/// What a connection test found.
#[derive(Debug, Clone, Default)]
pub struct Probe {
    /// Steps in order; the last one failed if any did.
    pub steps: Vec<Step>,
    /// Time of one round trip over the connection.
    pub latency: Option<Duration>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// Host key that was accepted for the first time and should be pinned.
    pub new_host_key: Option<String>,
}

/// Runs commands on machines.
#[async_trait]
pub trait Runner: Send + Sync {
    /// Runs a command to its end. Events are sent to `events` in order; the sender waits when it is full, so the
    /// command is slowed and nothing is dropped. When `cancel` is triggered the command's processes are ended as far
    /// as the transport allows and the answer is [`RunError::Cancelled`]. `as_user` is whom `command` becomes by sudo: only that
    /// account may end its processes.
    async fn run(
        &self,
        target: &Target,
        command: &RenderedCommand,
        as_user: Option<&AsUser>,
        events: mpsc::Sender<RunEvent>,
        cancel: CancellationToken,
    ) -> Result<Exit, RunError>;

    /// Tests the way to a machine step by step, over a fresh connection.
    async fn probe(&self, target: &Target) -> Probe;

    /// A light check over the pooled connection; connects if there is none.
    async fn check(&self, target: &Target) -> Result<Duration, Failure>;

    /// Asks a machine what it is, over the pooled connection; one small script, which changes nothing there.
    async fn facts(&self, target: &Target) -> Result<Facts, Failure>;

    /// Drops what is pooled for a VM: it was changed or removed.
    async fn forget(&self, vm: VmId);
}

/// Runs commands in capsules: supervisors on the machine that outlive the connection.
#[async_trait]
pub trait Capsules: Send + Sync {
    /// Meets a capsule and follows it to its end: [`RunEvent::Started`] once it is known to run or to have run, then what it
    /// writes from `from` on, each output in its order, until it has ended and all of it is sent. Dropping the call detaches
    /// and changes nothing on the machine. `id` has letters, digits and dashes only.
    async fn follow(
        &self,
        target: &Target,
        id: &str,
        meet: Meet<'_>,
        from: Position,
        events: mpsc::Sender<RunEvent>,
    ) -> Result<Exit, CapsuleError>;

    /// Asks what has become of a capsule, without following it.
    async fn stat(&self, target: &Target, id: &str) -> Result<CapsuleState, CapsuleError>;

    /// Ends all processes of a capsule: TERM, a grace, KILL; answers with what is known of them. A capsule that was never
    /// started will not start afterwards. `as_user`: the account that the command was run as, so that its processes may be
    /// signalled.
    async fn cancel(&self, target: &Target, id: &str, as_user: Option<&AsUser>) -> Result<Receipt, CapsuleError>;

    /// All that a capsule wrote is stored: the machine may forget it. Best effort, at some time.
    async fn release(&self, target: &Target, id: &str);
}

/// Keeps passwords and passphrases sealed.
#[async_trait]
pub trait Secrets: Send + Sync {
    /// The value of a secret; `None` if there is none of that name.
    async fn reveal(&self, name: &str) -> Result<Option<SecretText>, SecretError>;

    /// Names and times of all, by name.
    async fn list(&self) -> Result<Vec<SecretInfo>, SecretError>;

    /// Sets a secret's value, with the audit row in the same transaction.
    async fn set(&self, name: &str, value: SecretText, audit: Audit) -> Result<(), SecretError>;

    /// Removes a secret, with the audit row in the same transaction; false if there was none, and then nothing is written.
    async fn remove(&self, name: &str, audit: Audit) -> Result<bool, SecretError>;
}

/// What a filter is told about the stream that it sees.
#[derive(Debug, Clone)]
pub struct StreamInfo {
    /// The job.
    pub job: JobId,
    /// Its template, if it has one.
    pub template: Option<String>,
    /// The machine.
    pub vm: Arc<Vm>,
    /// Which output.
    pub stream: OutputStream,
    /// What the job asks for.
    pub filters: FilterChoice,
}

/// Why a plugin could not do something.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PluginError {
    /// The caller's input is wrong.
    #[error("{0}")]
    InvalidInput(String),
    /// It does not know what was named.
    #[error("{0}")]
    NotFound(String),
    /// Worth trying again later.
    #[error("{0}")]
    Unavailable(String),
    /// It disagrees with what is there.
    #[error("{0}")]
    Conflict(String),
    /// It failed, was stopped or answered nonsense. The text names the plugin.
    #[error("{0}")]
    Failed(String),
}

/// The chain of filters over one stream of one task. Lines go through in order.
#[async_trait]
pub trait FilterChain: Send {
    /// Filters a batch. Returns the lines to store: at most as many as came in, and in their order. An error means
    /// that a filter with the policy `fail-job` or `hold` could not go on: the lines must not be stored unfiltered.
    async fn process(&mut self, lines: Lines) -> Result<Lines, PluginError>;
    /// The stream ended: lines that filters still want to add.
    async fn finish(&mut self) -> Result<Lines, PluginError>;
    /// Plugins in the chain: id and version.
    fn plugins(&self) -> Vec<(String, String)>;
}

/// A machine that a discovery plugin found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// Stable in the source.
    pub external_id: String,
    /// What it would be as a VM. `jump` is empty; see `jump_ids`.
    pub new: NewVm,
    /// External ids of its hops, nearest first.
    pub jump_ids: Vec<String>,
    /// Whether the source says that it runs.
    pub running: Option<bool>,
}

/// What the plugin host tells the engine unasked.
#[derive(Debug, Clone)]
pub enum PluginNotice {
    /// A plugin's state changed, or it was loaded anew.
    Changed(Box<PluginInfo>),
    /// A plugin is gone.
    Removed(String),
    /// A plugin offers other templates than before.
    Templates {
        /// Which plugin.
        plugin: String,
        /// All that it offers now.
        offer: PluginTemplates,
    },
}

/// What a plugin did since the host started, whichever version of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PluginStats {
    /// Calls of it, answered or not.
    pub calls: u64,
    /// Those without an answer that could be used.
    pub failed: u64,
    /// What half of the calls did not exceed, in microseconds; at most a quarter too much. None: it was not called.
    pub p50_micros: Option<u64>,
    /// The same of 99 in a hundred.
    pub p99_micros: Option<u64>,
    /// Processor time of all calls, in microseconds.
    pub cpu_micros: u64,
    /// The most linear memory that one instance had, in bytes.
    pub peak_memory_bytes: u64,
    /// Calls that trapped.
    pub traps: u64,
    /// Calls that hit a limit, by its name: `answer`, `cpu`, `instances`, `memory`, `tables`, `time`.
    pub limit_hits: BTreeMap<&'static str, u64>,
    /// Lines, if it filters.
    pub lines: LineStats,
}

/// What a filter did to lines.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LineStats {
    /// That it was given.
    pub seen: u64,
    /// Of which it changed the text.
    pub changed: u64,
    /// That it annotated.
    pub annotated: u64,
    /// That it left out.
    pub dropped: u64,
    /// That it added.
    pub added: u64,
}

/// A line of what a plugin said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginLogLine {
    /// When.
    pub at: Timestamp,
    /// `trace`, `debug`, `info`, `warn` or `error`.
    pub level: &'static str,
    /// What, without control characters.
    pub text: String,
}

/// The extension points as the engine uses them.
#[async_trait]
pub trait Plugins: Send + Sync {
    /// Renders a template of a plugin for VMs, one command each, in order.
    async fn render(
        &self,
        template: &Template,
        args: &serde_json::Value,
        vms: &[Arc<Vm>],
    ) -> Result<Vec<RenderedCommand>, PluginError>;
    /// Opens the chain of all filters that apply.
    async fn open_filters(&self, info: StreamInfo) -> Result<Box<dyn FilterChain>, PluginError>;
    /// Discovery plugins by id.
    fn discovery_sources(&self) -> Vec<String>;
    /// Asks one for all that it finds; pages are followed up to a bound.
    async fn discover(&self, source: &str) -> Result<Vec<Found>, PluginError>;
    /// What a plugin did since the host started; none if there is no such plugin.
    fn stats(&self, id: &str) -> Option<PluginStats>;
    /// The last lines of what a plugin said, oldest first; none if there is no such plugin.
    fn log(&self, id: &str) -> Option<Vec<PluginLogLine>>;
    /// The last steps of a plugin's life, oldest first; none if there is no such plugin.
    fn history(&self, id: &str) -> Option<Vec<PluginTransition>>;
    /// What a plugin says of itself in its `README.md`, as it is written there; none if it has none.
    async fn readme(&self, id: &str) -> Result<Option<String>, PluginError>;
    /// Applies what was decided about a plugin. When this returns it holds, for versions that still run, too; the answer says
    /// how the plugin fares with it.
    async fn set_policy(&self, id: &str, policy: PluginPolicy) -> Result<PluginInfo, PluginError>;
    /// Loads a plugin anew from its folder.
    async fn reload(&self, id: &str) -> Result<PluginInfo, PluginError>;
    /// Puts a plugin in place, given by its files, and loads it; nothing is changed if it cannot be loaded.
    async fn install(&self, files: Vec<(String, Bytes)>) -> Result<PluginInfo, PluginError>;
    /// Takes a plugin out that was installed.
    async fn uninstall(&self, id: &str) -> Result<(), PluginError>;
}
