//! One task from its beginning to its end.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use corral_domain::{AsUser, Command, Job, Mode, Position, RenderedCommand, Task, TaskChange, TaskStatus};
use corral_storage::LogEnd;
use tokio::time::{sleep, timeout};

use super::attempt::Attempt;
use super::control::TaskControl;
use super::durable::{self, Known, Way};
use super::elevate;
use crate::{Actor, Engine, UseCaseError};

/// How long a machine may take to forget a command whose output is stored. What it does not forget now it does later.
const RELEASE_MAX: Duration = Duration::from_secs(30);
/// Pause before what the store could not do is tried again.
const OPEN_PAUSE: Duration = Duration::from_secs(1);

/// Runs a task. When this returns its end is stored, or the host is ending.
pub(super) async fn run(engine: &Engine, job: &Arc<Job>, task: &Task, stdin: Option<Vec<u8>>, control: TaskControl) {
    let Some(vm) = engine.state().vms.get(&task.key.vm).cloned() else {
        let change = TaskChange::to(TaskStatus::Failed).because("the VM was removed before the task began");
        engine.inner.manager.insist(Command::ChangeTask { key: task.key, change }).await;
        return;
    };
    let as_user = match elevate::as_user(engine, job).await {
        Ok(as_user) => as_user,
        Err(why) => {
            let change = TaskChange::to(TaskStatus::Failed).because(why);
            engine.inner.manager.insist(Command::ChangeTask { key: task.key, change }).await;
            return;
        }
    };
    if !has_begun(engine, task).await {
        return;
    }
    let _working = engine.inner.at_work.begin(task.key);
    let log = engine.inner.logs.open(task.key, LogEnd::default());
    let attempt = Attempt { engine, job, vm, task, log, control, as_user, known: Known::default() };
    let change = attempt.begin(stdin).await;
    attempt.settle(change).await;
}

/// Goes on with a task in a capsule: one that ran when the host stopped, or, with `check`, one whose end is not known and
/// that somebody looks after.
pub(crate) async fn resume(engine: Engine, job: Arc<Job>, task: Arc<Task>, control: TaskControl, check: bool) {
    let _working = engine.inner.at_work.begin(task.key);
    let Some(end) = reopened(&engine, &task).await else { return };
    let log = engine.inner.logs.open(task.key, end);
    let vm = engine.state().vms.get(&task.key.vm).cloned();
    let Some(vm) = vm else {
        let change = TaskChange::to(TaskStatus::Unknown).because("the VM was removed, so it cannot be looked for");
        let end = engine.inner.logs.finish(&log, &engine.inner.end_token()).await;
        let change = TaskChange { lines: Some(end.lines), bytes: Some(end.bytes), ..change };
        engine.inner.manager.insist(Command::ChangeTask { key: task.key, change }).await;
        return;
    };
    let as_user = elevate::as_user(&engine, &job).await.unwrap_or_else(|why| {
        // What runs is followed all the same; where sudo asks for a password it cannot be ended.
        tracing::warn!(job = %job.id, vm = %task.vm_name, %why, "a task that runs by sudo is followed without its password");
        job.run_as.as_ref().map(|run_as| AsUser { user: run_as.user.clone(), password: None })
    });
    let attempt =
        Attempt { engine: &engine, job: &job, vm, task: &task, log, control, as_user, known: Known::default() };
    let change = attempt.go_on(end, check).await;
    attempt.settle(change).await;
    super::control::forget_control(&engine, job.id);
}

/// Says that the task begins, which is stored before anything is sent. False if there is nothing to run: it was cancelled in
/// this very moment, or the host ends.
async fn has_begun(engine: &Engine, task: &Task) -> bool {
    loop {
        let change = TaskChange::to(TaskStatus::Connecting);
        let begun = Command::ChangeTask { key: task.key, change };
        match engine.inner.manager.submit(&Actor::host(), begun, None).await {
            Ok(_) => return true,
            Err(UseCaseError::Storage(error)) => {
                tracing::error!(%error, task = ?task.key, "a task cannot begin; it is tried again");
            }
            Err(_) => return false,
        }
        tokio::select! {
            () = sleep(OPEN_PAUSE) => {}
            () = engine.inner.stopping.cancelled() => return false,
        }
    }
}

