//! One task from its beginning to its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use corral_domain::{Command, Job, RenderedCommand, Task, TaskChange, TaskStatus, Vm};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use super::control::TaskControl;
use super::output::OutputSink;
use crate::log::TaskLog;
use crate::ports::{Exit, PluginError, RunError, RunEvent};
use crate::{Engine, health};

/// Pieces of output that may wait between the runner and the filters.
const EVENTS_MAX: usize = 64;
/// How long a cancelled command may take to be gone.
const CANCEL_MAX: Duration = Duration::from_secs(30);

/// Runs a task. When this returns its end is stored, or the host is ending.
pub(super) async fn run(engine: &Engine, job: &Arc<Job>, task: &Task, stdin: Option<Vec<u8>>, control: TaskControl) {
    let Some(vm) = engine.state().vms.get(&task.key.vm).cloned() else {
        let change = TaskChange::to(TaskStatus::Failed).because("the VM was removed before the task began");
        engine.inner.manager.insist(Command::ChangeTask { key: task.key, change }).await;
        return;
    };
    // Refused if it was cancelled in this very moment; then there is nothing to run.
    let change = TaskChange::to(TaskStatus::Connecting);
    let begun = Command::ChangeTask { key: task.key, change };
    if engine.inner.manager.submit(&crate::Actor::host(), begun, None).await.is_err() {
        return;
    }
    let mut command = task.rendered.clone().unwrap_or_else(|| RenderedCommand::plain(job.command.clone()));
    command.stdin = stdin;
    let log = engine.inner.logs.open(task.key, corral_storage::LogEnd::default());
    let attempt = Attempt { engine, job, vm, task, log, control, started: AtomicBool::new(false) };
    let mut change = attempt.run(&command).await;
    let end = engine.inner.logs.finish(&attempt.log, &engine.inner.end_token()).await;
    change.lines = Some(end.lines);
    change.bytes = Some(end.bytes);
    if change.status == Some(TaskStatus::Unreachable) && attempt.started.load(Ordering::Relaxed) {
        change.status = Some(TaskStatus::Unknown);
    }
    engine.inner.manager.insist(Command::ChangeTask { key: task.key, change }).await;
    if let Err(error) = engine.inner.deps.logs.merge(task.key).await {
        tracing::warn!(%error, "small chunks of a finished log could not be joined");
    }
}

struct Attempt<'a> {
    engine: &'a Engine,
    job: &'a Arc<Job>,
    vm: Arc<Vm>,
    task: &'a Task,
    log: Arc<TaskLog>,
    control: TaskControl,
    /// The runner said that the command was started.
    started: AtomicBool,
}

/// What ended a run from our side.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ended {
    No,
    Cancelled,
    TimedOut,
    JobTimedOut,
}

