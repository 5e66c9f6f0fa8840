//! A job's queue: its tasks in order, so many at once, until all have begun or someone cancels.

use std::collections::HashMap;
use std::sync::Arc;

use corral_domain::{JobId, TaskStatus, VmId};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::control::{JobControl, control_of, forget_control};
use super::task;
use crate::Engine;

/// Standard input per VM; lives in memory alone.
pub(crate) type Inputs = HashMap<VmId, Vec<u8>>;

/// Begins to work on a job whose tasks are queued.
pub(crate) fn start_job(engine: &Engine, id: JobId, inputs: Inputs) {
    let control = control_of(engine, id);
    let tracker = engine.inner.work.clone();
    tracker.spawn(run(engine.clone(), id, inputs, control));
}

async fn run(engine: Engine, id: JobId, mut inputs: Inputs, control: JobControl) {
    let state = engine.state();
    if let Some(job) = state.jobs.get(&id) {
        let slots = Arc::new(Semaphore::new(job.parallelism as usize));
        let tasks = TaskTracker::new();
        for queued in state.tasks_of(id).into_iter().filter(|task| task.status == TaskStatus::Queued) {
            let Some(permits) = take_slots(&engine, &slots, &control.cancel).await else { break };
            let stdin = inputs.remove(&queued.key.vm);
            let (engine, job, control) = (engine.clone(), job.clone(), control.task(queued.key.vm));
            tasks.spawn(async move {
                task::run(&engine, &job, &queued, stdin, control).await;
                drop(permits);
            });
        }
        tasks.close();
        tasks.wait().await;
    }
    forget_control(&engine, id);
}

type Permits = (tokio::sync::OwnedSemaphorePermit, tokio::sync::OwnedSemaphorePermit);

/// Waits for a place in the job and one among all tasks. None when nothing more is to begin.
async fn take_slots(engine: &Engine, job: &Arc<Semaphore>, cancel: &CancellationToken) -> Option<Permits> {
    let both = async {
        let own = job.clone().acquire_owned().await.ok()?;
        let common = engine.inner.slots.clone().acquire_owned().await.ok()?;
        Some((own, common))
    };
    tokio::select! {
        biased;
        () = cancel.cancelled() => None,
        () = engine.inner.stopping.cancelled() => None,
        permits = both => permits,
    }
}
