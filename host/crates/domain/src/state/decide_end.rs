//! How a job is ended before its tasks have ended by themselves.

use std::sync::Arc;

use super::decide_task::job_changes;
use crate::{Changes, Counts, EventKind, Job, JobId, Refusal, State, Task, TaskChange, TaskStatus, Timestamp, VmId};

const CANCELLED_QUEUED: &str = "cancelled before it began; nothing was started";

impl State {
    pub(super) fn decide_cancel_job(&self, id: JobId, now: Timestamp) -> Result<Vec<EventKind>, Refusal> {
        let job = self.live_job(id)?;
        if job.cancel_requested_at.is_some() {
            return Ok(Vec::new());
        }
        let mut ending = Ending::new(job);
        for task in self.queued_of(id) {
            ending.end(&task, TaskChange::to(TaskStatus::Cancelled).because(CANCELLED_QUEUED), now);
        }
        Ok(ending.events(Some(now), now))
    }

    pub(super) fn decide_cancel_tasks(
        &self,
        id: JobId,
        vms: &[VmId],
        now: Timestamp,
    ) -> Result<Vec<EventKind>, Refusal> {
        let job = self.live_job(id)?;
        if let Some(vm) = vms.iter().find(|vm| !job.targets.contains(vm)) {
            return Err(Refusal::NotFound { kind: "task", id: format!("of job {id} on {vm}") });
        }
        let mut ending = Ending::new(job);
        let named = self.tasks_of(id).into_iter().filter(|task| vms.contains(&task.key.vm));
        for task in named.filter(|task| !task.status.is_final() && task.cancel_requested_at.is_none()) {
            if task.status == TaskStatus::Queued {
                ending.end(&task, TaskChange::to(TaskStatus::Cancelled).because(CANCELLED_QUEUED), now);
            } else {
                ending.ask(&task, now);
            }
        }
        Ok(ending.events(None, now))
    }

    pub(super) fn decide_skip_queued(&self, id: JobId, why: &str, now: Timestamp) -> Result<Vec<EventKind>, Refusal> {
        let mut ending = Ending::new(self.live_job(id)?);
        for task in self.queued_of(id) {
            ending.end(&task, TaskChange::to(TaskStatus::Cancelled).because(why), now);
        }
        Ok(ending.events(None, now))
    }

    pub(super) fn decide_close_job(
        &self,
        id: JobId,
        by: &str,
        received: &[(VmId, u64, u64)],
        now: Timestamp,
    ) -> Result<Vec<EventKind>, Refusal> {
        let job = self.live_job(id)?;
        let mut ending = Ending::new(job);
        for task in self.tasks_of(id).into_iter().filter(|task| !task.status.is_final()) {
            let change = if task.status == TaskStatus::Queued {
                TaskChange::to(TaskStatus::Cancelled)
                    .because(format!("the job was closed by {by} before it began; nothing was started"))
            } else {
                let so_far = received.iter().find(|(vm, ..)| *vm == task.key.vm);
                let message = format!(
                    "the job was closed by {by} while it was {}; how it ended is not known, and it may go on on the machine",
                    task.status.as_str()
                );
                TaskChange {
                    lines: so_far.map(|(_, lines, _)| *lines),
                    bytes: so_far.map(|(_, _, bytes)| *bytes),
                    ..TaskChange::to(TaskStatus::Unknown)
                }
                .because(message)
            };
            ending.end(&task, change, now);
        }
        // To give up on a job is not to ask for its end: what is found running later is followed, not killed.
        Ok(ending.events(None, now))
    }

    fn live_job(&self, id: JobId) -> Result<&Arc<Job>, Refusal> {
        self.jobs.get(&id).ok_or_else(|| Refusal::NotFound { kind: "running job", id: id.to_string() })
    }

    fn queued_of(&self, id: JobId) -> impl Iterator<Item = Arc<Task>> {
        self.tasks_of(id).into_iter().filter(|task| task.status == TaskStatus::Queued)
    }
}

/// Tasks of one job that end together.
struct Ending<'a> {
    job: &'a Job,
    counts: Counts,
    events: Vec<EventKind>,
}

impl<'a> Ending<'a> {
    fn new(job: &'a Job) -> Self {
        Self { job, counts: job.counts, events: Vec::new() }
    }

    fn end(&mut self, task: &Task, change: TaskChange, now: Timestamp) {
        let Some(status) = change.status else { return };
        self.counts.shift(task.status, status);
        let changes = TaskChange { finished_at: Some(now), ..change };
        self.events.push(EventKind::TaskUpdated { job: self.job.id, vm: task.key.vm, changes });
    }

    /// It is at work: that its end was asked for is written down, so that a restart does not forget it.
    fn ask(&mut self, task: &Task, now: Timestamp) {
        let changes = TaskChange { cancel_requested_at: Some(now), ..TaskChange::default() };
        self.events.push(EventKind::TaskUpdated { job: self.job.id, vm: task.key.vm, changes });
    }

    /// What happened; nothing if nothing did.
    fn events(mut self, cancel_requested_at: Option<Timestamp>, now: Timestamp) -> Vec<EventKind> {
        let changes = Changes { cancel_requested_at, ..job_changes(self.job, self.counts, now) };
        if changes != Changes::default() {
            self.events.push(EventKind::JobUpdated { id: self.job.id, changes });
        }
        self.events
    }
}
