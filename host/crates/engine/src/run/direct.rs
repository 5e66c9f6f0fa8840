//! A task on the bare channel of a connection: lost when the connection is.

use std::time::Duration;

use corral_domain::{Position, RenderedCommand, TaskChange, TaskStatus};
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::attempt::{Attempt, EVENTS_MAX, Ended, natural};
use super::output::OutputSink;
use crate::ports::{Exit, RunError, Target};

/// How long a cancelled command may take to be gone.
const CANCEL_MAX: Duration = Duration::from_secs(30);

impl Attempt<'_> {
    /// Runs it to its end, and says how it ended.
    pub(super) async fn direct(&self, target: &Target, command: &RenderedCommand) -> TaskChange {
        let (sender, receiver) = mpsc::channel(EVENTS_MAX);
        let stop = CancellationToken::new();
        let log = self.log.clone();
        let mut sink =
            OutputSink::new(self.engine.clone(), self.job.clone(), self.vm.clone(), log, Position::default());
        let running = self.engine.inner.deps.runner.run(target, command, self.as_user.as_ref(), sender, stop.clone());
        let (pumped, (result, ended)) =
            tokio::join!(self.pump(receiver, &mut sink, &stop), self.watch_over(running, &stop));
        let pumped = match pumped {
            Ok(()) => sink.finish().await,
            Err(error) => Err(error),
        };
        if let Err(error) = pumped {
            return TaskChange::to(TaskStatus::Failed).because(format!("{error}; output after that is not stored"));
        }
        match result {
            Some(result) => self.outcome(result, ended),
            None if ended == Ended::Closed => self.closed(),
            None => TaskChange::to(TaskStatus::Unknown)
                .because("the host was stopped while it ran; it may go on on the machine"),
        }
    }

    /// Waits for the end of the run and ends it when it is cancelled or takes too long. None if it was let go of.
    async fn watch_over(
        &self,
        running: impl Future<Output = Result<Exit, RunError>>,
        stop: &CancellationToken,
    ) -> (Option<Result<Exit, RunError>>, Ended) {
        tokio::pin!(running);
        let ended = tokio::select! {
            result = &mut running => return (Some(result), Ended::No),
            ended = self.told_to_end() => ended,
            () = self.engine.inner.abandon.cancelled() => return (None, Ended::No),
        };
        if ended == Ended::Closed {
            return (None, ended);
        }
        stop.cancel();
        let result = tokio::select! {
            result = timeout(CANCEL_MAX, running) => result.unwrap_or_else(|_| {
                Err(RunError::Lost(
                    "it was told to end, and there was no answer; it may still run on the machine".to_owned(),
                ))
            }),
            () = self.control.close.cancelled() => return (None, Ended::Closed),
        };
        (Some(result), ended)
    }

    fn outcome(&self, result: Result<Exit, RunError>, ended: Ended) -> TaskChange {
        match result {
            Ok(Exit { code, signal: Some(name) }) if ended != Ended::No => {
                let change = self.stopped(ended, format!("it ended by signal {name}"));
                TaskChange { exit_code: code, signal: Some(name), ..change }
            }
            Ok(exit) => natural(exit),
            Err(RunError::Cancelled(receipt)) => {
                TaskChange { receipt: Some(receipt.clone()), ..self.stopped(ended, receipt.message()) }
            }
            Err(RunError::Unreachable(failure)) if ended != Ended::No => {
                self.stopped(ended, format!("nothing was started ({failure})"))
            }
            Err(RunError::Unreachable(failure)) => self.unreachable(failure),
            Err(RunError::Lost(message)) => TaskChange::to(TaskStatus::Unknown).because(message),
            Err(RunError::Failed(message)) => TaskChange::to(TaskStatus::Failed).because(message),
        }
    }
}
