//! The state manager: the one task that changes state.
//!
//! It takes wishes from a bounded queue, decides as many as are waiting on a copy of the state, writes all of it in one
//! transaction and publishes after the commit. If the database refuses, the copy is dropped and nothing has happened.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use corral_domain::{Clock, Command, Event, EventKind, JobId, Refusal, State, TaskKey, VmId};
use corral_storage::{Audit, Commit, IdempotencyKey, StateStore, StorageError, Write};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Duration, sleep};
use tokio_util::sync::CancellationToken;

use crate::{Actor, UseCaseError, subscription::Ring};

/// Wishes that may wait.
const QUEUE_MAX: usize = 4_096;
/// Wishes decided in one transaction.
const BATCH_MAX: usize = 512;
/// First and longest pause before a change that must happen is tried again.
const RETRY_PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));
/// Every so many events the oldest are removed from the database.
const PRUNE_EVERY: u64 = 10_000;

/// What the audit log says of a wish.
#[derive(Debug, Clone)]
pub(crate) struct AuditNote {
    pub action: &'static str,
    pub object: String,
    pub detail: String,
}

struct Request {
    actor: String,
    command: Command,
    audit: Option<AuditNote>,
    key: Option<IdempotencyKey>,
    reply: oneshot::Sender<Result<Vec<Arc<Event>>, UseCaseError>>,
}

/// How the rest of the engine reaches the manager.
#[derive(Clone)]
pub(crate) struct StateHandle {
    queue: mpsc::Sender<Request>,
    published: Arc<ArcSwap<State>>,
    pub(crate) ring: Arc<Ring>,
    stop: CancellationToken,
}

impl StateHandle {
    /// The state as of the last commit.
    pub(crate) fn state(&self) -> Arc<State> {
        self.published.load_full()
    }

    /// Asks for a change on behalf of somebody. Waits until it is durable and published.
    pub(crate) async fn submit(
        &self,
        actor: &Actor,
        command: Command,
        audit: impl Into<Option<AuditNote>>,
    ) -> Result<Vec<Arc<Event>>, UseCaseError> {
        self.submit_keyed(actor, command, audit, None).await
    }

    /// The same, and an idempotency key that is stored with the change.
    pub(crate) async fn submit_keyed(
        &self,
        actor: &Actor,
        command: Command,
        audit: impl Into<Option<AuditNote>>,
        key: Option<IdempotencyKey>,
    ) -> Result<Vec<Arc<Event>>, UseCaseError> {
        let (reply, answer) = oneshot::channel();
        let request = Request { actor: actor.name.clone(), command, audit: audit.into(), key, reply };
        self.queue.send(request).await.map_err(|_| UseCaseError::Stopping)?;
        answer.await.map_err(|_| UseCaseError::Stopping)?
    }

    /// Asks for a change that needs no answer. Order with other wishes of the same caller is kept.
    pub(crate) async fn post(&self, command: Command) {
        let (reply, _) = oneshot::channel();
        let request = Request { actor: "host".to_owned(), command, audit: None, key: None, reply };
        // The queue is closed only when the host ends, and then nobody needs the change.
        let _closed = self.queue.send(request).await;
    }

    /// Asks for a change that must happen, again and again while the store cannot take it. Refusals end it.
    pub(crate) async fn insist(&self, command: Command) {
        let (mut pause, longest) = RETRY_PAUSE;
        loop {
            match self.submit(&Actor::host(), command.clone(), None).await {
                Ok(_) => return,
                Err(UseCaseError::Storage(error)) => {
                    tracing::error!(%error, retry_ms = pause.as_millis(), "a change of state could not be stored");
                }
                Err(error) => {
                    tracing::warn!(%error, ?command, "a change of state was refused");
                    return;
                }
            }
            tokio::select! {
                () = sleep(pause) => pause = (pause * 2).min(longest),
                () = self.stop.cancelled() => return,
            }
        }
    }
}

