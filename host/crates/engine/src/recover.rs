//! What a start does with what the last run left.

use std::sync::Arc;

use corral_domain::{Command, Mode, State, TaskChange, TaskKey, TaskStatus};
use corral_storage::{Loaded, LogAppend, StorageError};

use crate::{Engine, run};

/// The state in memory, from what was stored.
pub(crate) fn state_of(loaded: Loaded) -> State {
    State {
        seq: loaded.seq,
        vms: loaded.vms.into_iter().map(|vm| (vm.id, Arc::new(vm))).collect(),
        facts: loaded.facts.into_iter().map(|(id, facts)| (id, Arc::new(facts))).collect(),
        jobs: loaded.jobs.into_iter().map(|job| (job.id, Arc::new(job))).collect(),
        tasks: loaded.tasks.into_iter().map(|task| (task.key, Arc::new(task))).collect(),
        saved_templates: loaded.templates.into_iter().map(|t| (t.slug.clone(), Arc::new(t))).collect(),
        settings: loaded.settings.into_iter().map(|(key, value)| (key, Arc::new(value))).collect(),
        ..State::default()
    }
}

/// Settles tasks that had begun, and queues again those that had not.
///
/// A task in a capsule is followed on. A task in mode `direct` that ran is `unknown`; one that was connecting may have been
/// started just before the host died, so it is too.
pub(crate) async fn settle(engine: &Engine) -> Result<(), StorageError> {
    let state = engine.state();
    for task in state.tasks.values() {
        let durable = state.jobs.get(&task.key.job).is_some_and(|job| job.mode == Mode::Durable);
        let change = match task.status {
            TaskStatus::Running | TaskStatus::Connecting if !durable => {
                let (lines, bytes) = close_log(engine, task.key).await?;
                TaskChange { lines: Some(lines), bytes: Some(bytes), ..TaskChange::to(TaskStatus::Unknown) }.because(
                    "the host stopped while it ran, so how it ended is not known; look on the machine before you run it again",
                )
            }
            TaskStatus::Queued if task.has_stdin => TaskChange::to(TaskStatus::Cancelled)
                .because("the host was restarted before it began, and its standard input is not kept; run it again"),
            _ => continue,
        };
        engine.inner.manager.insist(Command::ChangeTask { key: task.key, change }).await;
    }
    let state = engine.state();
    for job in state.jobs.values() {
        for task in state.tasks_of(job.id) {
            if matches!(task.status, TaskStatus::Running | TaskStatus::Connecting) {
                let control = run::control_met_again(engine, job, &task);
                engine.inner.work.spawn(run::resume(engine.clone(), job.clone(), task, control, false));
            }
        }
        if job.cancel_requested_at.is_none() {
            run::start_job(engine, job.id, run::Inputs::default());
        }
    }
    Ok(())
}

/// Nothing more will come: readers must not wait for it. Returns lines and bytes that are stored.
async fn close_log(engine: &Engine, key: TaskKey) -> Result<(u64, u64), StorageError> {
    let logs = &engine.inner.deps.logs;
    let end = logs.end(key).await?.unwrap_or_default();
    if !end.complete {
        let close = LogAppend {
            key,
            first_line: end.lines,
            n_lines: 0,
            first_byte: end.bytes,
            raw_len: 0,
            data: bytes::Bytes::new(),
            position: None,
            complete: true,
        };
        logs.append(&[close]).await?;
    }
    Ok((end.lines, end.bytes))
}
