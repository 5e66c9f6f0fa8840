//! A job at work: begins its tasks as its schedule says, until all have ended or somebody ends it.
//!
//! What is to happen next is decided by [`Schedule`], which is pure; here is what it cannot do: look at the state, wait, and
//! begin. Tasks that were at work before this began (they were resumed, or somebody looks after them) are run by others and
//! watched here.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use corral_domain::{Command, Job, JobId, Next, Schedule, State, TaskKey, TaskStatus};
use tokio::sync::{AcquireError, OwnedSemaphorePermit};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::control::{JobControl, control_of, forget_control};
use super::{Inputs, task};
use crate::{Engine, Subscription};

/// What stands for no limit.
const FAR: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Begins to work on a job whose tasks are queued; others of its tasks may be at work already.
pub(crate) fn start_job(engine: &Engine, id: JobId, inputs: Inputs) {
    let control = control_of(engine, id);
    let engine = engine.clone();
    let tracker = engine.inner.work.clone();
    tracker.spawn(async move {
        let state = engine.state();
        if let Some(job) = state.jobs.get(&id) {
            Driver::new(&engine, job.clone(), &state, inputs, control).run().await;
        }
        forget_control(&engine, id);
    });
}

type WaitingForSlot = Pin<Box<dyn Future<Output = Result<OwnedSemaphorePermit, AcquireError>> + Send>>;

/// A task that has begun and, as far as is known, not ended.
struct AtWork {
    position: usize,
    /// It was begun here, and not before this host started or by somebody who looks after it.
    own: bool,
}

struct Driver<'a> {
    engine: &'a Engine,
    job: Arc<Job>,
    inputs: Inputs,
    control: JobControl,
    schedule: Schedule,
    at_work: Vec<AtWork>,
    /// What was begun here.
    own: JoinSet<()>,
    /// A place among all jobs' tasks, once there is one for the next task.
    slot: Option<OwnedSemaphorePermit>,
    /// The turn in the queue for such a place; it is kept while other things happen.
    waiting: Option<WaitingForSlot>,
    /// When the pause before the next wave is over.
    pause_end: Option<Instant>,
    deadline: Instant,
    expired: bool,
    /// Nothing begins any more; what was begun here is waited for.
    over: bool,
}

impl<'a> Driver<'a> {
    fn new(engine: &'a Engine, job: Arc<Job>, state: &State, inputs: Inputs, control: JobControl) -> Self {
        let statuses: Vec<_> = state.tasks_of(job.id).iter().map(|task| task.status).collect();
        let begun = |status: TaskStatus| !status.is_final() && status != TaskStatus::Queued;
        let at_work = (0..statuses.len())
            .filter(|position| begun(statuses[*position]))
            .map(|position| AtWork { position, own: false })
            .collect();
        let left = job.strategy.job_timeout_seconds.map_or(FAR, |seconds| {
            // Counted from the beginning, also across restarts of the host.
            let used = Duration::from_millis(engine.inner.deps.clock.now().millis_since(job.created_at));
            Duration::from_secs(seconds.into()).saturating_sub(used)
        });
        Self {
            engine,
            schedule: Schedule::new(job.strategy, job.parallelism, statuses),
            job,
            inputs,
            control,
            at_work,
            own: JoinSet::new(),
            slot: None,
            waiting: None,
            pause_end: None,
            deadline: Instant::now() + left,
            expired: false,
            over: false,
        }
    }

    async fn run(mut self) {
        let mut events = None;
        loop {
            self.look();
            if self.over {
                // What others run they see to themselves.
                while self.own.join_next().await.is_some() {}
                return;
            }
            let next = self.schedule.what_next();
            if !matches!(next, Next::Begin(_)) {
                // A place among all tasks is not kept while it is not needed.
                (self.slot, self.waiting) = (None, None);
            }
            match next {
                Next::Done => self.over = true,
                Next::Stop(why) => self.skip_queued(why).await,
                Next::Begin(position) => match self.slot.take().or_else(|| self.free_slot()) {
                    Some(slot) => self.begin(position, slot),
                    None => self.wait(&mut events).await,
                },
                Next::Pause(seconds) => {
                    let end = Instant::now() + Duration::from_secs(seconds.into());
                    self.pause_end.get_or_insert(end);
                    self.wait(&mut events).await;
                }
                Next::Wait => self.wait(&mut events).await,
            }
        }
    }