/// Where the log of a task goes on. None if the host ends before the store can say.
async fn reopened(engine: &Engine, task: &Task) -> Option<LogEnd> {
    let logs = &engine.inner.deps.logs;
    loop {
        let end = match logs.end(task.key).await {
            Ok(Some(end)) if end.complete => logs.reopen(task.key).await.map(|()| end),
            Ok(end) => Ok(end.unwrap_or_default()),
            Err(error) => Err(error),
        };
        match end {
            Ok(end) => return Some(end),
            Err(error) => tracing::error!(%error, task = ?task.key, "a log cannot be opened; it is tried again"),
        }
        tokio::select! {
            () = sleep(OPEN_PAUSE) => {}
            () = engine.inner.stopping.cancelled() => return None,
        }
    }
}

impl Attempt<'_> {
    /// Begins the task in the job's mode. None: it is let go of as it is.
    async fn begin(&self, stdin: Option<Vec<u8>>) -> Option<TaskChange> {
        let target = match self.engine.target(&self.vm) {
            Ok(target) => target,
            Err(message) => return Some(TaskChange::to(TaskStatus::Unreachable).because(message)),
        };
        let command = self.command(stdin);
        match self.job.mode {
            Mode::Durable => durable::run(self, &target, Way::Begin(command), Position::default(), false).await,
            Mode::Direct | Mode::Terminal => Some(self.direct(&target, &command).await),
        }
    }

    /// Goes on with a task in a capsule.
    async fn go_on(&self, end: LogEnd, check: bool) -> Option<TaskChange> {
        let target = match self.engine.target(&self.vm) {
            Ok(target) => target,
            Err(message) => return Some(TaskChange::to(TaskStatus::Unknown).because(message)),
        };
        let way = if check {
            Way::Check
        } else if self.task.status == TaskStatus::Connecting && !self.task.has_stdin {
            // It may not have been sent yet. If it was, the capsule sees to it that it starts only once.
            Way::Resume(Some(self.command(None)))
        } else {
            self.known.started.store(self.task.status == TaskStatus::Running, Ordering::Relaxed);
            Way::Resume(None)
        };
        durable::run(self, &target, way, end.position, end.complete).await
    }

    fn command(&self, stdin: Option<Vec<u8>>) -> RenderedCommand {
        let command = self.task.rendered.clone();
        let command = command.unwrap_or_else(|| RenderedCommand::plain(self.job.command.clone()));
        let command = RenderedCommand { stdin, ..command };
        match &self.as_user {
            None => command,
            Some(as_user) => elevate::elevated(self.engine, &command, as_user),
        }
    }

    /// Stores how it ended. Without a change it stays as it is, and what was received is written when the host ends.
    async fn settle(&self, change: Option<TaskChange>) {
        let Some(mut change) = change else { return };
        let engine = self.engine;
        let end = engine.inner.logs.finish(&self.log, &engine.inner.end_token()).await;
        if self.job.mode == Mode::Durable && !end.complete {
            // The host ends before all is written; the next start goes on from what is.
            return;
        }
        change.lines = Some(end.lines);
        change.bytes = Some(end.bytes);
        if change.status == Some(TaskStatus::Unreachable) && self.known.started.load(Ordering::Relaxed) {
            change.status = Some(TaskStatus::Unknown);
        }
        if self.control.close.is_cancelled() {
            // Its end was decided when it was given up on.
            return;
        }
        let known = change.status.is_some_and(|status| status != TaskStatus::Unknown);
        engine.inner.manager.insist(Command::ChangeTask { key: self.task.key, change }).await;
        if known && self.job.mode == Mode::Durable && self.known.sent.load(Ordering::Relaxed) {
            self.release();
        }
        if end.lines == 0 {
            return;
        }
        if let Err(error) = engine.inner.deps.logs.merge(self.task.key).await {
            tracing::warn!(%error, "small chunks of a finished log could not be joined");
        }
    }

    /// Tells the machine that it may forget the command.
    fn release(&self) {
        let Ok(target) = self.engine.target(&self.vm) else { return };
        let (engine, id) = (self.engine.clone(), self.task.key.capsule());
        let tracker = engine.inner.work.clone();
        tracker.spawn(async move {
            let release = timeout(RELEASE_MAX, engine.inner.deps.capsules.release(&target, &id));
            tokio::select! {
                _forgotten = release => {}
                () = engine.inner.stopping.cancelled() => {}
            }
        });
    }
}