/// The manager before it runs.
pub(crate) struct Manager {
    queue: mpsc::Receiver<Request>,
    published: Arc<ArcSwap<State>>,
    ring: Arc<Ring>,
    store: Arc<dyn StateStore>,
    clock: Arc<dyn Clock>,
    stored_events_max: u64,
    next_prune: u64,
}

impl Manager {
    /// A manager of a loaded state, and the handle to it. `stop` ends retries of [`StateHandle::insist`].
    pub(crate) fn new(
        state: State,
        store: Arc<dyn StateStore>,
        clock: Arc<dyn Clock>,
        settings: &crate::Settings,
        stop: CancellationToken,
    ) -> (Self, StateHandle) {
        let (sender, queue) = mpsc::channel(QUEUE_MAX);
        let ring = Arc::new(Ring::new(state.seq, settings.ring_events_max));
        let next_prune = state.seq + PRUNE_EVERY;
        let published = Arc::new(ArcSwap::from_pointee(state));
        let handle = StateHandle { queue: sender, published: published.clone(), ring: ring.clone(), stop };
        let stored_events_max = settings.stored_events_max;
        (Self { queue, published, ring, store, clock, stored_events_max, next_prune }, handle)
    }

    /// Works until all handles are gone or `stop` is triggered and the queue is empty.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut batch = Vec::with_capacity(BATCH_MAX);
        loop {
            let received = tokio::select! {
                biased;
                n = self.queue.recv_many(&mut batch, BATCH_MAX) => n,
                () = stop.cancelled() => 0,
            };
            if received == 0 {
                return;
            }
            self.step(&mut batch).await;
            self.prune().await;
        }
    }

    async fn step(&mut self, batch: &mut Vec<Request>) {
        let mut next = State::clone(&self.published.load());
        let mut commit = Commit::default();
        let mut replies = Vec::with_capacity(batch.len());
        for request in batch.drain(..) {
            let Request { actor, command, audit, key, reply } = request;
            let decided = self.decide(&mut next, command, &actor, audit, &mut commit);
            if decided.is_ok() {
                commit.keys.extend(key);
            }
            replies.push((reply, decided));
        }
        commit.writes = writes(&next, &commit.events);
        let stored =
            if commit.events.is_empty() && commit.audit.is_empty() { Ok(()) } else { self.store.commit(&commit).await };
        match stored {
            Ok(()) => self.publish(next, commit, replies),
            Err(error) => refuse_all(&error, replies),
        }
    }

    fn decide(
        &self,
        next: &mut State,
        command: Command,
        actor: &str,
        audit: Option<AuditNote>,
        commit: &mut Commit,
    ) -> Result<std::ops::Range<usize>, Refusal> {
        let at = self.clock.now();
        let kinds = next.decide(command, at)?;
        let first = commit.events.len();
        for kind in kinds {
            let event = Event { seq: next.seq + 1, at, actor: actor.to_owned(), kind };
            next.apply(&event);
            commit.events.push(event);
        }
        commit.audit.extend(audit.map(|note| Audit {
            at,
            actor: actor.to_owned(),
            action: note.action.to_owned(),
            object: note.object,
            detail: note.detail,
        }));
        Ok(first..commit.events.len())
    }

    fn publish(&self, mut next: State, commit: Commit, replies: Vec<Reply>) {
        for event in &commit.events {
            if let EventKind::JobUpdated { id, .. } = &event.kind {
                next.forget_finished(*id);
            }
        }
        let events: Vec<Arc<Event>> = commit.events.into_iter().map(Arc::new).collect();
        self.published.store(Arc::new(next));
        self.ring.push(&events);
        for (reply, decided) in replies {
            // Whoever asked may have stopped waiting.
            let _gone = reply.send(decided.map(|range| events[range].to_vec()).map_err(UseCaseError::Refused));
        }
    }

    async fn prune(&mut self) {
        let seq = self.published.load().seq;
        if seq < self.next_prune {
            return;
        }
        self.next_prune = seq + PRUNE_EVERY;
        if let Err(error) = self.store.prune_events(seq.saturating_sub(self.stored_events_max)).await {
            tracing::warn!(%error, "old events could not be removed");
        }
    }
}

