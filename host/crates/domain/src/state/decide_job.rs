//! How a job comes to be.

use std::collections::HashSet;

use crate::{
    CommandLine, Counts, EventKind, FieldError, Job, JobId, JobStatus, NewJob, Refusal, RenderedCommand, RunAs, State,
    Task, TaskKey, TaskStatus, Timestamp, VmId,
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
            filters: new.filters,
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
            cancel_requested_at: None,
            receipt: None,
        })
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
    errors.extend(new.strategy.problems());
    errors.extend(new.run_as.iter().flat_map(RunAs::problems));
    errors.extend(new.filters.problems());
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
    if rendered.workdir.as_ref().is_some_and(|workdir| workdir.is_empty() || workdir.contains('\0')) {
        return Some("working folder: is a path without NUL; leave it out for the account's home".to_owned());
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
