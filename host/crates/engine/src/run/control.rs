//! What may be done to a job, and to a single task of it, while it runs.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use corral_domain::{Job, JobId, Task, TaskKey, VmId};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::Engine;

/// What holds a running job. Clones hold the same one.
#[derive(Clone, Default)]
pub(crate) struct JobControl {
    /// Its tasks are to be ended, and none begins any more.
    pub cancel: CancellationToken,
    /// It took longer than it was given: as for `cancel`, but what ran has timed out.
    pub expired: CancellationToken,
    /// It is given up on: running tasks are let go of without waiting for anything.
    pub close: CancellationToken,
    /// Bytes of output that its tasks have stored.
    pub output: Arc<AtomicU64>,
    tasks: Arc<Mutex<HashMap<VmId, CancellationToken>>>,
}

/// The same for one of its tasks.
#[derive(Clone)]
pub(crate) struct TaskControl {
    /// The task is to be ended.
    pub cancel: CancellationToken,
    /// The job took longer than it was given.
    pub expired: CancellationToken,
    /// The task is let go of.
    pub close: CancellationToken,
}

impl JobControl {
    /// The control of one of its tasks; the same whenever it is asked for.
    pub(crate) fn task(&self, vm: VmId) -> TaskControl {
        let cancel = self
            .tasks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .entry(vm)
            .or_insert_with(|| self.cancel.child_token())
            .clone();
        TaskControl { cancel, expired: self.expired.clone(), close: self.close.clone() }
    }
}

/// The control of a job at work; it is made if there is none yet, or if the job was given up on and is looked after again.
pub(crate) fn control_of(engine: &Engine, id: JobId) -> JobControl {
    let mut jobs = engine.inner.jobs.lock().unwrap_or_else(PoisonError::into_inner);
    // After a restart, or when it is taken up again, some of its output is there already.
    let new = || {
        let stored = engine.state().tasks_of(id).iter().map(|task| task.bytes).sum();
        JobControl { output: Arc::new(AtomicU64::new(stored)), ..JobControl::default() }
    };
    let control = jobs.entry(id).or_insert_with(new);
    if control.close.is_cancelled() {
        *control = new();
    }
    control.clone()
}

/// The control of a task that is met again. It is ended if that was asked for, of it or of the whole job, and could not be done.
pub(crate) fn control_met_again(engine: &Engine, job: &Job, task: &Task) -> TaskControl {
    let all = control_of(engine, job.id);
    if job.cancel_requested_at.is_some() {
        all.cancel.cancel();
    }
    let control = all.task(task.key.vm);
    if task.cancel_requested_at.is_some() {
        control.cancel.cancel();
    }
    control
}

/// Forgets the control of a job that has ended.
pub(crate) fn forget_control(engine: &Engine, id: JobId) {
    if !engine.state().jobs.contains_key(&id) {
        engine.inner.jobs.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}

/// Tasks that somebody works on: also those that were given up on and still write what they had received.
#[derive(Clone, Default)]
pub(crate) struct AtWork(watch::Sender<HashSet<TaskKey>>);

/// Somebody works on a task as long as this lives.
pub(crate) struct Working {
    all: AtWork,
    key: TaskKey,
}

impl AtWork {
    pub(crate) fn begin(&self, key: TaskKey) -> Working {
        self.0.send_modify(|all| _ = all.insert(key));
        Working { all: self.clone(), key }
    }

    /// Jobs with such tasks.
    pub(crate) fn jobs(&self) -> HashSet<JobId> {
        self.0.borrow().iter().map(|key| key.job).collect()
    }

    /// Waits until nobody works on any of them.
    pub(crate) async fn wait_for_none(&self, keys: &[TaskKey]) {
        // An error would mean that the sender is gone, which is held here.
        _ = self.0.subscribe().wait_for(|all| !keys.iter().any(|key| all.contains(key))).await;
    }
}

impl Drop for Working {
    fn drop(&mut self) {
        self.all.0.send_if_modified(|all| all.remove(&self.key));
    }
}