impl Attempt<'_> {
    async fn run(&self, command: &RenderedCommand) -> TaskChange {
        let target = match self.engine.target(&self.vm) {
            Ok(target) => target,
            Err(message) => return TaskChange::to(TaskStatus::Unreachable).because(message),
        };
        let (sender, receiver) = mpsc::channel(EVENTS_MAX);
        let stop = CancellationToken::new();
        let running = self.engine.inner.deps.runner.run(&target, command, sender, stop.clone());
        let (pumped, (result, ended)) = tokio::join!(self.pump(receiver, &stop), self.watch_over(running, &stop));
        if let Err(error) = pumped {
            return TaskChange::to(TaskStatus::Failed).because(format!("{error}; output after that is not stored"));
        }
        let Some(result) = result else {
            let why = if self.control.close.is_cancelled() { "the job was closed" } else { "the host was stopped" };
            return TaskChange::to(TaskStatus::Unknown)
                .because(format!("{why} while it ran; it may go on on the machine"));
        };
        self.outcome(result, ended)
    }

    /// Waits for the end of the run and ends it when it is cancelled or takes too long. None if it was let go of.
    async fn watch_over(
        &self,
        running: impl Future<Output = Result<Exit, RunError>>,
        stop: &CancellationToken,
    ) -> (Option<Result<Exit, RunError>>, Ended) {
        tokio::pin!(running);
        let far = Duration::from_secs(10 * 365 * 24 * 3600);
        let limit = self.job.timeout_seconds.map_or(far, |seconds| Duration::from_secs(seconds.into()));
        let ended = tokio::select! {
            result = &mut running => return (Some(result), Ended::No),
            () = self.control.cancel.cancelled() => Ended::Cancelled,
            () = self.control.expired.cancelled() => Ended::JobTimedOut,
            () = self.control.close.cancelled() => return (None, Ended::No),
            () = sleep_until(Instant::now() + limit) => Ended::TimedOut,
            () = self.engine.inner.abandon.cancelled() => return (None, Ended::No),
        };
        stop.cancel();
        let result = tokio::time::timeout(CANCEL_MAX, running).await.unwrap_or_else(|_| {
            Err(RunError::Lost(
                "it was told to end, and there was no answer; it may still run on the machine".to_owned(),
            ))
        });
        (Some(result), ended)
    }

    /// Takes what the run reports until it has ended and all of it is taken.
    async fn pump(&self, mut events: mpsc::Receiver<RunEvent>, stop: &CancellationToken) -> Result<(), PluginError> {
        let mut sink = OutputSink::new(self.engine.clone(), self.job.clone(), self.vm.clone(), self.log.clone());
        let mut progress = interval(self.engine.inner.settings.progress_interval);
        progress.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut reported = (0, 0);
        let mut failed = None;
        loop {
            let event = tokio::select! {
                biased;
                event = events.recv() => event,
                _ = progress.tick() => {
                    reported = self.report(reported).await;
                    continue;
                }
            };
            match event {
                None => break,
                Some(RunEvent::Started) => {
                    self.started.store(true, Ordering::Relaxed);
                    self.change(TaskChange::to(TaskStatus::Running)).await;
                }
                // After a failure the rest is read and dropped until the command has been ended.
                Some(RunEvent::Output(output)) if failed.is_none() => {
                    if let Err(error) = sink.take(output).await {
                        stop.cancel();
                        failed = Some(error);
                    }
                }
                Some(RunEvent::Output(_) | RunEvent::Sending) => {}
            }
        }
        match failed {
            Some(error) => Err(error),
            None => sink.finish().await,
        }
    }

    async fn report(&self, before: (u64, u64)) -> (u64, u64) {
        let now = self.log.received();
        if now != before {
            self.change(TaskChange { lines: Some(now.0), bytes: Some(now.1), ..TaskChange::default() }).await;
        }
        now
    }

    async fn change(&self, change: TaskChange) {
        self.engine.inner.manager.post(Command::ChangeTask { key: self.task.key, change }).await;
    }

    fn outcome(&self, result: Result<Exit, RunError>, ended: Ended) -> TaskChange {
        let stopped = |message: String| match ended {
            Ended::TimedOut => {
                let seconds = self.job.timeout_seconds.unwrap_or(0);
                TaskChange::to(TaskStatus::TimedOut).because(format!("took longer than {seconds} s; {message}"))
            }
            Ended::JobTimedOut => {
                let seconds = self.job.strategy.job_timeout_seconds.unwrap_or(0);
                TaskChange::to(TaskStatus::TimedOut).because(format!("the job took longer than {seconds} s; {message}"))
            }
            _ => TaskChange::to(TaskStatus::Cancelled).because(message),
        };
        match result {
            Ok(Exit { code: Some(0), signal: None }) => {
                TaskChange { exit_code: Some(0), ..TaskChange::to(TaskStatus::Succeeded) }
            }
            Ok(Exit { code, signal }) => {
                let change = match &signal {
                    Some(name) if ended != Ended::No => stopped(format!("it ended by signal {name}")),
                    Some(name) => TaskChange::to(TaskStatus::Failed).because(format!("ended by signal {name}")),
                    None if code.is_none() => {
                        TaskChange::to(TaskStatus::Unknown).because("the machine did not say how the command ended")
                    }
                    None => TaskChange::to(TaskStatus::Failed),
                };
                TaskChange { exit_code: code, signal, ..change }
            }
            Err(RunError::Cancelled(receipt)) => {
                TaskChange { receipt: Some(receipt.clone()), ..stopped(receipt.message()) }
            }
            Err(RunError::Unreachable(failure)) if ended != Ended::No => {
                stopped(format!("nothing was started ({failure})"))
            }
            Err(RunError::Unreachable(failure)) => {
                let message = failure.to_string();
                let (engine, vm) = (self.engine.clone(), self.vm.id);
                let tracker = engine.inner.work.clone();
                tracker.spawn(async move { health::report(&engine, vm, Err(failure)).await });
                TaskChange::to(TaskStatus::Unreachable).because(message)
            }
            Err(RunError::Lost(message)) => TaskChange::to(TaskStatus::Unknown).because(message),
            Err(RunError::Failed(message)) => TaskChange::to(TaskStatus::Failed).because(message),
        }
    }
}
