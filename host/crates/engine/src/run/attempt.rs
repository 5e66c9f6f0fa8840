//! What is common to all ways of running a task: what ends it, what it reports, what its end is called.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use corral_domain::{AsUser, Command, Job, Task, TaskChange, TaskStatus, Vm};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

use super::control::TaskControl;
use super::durable::Known;
use super::output::OutputSink;
use crate::log::TaskLog;
use crate::ports::{Exit, Failure, PluginError, RunEvent};
use crate::{Engine, health};

/// Pieces of output that may wait between the runner and the filters.
pub(super) const EVENTS_MAX: usize = 64;
/// What stands for no limit.
const FAR: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// A task at work.
pub(super) struct Attempt<'a> {
    pub(super) engine: &'a Engine,
    pub(super) job: &'a Arc<Job>,
    pub(super) vm: Arc<Vm>,
    pub(super) task: &'a Task,
    pub(super) log: Arc<TaskLog>,
    pub(super) control: TaskControl,
    /// As whom it runs.
    pub(super) as_user: Option<AsUser>,
    pub(super) known: Known,
}

/// What ended a run from our side.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    No,
    Cancelled,
    TimedOut,
    JobTimedOut,
    Closed,
}

impl Attempt<'_> {
    /// Waits until the task is to be ended, and says why.
    pub(super) async fn told_to_end(&self) -> Ended {
        let limit = self.job.timeout_seconds.map_or(FAR, |seconds| {
            let now = self.engine.inner.deps.clock.now();
            let began = self.engine.state().tasks.get(&self.task.key).and_then(|task| task.started_at).unwrap_or(now);
            let used = u64::try_from(now.as_millis().saturating_sub(began.as_millis())).unwrap_or(0);
            Duration::from_secs(seconds.into()).saturating_sub(Duration::from_millis(used))
        });
        tokio::select! {
            biased;
            () = self.control.close.cancelled() => Ended::Closed,
            () = self.control.cancel.cancelled() => Ended::Cancelled,
            () = self.control.expired.cancelled() => Ended::JobTimedOut,
            () = sleep_until(Instant::now() + limit) => Ended::TimedOut,
        }
    }

    /// The same; none when the host stops and the task is to be left as it is.
    pub(super) async fn asked_to_end(&self) -> Option<Ended> {
        tokio::select! {
            biased;
            () = self.engine.inner.stopping.cancelled() => None,
            ended = self.told_to_end() => Some(ended),
        }
    }

    /// Waits until the task is to be let go of: true if it was given up on, false if the host stops.
    pub(super) async fn let_go(&self) -> bool {
        tokio::select! {
            biased;
            () = self.engine.inner.stopping.cancelled() => false,
            () = self.control.close.cancelled() => true,
        }
    }

    /// Takes what the run reports until it has ended and all of it is taken.
    pub(super) async fn pump(
        &self,
        mut events: mpsc::Receiver<RunEvent>,
        sink: &mut OutputSink,
        stop: &CancellationToken,
    ) -> Result<(), PluginError> {
        let mut progress = interval(self.engine.inner.settings.progress_interval);
        progress.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut reported = self.log.received();
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
                Some(RunEvent::Sending) => self.known.sent.store(true, Ordering::Relaxed),
                Some(RunEvent::Started) => self.has_started().await,
                // After a failure the rest is read and dropped until the command has been ended.
                Some(RunEvent::Output(output)) if failed.is_none() => {
                    if let Err(error) = sink.take(output).await {
                        stop.cancel();
                        failed = Some(error);
                    }
                }
                Some(RunEvent::Output(_)) => {}
            }
        }
        failed.map_or(Ok(()), Err)
    }

    async fn has_started(&self) {
        self.known.sent.store(true, Ordering::Relaxed);
        self.known.started.store(true, Ordering::Relaxed);
        let found = self.known.out_of_contact.swap(false, Ordering::Relaxed) || self.task.contact_lost_at.is_some();
        let contact_lost_at = found.then_some(None);
        self.change(TaskChange { contact_lost_at, ..TaskChange::to(TaskStatus::Running) }).await;
    }

    /// Tells that a command that may run is out of reach; once, until it is found again.
    pub(super) async fn contact_lost(&self, why: &str) {
        if !self.known.out_of_contact.swap(true, Ordering::Relaxed) {
            tracing::info!(job = %self.job.id, vm = %self.task.vm_name, %why, "out of contact; the machine is tried again and again");
            let now = self.engine.inner.deps.clock.now();
            self.change(TaskChange { contact_lost_at: Some(Some(now)), ..TaskChange::default() }).await;
        }
    }

    /// A random part of 255, for pauses that must not fall together.
    pub(super) fn random_part(&self) -> u8 {
        let mut bytes = [0; 16];
        self.engine.inner.deps.random.fill(&mut bytes);
        bytes.into_iter().fold(0, u8::wrapping_add)
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

    /// How a task ends that was ended from our side.
    pub(super) fn stopped(&self, why: Ended, message: String) -> TaskChange {
        match why {
            Ended::TimedOut => {
                let seconds = self.job.timeout_seconds.unwrap_or(0);
                TaskChange::to(TaskStatus::TimedOut).because(format!("took longer than {seconds} s; {message}"))
            }
            Ended::JobTimedOut => {
                let seconds = self.job.strategy.job_timeout_seconds.unwrap_or(0);
                TaskChange::to(TaskStatus::TimedOut).because(format!("the job took longer than {seconds} s; {message}"))
            }
            Ended::Closed => self.closed(),
            Ended::No | Ended::Cancelled => TaskChange::to(TaskStatus::Cancelled).because(message),
        }
    }

    /// How a task ends on which somebody gave up.
    pub(super) fn closed(&self) -> TaskChange {
        let task = self.engine.state().tasks.get(&self.task.key).cloned();
        let message = task.map(|task| task.message.clone()).filter(|message| !message.is_empty());
        let message =
            message.unwrap_or_else(|| "the job was closed while it ran; it may go on on the machine".to_owned());
        TaskChange::to(TaskStatus::Unknown).because(message)
    }

    pub(super) fn unreachable(&self, failure: Failure) -> TaskChange {
        let message = failure.to_string();
        let (engine, vm) = (self.engine.clone(), self.vm.id);
        let tracker = engine.inner.work.clone();
        tracker.spawn(async move { health::report(&engine, vm, Err(failure)).await });
        TaskChange::to(TaskStatus::Unreachable).because(message)
    }
}

/// How a task ends whose command ended by itself.
pub(super) fn natural(exit: Exit) -> TaskChange {
    let change = match (&exit.code, &exit.signal) {
        (Some(0), None) => TaskChange::to(TaskStatus::Succeeded),
        (_, Some(name)) => TaskChange::to(TaskStatus::Failed).because(format!("ended by signal {name}")),
        (None, None) => TaskChange::to(TaskStatus::Unknown).because("the machine did not say how the command ended"),
        (Some(_), None) => TaskChange::to(TaskStatus::Failed),
    };
    TaskChange { exit_code: exit.code, signal: exit.signal, ..change }
}
