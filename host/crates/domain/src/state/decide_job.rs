//! What may happen to jobs and tasks.

use std::collections::HashSet;

use crate::{
    Changes, CommandLine, Counts, EventKind, FieldError, Job, JobId, JobStatus, NewJob, Refusal, RenderedCommand,
    State, Task, TaskChange, TaskKey, TaskStatus, Timestamp, VmId,
};

const COMMAND_MAX: usize = 256 * 1024;
const PARALLELISM_MAX: u32 = 1024;

impl State {
    pub(super) fn decide_create_job(&self, new: NewJob, now: Timestamp) -> Result<Vec<EventKind>, Refusal> {
        let problems = problems(&new);
        if !problems.is_empty() {
            return Err(Refusal::Invalid(problems));
        }
        if self.jobs.contains_key(&new.id) {
            return Err(Refusal::Conflict(format!("job {} exists", new.id)));
        }
        let command = new.commands[0].1.command.clone();
        let mut tasks = Vec::with_capacity(new.commands.len());
        for (position, (vm, rendered)) in new.commands.into_iter().enumerate() {
            tasks.push(self.new_task(new.id, vm, position, rendered, &command)?);
        }
        let job = Job {
            id: new.id,
            status: JobStatus::Queued,
            mode: new.mode,
            command,
            template: new.template,
            targets: tasks.iter().map(|task| task.key.vm).collect(),
            counts: Counts::of(tasks.iter().map(|task| task.status)),
            parallelism: new.parallelism,
            timeout_seconds: new.timeout_seconds,
            strategy: new.strategy,
            run_as: new.run_as,
            retry_of: new.retry_of,
            command_hash: new.command_hash,
            cancel_requested_at: None,
            created_by: new.created_by,
            created_at: now,
            started_at: None,
            finished_at: None,
            plugins: new.plugins,
        };
        Ok(vec![EventKind::JobCreated { job, tasks }])
    }

    fn new_task(
        &self,
        job: JobId,
        vm: VmId,
        position: usize,
        rendered: RenderedCommand,
        common: &CommandLine,
    ) -> Result<Task, Refusal> {
        let found = self.vms.get(&vm).ok_or_else(|| Refusal::NotFound { kind: "VM", id: vm.to_string() })?;
        let has_stdin = rendered.stdin.is_some();
        let kept = RenderedCommand { stdin: None, ..rendered };
        Ok(Task {
            key: TaskKey { job, vm },
            vm_name: found.name.clone(),
            position: u32::try_from(position).unwrap_or(u32::MAX),
            status: TaskStatus::Queued,
            rendered: (kept != RenderedCommand::plain(common.clone())).then_some(kept),
            has_stdin,
            exit_code: None,
            signal: None,
            lines: 0,
            bytes: 0,
            started_at: None,
            finished_at: None,
            message: String::new(),
            contact_lost_at: None,
            receipt: None,
        })
    }

    pub(super) fn decide_cancel_job(&self, id: JobId, now: Timestamp) -> Result<Vec<EventKind>, Refusal> {
        let Some(job) = self.jobs.get(&id) else {
            return Err(Refusal::NotFound { kind: "running job", id: id.to_string() });
        };
        if job.cancel_requested_at.is_some() {
            return Ok(Vec::new());
        }
        let mut counts = job.counts;
        let mut events = Vec::new();
        for task in self.tasks_of(id).iter().filter(|task| task.status == TaskStatus::Queued) {
            counts.shift(TaskStatus::Queued, TaskStatus::Cancelled);
            let changes = TaskChange { finished_at: Some(now), ..TaskChange::to(TaskStatus::Cancelled) }
                .because("cancelled before it began; nothing was started");
            events.push(EventKind::TaskUpdated { job: id, vm: task.key.vm, changes });
        }
        let mut changes = job_changes(job, counts, now);
        changes.cancel_requested_at = Some(now);
        events.push(EventKind::JobUpdated { id, changes });
        Ok(events)
    }

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
fn job_changes(job: &Job, counts: Counts, now: Timestamp) -> Changes {
    let status = counts.job_status();
    Changes {
        status: (status != job.status).then_some(status),
        counts: (counts != job.counts).then_some(counts),
        started_at: (job.started_at.is_none() && counts.running > 0).then_some(now),
        finished_at: (job.finished_at.is_none() && status.is_final()).then_some(now),
        cancel_requested_at: None,
    }
}

fn problems(new: &NewJob) -> Vec<FieldError> {
    let mut errors = Vec::new();
    if new.commands.is_empty() {
        errors.push(FieldError::new("targets", "no VM is chosen; an empty list never means all of them"));
    }
    let mut seen = HashSet::new();
    for (vm, rendered) in &new.commands {
        if !seen.insert(*vm) {
            errors.push(FieldError::new("targets", format!("VM {vm} is named twice")));
        }
        if let Some(problem) = command_problem(rendered) {
            errors.push(FieldError::new("command", problem));
            break;
        }
    }
    if new.parallelism == 0 || new.parallelism > PARALLELISM_MAX {
        errors.push(FieldError::new("parallelism", format!("is between 1 and {PARALLELISM_MAX}")));
    }
    if new.timeout_seconds == Some(0) {
        errors.push(FieldError::new("timeout_seconds", "is at least 1; leave it out for no limit"));
    }
    errors
}

fn command_problem(rendered: &RenderedCommand) -> Option<String> {
    if rendered.command.is_empty() {
        return Some("is empty".to_owned());
    }
    if rendered.command.len() > COMMAND_MAX {
        return Some(format!("has at most {COMMAND_MAX} bytes"));
    }
    if rendered.command.has_nul() {
        return Some("has a NUL byte, which no command line can carry".to_owned());
    }
    let valid_key = |key: &str| {
        !key.is_empty()
            && !key.starts_with(|c: char| c.is_ascii_digit())
            && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    rendered
        .env
        .iter()
        .find(|(key, value)| !valid_key(key) || value.contains('\0'))
        .map(|(key, _)| format!("environment variable `{key}`: a name has letters, digits and `_`, a value no NUL"))
}