type Reply = (oneshot::Sender<Result<Vec<Arc<Event>>, UseCaseError>>, Result<std::ops::Range<usize>, Refusal>);

fn refuse_all(error: &StorageError, replies: Vec<Reply>) {
    for (reply, decided) in replies {
        let answer = match decided {
            Err(refusal) => UseCaseError::Refused(refusal),
            Ok(_) => UseCaseError::Storage(share(error)),
        };
        let _gone = reply.send(Err(answer));
    }
}

/// The same failure for each of those whom it hit.
fn share(error: &StorageError) -> StorageError {
    match error {
        StorageError::Full(text) => StorageError::Full(text.clone()),
        StorageError::Busy(text) => StorageError::Busy(text.clone()),
        other => StorageError::Database { doing: "storing a change of state", source: format!("{other:?}").into() },
    }
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Row {
    Vm(VmId),
    /// After its VM, which must be there first.
    Facts(VmId),
    Job(JobId),
    Task(TaskKey),
    Template(String),
    Setting(String),
}

/// The rows that events changed, each once, as they are in the end.
fn writes(state: &State, events: &[Event]) -> Vec<Write> {
    let mut rows = BTreeMap::new();
    for event in events {
        touch(state, &event.kind, &mut rows);
    }
    rows.into_values().collect()
}

fn touch(state: &State, kind: &EventKind, rows: &mut BTreeMap<Row, Write>) {
    match kind {
        EventKind::VmAdded { vm } | EventKind::VmUpdated { vm } => {
            let write = state.vms.get(&vm.id).map_or(Write::DeleteVm(vm.id), |vm| Write::PutVm(vm.clone()));
            rows.insert(Row::Vm(vm.id), write);
        }
        EventKind::VmRemoved { id } => {
            rows.insert(Row::Vm(*id), Write::DeleteVm(*id));
        }
        EventKind::VmFactsChanged { id, .. } => {
            if let Some(facts) = state.facts.get(id) {
                rows.insert(Row::Facts(*id), Write::PutFacts(*id, facts.clone()));
            }
        }
        EventKind::TemplateSaved { template } => {
            let slug = template.slug.clone();
            let write = state.saved_templates.get(&slug).cloned();
            rows.insert(Row::Template(slug.clone()), write.map_or(Write::DeleteTemplate(slug), Write::PutTemplate));
        }
        EventKind::TemplateRemoved { id } => {
            let slug = id.strip_prefix("saved/").unwrap_or(id).to_owned();
            rows.insert(Row::Template(slug.clone()), Write::DeleteTemplate(slug));
        }
        EventKind::JobCreated { job, tasks } | EventKind::JobReopened { job, tasks } => {
            put_job(state, job.id, rows);
            for task in tasks {
                put_task(state, task.key, rows);
            }
        }
        EventKind::JobUpdated { id, .. } => put_job(state, *id, rows),
        EventKind::TaskUpdated { job, vm, .. } => put_task(state, TaskKey { job: *job, vm: *vm }, rows),
        EventKind::SettingChanged { key, .. } => {
            let write = state.settings.get(key).cloned();
            let write = write.map_or(Write::DeleteSetting(key.clone()), |value| Write::PutSetting(key.clone(), value));
            rows.insert(Row::Setting(key.clone()), write);
        }
        EventKind::VmStatusChanged { .. }
        | EventKind::TemplatesChanged { .. }
        | EventKind::PluginLoaded { .. }
        | EventKind::PluginFailed { .. }
        | EventKind::PluginSuperseded { .. }
        | EventKind::PluginRemoved { .. } => {}
    }
}

fn put_job(state: &State, id: JobId, rows: &mut BTreeMap<Row, Write>) {
    if let Some(job) = state.jobs.get(&id) {
        rows.insert(Row::Job(id), Write::PutJob(job.clone()));
    }
}

fn put_task(state: &State, key: TaskKey, rows: &mut BTreeMap<Row, Write>) {
    if let Some(task) = state.tasks.get(&key) {
        rows.insert(Row::Task(key), Write::PutTask(task.clone()));
    }
}
