//! The store of state, events, audit and tokens.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use corral_domain::{Event, Facts, Job, JobId, JobStatus, SavedTemplate, Task, Timestamp, Vm, VmId};

use crate::StorageError;

/// One changed row.
#[derive(Debug, Clone)]
pub enum Write {
    /// Insert or replace a VM.
    PutVm(Arc<Vm>),
    /// Remove a VM.
    DeleteVm(VmId),
    /// Insert or replace what a VM told of itself. The VM is there, and takes it along when it goes.
    PutFacts(VmId, Arc<Facts>),
    /// Insert or replace a job.
    PutJob(Arc<Job>),
    /// Insert or replace a task.
    PutTask(Arc<Task>),
    /// Insert or replace a saved template.
    PutTemplate(Arc<SavedTemplate>),
    /// Remove a saved template by slug.
    DeleteTemplate(String),
    /// Insert or replace a setting.
    PutSetting(String, Arc<serde_json::Value>),
    /// Remove a setting.
    DeleteSetting(String),
}

/// Who did what; append-only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// When.
    pub at: Timestamp,
    /// Who: `user:admin`, `token:NAME`, `host`.
    pub actor: String,
    /// What: `vm.add`, `job.create`.
    pub action: String,
    /// On what.
    pub object: String,
    /// More, without secrets.
    pub detail: String,
}

/// How long the store keeps what an idempotency key made.
pub const IDEMPOTENCY_KEPT: Duration = Duration::from_secs(24 * 3600);
/// How many idempotency keys the store keeps; the oldest go first.
pub const IDEMPOTENCY_KEYS_MAX: u32 = 10_000;

/// What an idempotency key made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey {
    /// The key, with who used it.
    pub key: String,
    /// Of the request; the request itself is nowhere.
    pub digest: String,
    /// What it made.
    pub job: JobId,
    /// When.
    pub created_at: Timestamp,
}

/// All that one step of the state manager writes.
#[derive(Debug, Clone, Default)]
pub struct Commit {
    /// Events with consecutive `seq`, the first one after the last stored.
    pub events: Vec<Event>,
    /// Rows, each at most once.
    pub writes: Vec<Write>,
    /// Audit rows.
    pub audit: Vec<Audit>,
    /// Idempotency keys that made something. One that is too old to be kept is replaced; others of more than
    /// [`IDEMPOTENCY_KEPT`] before, and those beyond [`IDEMPOTENCY_KEYS_MAX`], go.
    pub keys: Vec<IdempotencyKey>,
}

/// What a start needs: the inventory, and jobs that have not ended.
#[derive(Debug, Clone, Default)]
pub struct Loaded {
    /// Names this stream of events; changes when history is restored or cut off.
    pub epoch: String,
    /// Number of the last event.
    pub seq: u64,
    /// All VMs.
    pub vms: Vec<Vm>,
    /// What VMs told of themselves.
    pub facts: Vec<(VmId, Facts)>,
    /// Jobs whose status is not final.
    pub jobs: Vec<Job>,
    /// All tasks of those jobs.
    pub tasks: Vec<Task>,
    /// All saved templates.
    pub templates: Vec<SavedTemplate>,
    /// All settings.
    pub settings: Vec<(String, serde_json::Value)>,
}

/// Which jobs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobFilter {
    /// With this status.
    pub status: Option<JobStatus>,
    /// With a task on this VM.
    pub vm: Option<VmId>,
    /// Made from this template.
    pub template: Option<String>,
    /// Created at or after.
    pub since: Option<Timestamp>,
    /// Older than this job: the cursor.
    pub before: Option<JobId>,
}

/// Jobs, newest first.
#[derive(Debug, Clone, Default)]
pub struct JobPage {
    /// At most as many as were asked for.
    pub jobs: Vec<Job>,
    /// Cursor of the next page: pass it as `before`.
    pub next: Option<JobId>,
}

/// How many jobs of one status were created in one step of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JobTally {
    /// Which step, from 0.
    pub step: u64,
    /// Their status.
    pub status: JobStatus,
    /// How many, at least 1.
    pub jobs: u64,
}

/// Events in order.
#[derive(Debug, Clone, Default)]
pub struct EventPage {
    /// Those after the asked `seq`, at most as many as were asked for.
    pub events: Vec<Event>,
    /// The oldest `seq` still held; a reader whose place is before it has missed some.
    pub oldest: u64,
}

/// Keeps state, events and audit rows.
#[async_trait]
pub trait StateStore: Send + Sync {
    /// What a start needs.
    async fn load(&self) -> Result<Loaded, StorageError>;
    /// Settings that differ from their defaults, by key.
    async fn settings(&self) -> Result<Vec<(String, serde_json::Value)>, StorageError>;
    /// Writes all of `commit` in one transaction, durable on return.
    async fn commit(&self, commit: &Commit) -> Result<(), StorageError>;
    /// One job.
    async fn job(&self, id: JobId) -> Result<Option<Job>, StorageError>;
    /// A job's tasks in order of position.
    async fn tasks(&self, id: JobId) -> Result<Vec<Task>, StorageError>;
    /// One task.
    async fn task(&self, key: corral_domain::TaskKey) -> Result<Option<Task>, StorageError>;
    /// Jobs, newest first, at most `limit`.
    async fn jobs(&self, filter: &JobFilter, limit: u32) -> Result<JobPage, StorageError>;
    /// Jobs that were created at or after `since`, counted by status and by step of time: step 0 begins at `since`, each lasts
    /// `step`, which is a millisecond at least. In order of the steps; steps without jobs are left out.
    async fn job_tallies(&self, since: Timestamp, step: Duration) -> Result<Vec<JobTally>, StorageError>;
    /// Events with `seq` greater than `since`, in order, at most `limit`.
    async fn events(&self, since: u64, limit: u32) -> Result<EventPage, StorageError>;
    /// Removes events with `seq` below `oldest_kept`; returns how many.
    async fn prune_events(&self, oldest_kept: u64) -> Result<u64, StorageError>;
    /// What an idempotency key made; it may be older than [`IDEMPOTENCY_KEPT`].
    async fn idempotency_key(&self, key: &str) -> Result<Option<IdempotencyKey>, StorageError>;
    /// Writes an audit row outside a commit, for actions that change no state.
    async fn audit(&self, audit: &Audit) -> Result<(), StorageError>;
}

/// A token or session as it is stored: only its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRow {
    /// BLAKE3 of the token, in hex.
    pub hash: String,
    /// `api`, `session` or `login`.
    pub kind: String,
    /// For people.
    pub name: String,
    /// `viewer`, `operator` or `admin`.
    pub role: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it stops working; none: never.
    pub expires_at: Option<Timestamp>,
}

/// Keeps tokens. Apart from the state: the command line makes tokens beside a running host.
#[async_trait]
pub trait TokenStore: Send + Sync {
    /// Adds one.
    async fn insert_token(&self, token: &TokenRow) -> Result<(), StorageError>;
    /// Finds one by hash, also an expired one.
    async fn token(&self, hash: &str) -> Result<Option<TokenRow>, StorageError>;
    /// Removes one; true if it was there. Of several callers at once only one gets true.
    async fn remove_token(&self, hash: &str) -> Result<bool, StorageError>;
    /// All of a kind, oldest first.
    async fn tokens(&self, kind: &str) -> Result<Vec<TokenRow>, StorageError>;
    /// Removes those that expired before `now`; returns how many.
    async fn remove_expired(&self, now: Timestamp) -> Result<u64, StorageError>;
}