    /// A place among all tasks, if there is one; else the turn in the queue for one is taken.
    fn free_slot(&mut self) -> Option<OwnedSemaphorePermit> {
        let slots = &self.engine.inner.slots;
        let free = if self.waiting.is_none() { slots.clone().try_acquire_owned().ok() } else { None };
        if free.is_none() {
            self.waiting.get_or_insert_with(|| Box::pin(slots.clone().acquire_owned()));
        }
        free
    }

    /// Waits until something may be otherwise.
    async fn wait(&mut self, events: &mut Option<Subscription>) {
        // Tasks that were begun here tell when they end. While there is more to wait for, the events are listened to.
        let listen = self.pause_end.is_some() || self.at_work.iter().any(|task| !task.own);
        if listen && events.is_none() {
            // One look more, now that nothing happens unseen.
            *events = Some(self.engine.subscribe(None));
            return;
        }
        tokio::select! {
            biased;
            () = self.control.close.cancelled() => self.over = true,
            () = self.control.cancel.cancelled() => self.over = true,
            () = self.engine.inner.stopping.cancelled() => self.over = true,
            Some(_ended) = self.own.join_next() => {}
            () = sleep_until(self.deadline), if !self.expired => self.expire().await,
            () = sleep_until(self.pause_end.unwrap_or(self.deadline)), if self.pause_end.is_some() => {
                self.pause_end = None;
                self.schedule.pause_is_over();
            }
            slot = turn(&mut self.waiting) => {
                self.waiting = None;
                self.slot = slot.ok();
            }
            missed = news(events), if listen => {
                if missed {
                    *events = None;
                }
            }
        }
    }

    /// Takes in where tasks stand. As long as all is as expected, only those at work are looked at.
    fn look(&mut self) {
        let state = self.engine.state();
        let Some(job) = state.jobs.get(&self.job.id) else {
            self.over = true;
            return;
        };
        let schedule = &mut self.schedule;
        let status_of = |position: usize| {
            let key = TaskKey { job: job.id, vm: job.targets[position] };
            state.tasks.get(&key).map_or(TaskStatus::Queued, |task| task.status)
        };
        self.at_work.retain(|task| {
            let status = status_of(task.position);
            schedule.set(task.position, status);
            !status.is_final()
        });
        // Somebody cancelled single tasks, or looks after some that had ended.
        if job.counts.finished() != schedule.counts().finished() {
            self.at_work.clear();
            for position in 0..job.targets.len() {
                schedule.set(position, status_of(position));
                let known = schedule.status(position);
                if known.is_some_and(|status| !status.is_final() && status != TaskStatus::Queued) {
                    self.at_work.push(AtWork { position, own: false });
                }
            }
        }
    }

    fn begin(&mut self, position: usize, slot: OwnedSemaphorePermit) {
        self.schedule.set(position, TaskStatus::Connecting);
        let key = TaskKey { job: self.job.id, vm: self.job.targets[position] };
        let Some(task) = self.engine.state().tasks.get(&key).cloned() else { return };
        self.at_work.push(AtWork { position, own: true });
        let stdin = self.inputs.of(key.vm);
        let (engine, job, control) = (self.engine.clone(), self.job.clone(), self.control.task(key.vm));
        self.own.spawn(async move {
            task::run(&engine, &job, &task, stdin, control).await;
            drop(slot);
        });
    }

    /// The job took longer than it was given: what runs is ended, and what is queued never begins.
    async fn expire(&mut self) {
        self.expired = true;
        let counts = self.schedule.counts();
        let (seconds, total) = (self.job.strategy.job_timeout_seconds.unwrap_or(0), counts.total());
        let begun = total - counts.queued;
        self.skip_queued(format!(
            "not started: the job took longer than {seconds} s; {begun} of {total} VMs had their turn by then"
        ))
        .await;
        self.control.expired.cancel();
    }

    async fn skip_queued(&mut self, why: String) {
        self.engine.inner.manager.insist(Command::SkipQueued { id: self.job.id, why }).await;
        self.look();
    }
}

/// Waits for the turn, if there is one to wait for.
async fn turn(waiting: &mut Option<WaitingForSlot>) -> Result<OwnedSemaphorePermit, AcquireError> {
    match waiting {
        Some(waiting) => waiting.await,
        None => std::future::pending().await,
    }
}

/// Waits until something happened, to whatever; whether some of it was missed. The look that follows sees what came of it.
async fn news(events: &mut Option<Subscription>) -> bool {
    match events {
        Some(events) => !matches!(events.next().await, Some(Ok(_))),
        None => std::future::pending().await,
    }
}
