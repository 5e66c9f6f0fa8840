//! What may happen to a task.

use crate::{Changes, Counts, EventKind, Job, Refusal, State, Task, TaskChange, TaskKey, TaskStatus, Timestamp, VmId};

impl State {
    /// Tasks that are `unknown` are looked after: they count as running until it is found out how they ended, or once more that
    /// it cannot be known.
    pub(super) fn decide_reopen(&self, job: Job, tasks: Vec<Task>, vms: &[VmId]) -> Result<Vec<EventKind>, Refusal> {
        // In memory is the newest; what the caller read may be older.
        let (mut job, mut tasks) = match self.jobs.get(&job.id) {
            Some(live) => (Job::clone(live), self.tasks_of(job.id).iter().map(|task| Task::clone(task)).collect()),
            None => (job, tasks),
        };
        for vm in vms {
            let task = tasks.iter_mut().find(|task| task.key.vm == *vm);
            let task = task.ok_or_else(|| Refusal::NotFound { kind: "task", id: format!("{} on {vm}", job.id) })?;
            if task.status != TaskStatus::Unknown {
                let text = format!(
                    "{} is {}; only a task whose end is unknown is looked after",
                    task.vm_name,
                    task.status.as_str()
                );
                return Err(Refusal::Conflict(text));
            }
            if !self.vms.contains_key(vm) {
                let text = format!("{} was removed from the inventory, so it cannot be looked for", task.vm_name);
                return Err(Refusal::Conflict(text));
            }
            task.status = TaskStatus::Running;
            task.finished_at = None;
            // Why it was not known is no longer true while it is looked for.
            task.message.clear();
            job.counts.shift(TaskStatus::Unknown, TaskStatus::Running);
        }
        job.status = job.counts.job_status();
        job.finished_at = None;
        Ok(vec![EventKind::JobReopened { job, tasks }])
    }

    pub(super) fn decide_change_task(
        &self,
        key: TaskKey,
        mut change: TaskChange,
        now: Timestamp,
    ) -> Result<Vec<EventKind>, Refusal> {
        let (Some(job), Some(task)) = (self.jobs.get(&key.job), self.tasks.get(&key)) else {
            return Err(Refusal::NotFound { kind: "running task", id: format!("{} on {}", key.job, key.vm) });
        };
        let next = change.status.unwrap_or(task.status);
        if task.status.is_final() || (next != task.status && !task.status.may_become(next)) {
            let text = format!("a task that is {} does not become {}", task.status.as_str(), next.as_str());
            return Err(Refusal::Conflict(text));
        }
        if next == task.status {
            change.status = None;
        } else if next.is_final() {
            change.finished_at = change.finished_at.or(Some(now));
            if change.message.is_none() && !task.message.is_empty() {
                // What was said when its end was not known is not said of its end.
                change.message = Some(String::new());
            }
        }
        if task.started_at.is_none() && matches!(next, TaskStatus::Connecting | TaskStatus::Running) {
            change.started_at = change.started_at.or(Some(now));
        }
        let mut counts = job.counts;
        counts.shift(task.status, next);
        if change == TaskChange::default() {
            return Ok(Vec::new());
        }
        let mut events = vec![EventKind::TaskUpdated { job: key.job, vm: key.vm, changes: change }];
        let changes = job_changes(job, counts, now);
        if changes != Changes::default() {
            events.push(EventKind::JobUpdated { id: key.job, changes });
        }
        Ok(events)
    }
}

/// How a job changes when its counts become these.
pub(super) fn job_changes(job: &Job, counts: Counts, now: Timestamp) -> Changes {
    let status = counts.job_status();
    Changes {
        status: (status != job.status).then_some(status),
        counts: (counts != job.counts).then_some(counts),
        started_at: (job.started_at.is_none() && counts.running > 0).then_some(now),
        finished_at: (job.finished_at.is_none() && status.is_final()).then_some(now),
        cancel_requested_at: None,
    }
}
