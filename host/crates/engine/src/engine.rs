//! The engine put together, started and stopped.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use corral_domain::{Clock, IdSource, JobId, RandomBytes, State, Timestamp};
use corral_storage::{EventPage, JobFilter, JobPage, JobTally, LogStore, StateStore, StorageError};
use tokio::sync::{RwLock, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::log::{LogHub, retention};
use crate::manager::{Manager, StateHandle};
use crate::ports::{Capsules, PluginNotice, Plugins, Runner, Secrets};
use crate::run::{AtWork, JobControl};
use crate::usecase::IdempotencyKeys;
use crate::{Settings, Subscription, health, notices, recover};

/// How long a stop waits for the store once running tasks were let go of.
const STORE_GRACE: Duration = Duration::from_secs(5);

/// What the engine is joined to.
pub struct Deps {
    /// Keeps state and events.
    pub state: Arc<dyn StateStore>,
    /// Keeps output.
    pub logs: Arc<dyn LogStore>,
    /// Runs commands.
    pub runner: Arc<dyn Runner>,
    /// Runs commands that survive.
    pub capsules: Arc<dyn Capsules>,
    /// Extension points.
    pub plugins: Arc<dyn Plugins>,
    /// Passwords and passphrases.
    pub secrets: Arc<dyn Secrets>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Randomness for ids.
    pub random: Arc<dyn RandomBytes>,
}

/// The engine. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) deps: Deps,
    pub(crate) settings: Settings,
    pub(crate) epoch: String,
    pub(crate) manager: StateHandle,
    pub(crate) logs: Arc<LogHub>,
    pub(crate) jobs: Mutex<HashMap<JobId, JobControl>>,
    pub(crate) at_work: AtWork,
    /// Held together by those who take up a job that had ended, and alone by who removes output that no job at work needs.
    pub(crate) upkeep: RwLock<()>,
    pub(crate) slots: Arc<Semaphore>,
    /// Searches at work.
    pub(crate) searches: Arc<Semaphore>,
    pub(crate) reports: health::Reports,
    pub(crate) idempotency: IdempotencyKeys,
    /// Held by whoever decides about a plugin.
    pub(crate) deciding: tokio::sync::Mutex<()>,
    /// No new work.
    pub(crate) stopping: CancellationToken,
    /// Running tasks are let go of.
    pub(crate) abandon: CancellationToken,
    /// Everything that runs jobs.
    pub(crate) work: TaskTracker,
    /// The manager and the log writer, which end last.
    writers: TaskTracker,
    /// Ends the writers once their queues are empty.
    end: CancellationToken,
}

impl Engine {
    /// Loads the state, settles what the last run left unfinished, and begins to work.
    pub async fn start(
        deps: Deps,
        settings: Settings,
        notices: mpsc::Receiver<PluginNotice>,
    ) -> Result<Self, StorageError> {
        let loaded = deps.state.load().await?;
        let epoch = loaded.epoch.clone();
        let state = recover::state_of(loaded);
        let end = CancellationToken::new();
        let (manager, handle) = Manager::new(state, deps.state.clone(), deps.clock.clone(), &settings, end.clone());
        let logs = LogHub::new(deps.logs.clone(), &settings);
        let writers = TaskTracker::new();
        writers.spawn(manager.run(end.clone()));
        writers.spawn(logs.clone().run(end.clone()));
        let engine = Self {
            inner: Arc::new(Inner {
                slots: Arc::new(Semaphore::new(settings.tasks_max)),
                reports: health::Reports::default(),
                searches: Arc::new(Semaphore::new(settings.searches_max)),
                deps,
                settings,
                epoch,
                manager: handle,
                logs,
                jobs: Mutex::default(),
                at_work: AtWork::default(),
                upkeep: RwLock::default(),
                idempotency: IdempotencyKeys::default(),
                deciding: tokio::sync::Mutex::default(),
                stopping: CancellationToken::new(),
                abandon: CancellationToken::new(),
                work: TaskTracker::new(),
                writers,
                end,
            }),
        };
        recover::settle(&engine).await?;
        engine.inner.work.spawn(notices::run(engine.clone(), notices));
        engine.inner.work.spawn(health::run(engine.clone()));
        engine.inner.work.spawn(retention::run(engine.clone()));
        Ok(engine)
    }

    /// Stops: no new tasks; running ones may end for a while, then they are let go of and marked `unknown`. Tasks that
    /// have not begun stay queued for the next start. Returns when all is written.
    pub async fn stop(&self) {
        let inner = &self.inner;
        inner.stopping.cancel();
        inner.work.close();
        if tokio::time::timeout(inner.settings.stop_grace, inner.work.wait()).await.is_err() {
            inner.abandon.cancel();
            // A store that takes nothing must not keep the host from ending.
            let _written = tokio::time::timeout(STORE_GRACE, inner.work.wait()).await;
        }
        inner.end.cancel();
        inner.writers.close();
        inner.writers.wait().await;
    }

    /// The state as of the last commit.
    pub fn state(&self) -> Arc<State> {
        self.inner.manager.state()
    }

    /// Names the stream of events that `seq` counts in.
    pub fn epoch(&self) -> &str {
        &self.inner.epoch
    }

    /// Listens to events, from where the listener left off if that is still held.
    pub fn subscribe(&self, since: Option<(&str, u64)>) -> Subscription {
        let resume = since.filter(|(epoch, _)| *epoch == self.inner.epoch).map(|(_, seq)| seq);
        self.inner.manager.ring.subscribe(self.state(), resume)
    }

    /// Stored jobs, newest first.
    pub async fn jobs(&self, filter: &JobFilter, limit: u32) -> Result<JobPage, StorageError> {
        self.inner.deps.state.jobs(filter, limit).await
    }

    /// How many jobs of which status were created when, since a time and in steps of it.
    pub async fn job_tallies(&self, since: Timestamp, step: Duration) -> Result<Vec<JobTally>, StorageError> {
        self.inner.deps.state.job_tallies(since, step).await
    }

    /// Stored events.
    pub async fn events(&self, since: u64, limit: u32) -> Result<EventPage, StorageError> {
        self.inner.deps.state.events(since, limit).await
    }

    pub(crate) fn ids(&self) -> IdSource<'_> {
        IdSource { clock: &*self.inner.deps.clock, random: &*self.inner.deps.random }
    }
}

impl Inner {
    /// Triggered when the writers end: waiting for them is of no use any more.
    pub(crate) fn end_token(&self) -> CancellationToken {
        self.end.clone()
    }
}
