//! A task in a capsule: started once, then followed over as many connections and starts of the host as it takes.
//!
//! What a connection that broke has delivered is taken in; the next one goes on from there. A cancellation is carried out
//! when there is a connection again. When the host stops, the task is let go of as it is, and the next start follows it on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use corral_domain::{Position, Receipt, RenderedCommand, TaskChange, TaskStatus};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};

use super::attempt::{Attempt, EVENTS_MAX, Ended, natural};
use super::output::OutputSink;
use crate::ports::{CapsuleError, Exit, Failure, Meet, PluginError, Target};

/// First and longest pause before a machine is tried again.
const RETRY_PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(15));
/// How long the output of a command whose processes were ended may take to arrive.
const DRAIN_MAX: Duration = Duration::from_secs(20);

/// How long a command may take to be ended whose output cannot be filtered.
const FILTER_CANCEL_MAX: Duration = Duration::from_secs(30);

/// How often a machine is tried whose connection breaks before anything was sent.
const BEGIN_TRIES: u32 = 3;

/// How a task comes to its capsule.
pub(super) enum Way {
    /// It begins.
    Begin(RenderedCommand),
    /// The host was started anew while it may have run. The command is there if it may still be started.
    Resume(Option<RenderedCommand>),
    /// Somebody looks after it; if it is not found at once it is given up on again.
    Check,
}

/// How following a capsule ended.
enum End {
    Exited(Exit),
    /// It ended, and says what may be missing of its output.
    Incomplete(Exit, String),
    /// How it ended cannot be known.
    Lost(String),
    /// The machine has nothing of it.
    Missing,
    /// The machine cannot run capsules; nothing was started.
    Refused(String),
    /// The machine was not reached, and nothing was ever sent to it.
    NotReached(Failure),
    /// There was no contact for too long.
    GaveUp(String),
    /// A filter that must see every line could not go on.
    Filter(PluginError),
}

/// What is known of the capsule while it is followed.
#[derive(Default)]
pub(super) struct Known {
    /// The command may have been sent.
    pub(super) sent: AtomicBool,
    /// The command runs, or ran.
    pub(super) started: AtomicBool,
    /// The task was told to be out of contact.
    pub(super) out_of_contact: AtomicBool,
}

impl Known {
    fn is(flag: &AtomicBool) -> bool {
        flag.load(Ordering::Relaxed)
    }
}

/// Follows the task to its end; what becomes of it then. None: it is let go of as it is, for the next start of the host.
pub(super) async fn run(
    attempt: &Attempt<'_>,
    target: &Target,
    way: Way,
    from: Position,
    complete: bool,
) -> Option<TaskChange> {
    let begins = matches!(way, Way::Begin(_));
    attempt.known.sent.store(!begins, Ordering::Relaxed);
    let log = attempt.log.clone();
    let mut sink = OutputSink::new(attempt.engine.clone(), attempt.job.clone(), attempt.vm.clone(), log, from);
    let durable = Durable { attempt, target, id: attempt.task.key.capsule() };
    let (end, stopped) = durable.to_the_end(&mut sink, &way).await?;
    if let Some(End::Filter(error)) = &end {
        return Some(durable.after_filter(error).await);
    }
    let change = durable.outcome(end, stopped, &way);
    // A log that was complete and to which nothing came has all of it already, with what filters say at the end.
    match if complete && !sink.has_more_than(from) { Ok(()) } else { sink.finish().await } {
        Ok(()) => Some(change),
        Err(error) => Some(durable.after_filter(&error).await),
    }
}

struct Durable<'a> {
    attempt: &'a Attempt<'a>,
    target: &'a Target,
    id: String,
}

/// How a task was ended from our side.
struct Stopped {
    why: Ended,
    /// What the machine said, or why it could not be asked.
    receipt: Result<Receipt, String>,
}

impl Durable<'_> {
    /// Follows it and ends it when that is asked for. None: it was let go of.
    async fn to_the_end(&self, sink: &mut OutputSink, way: &Way) -> Option<(Option<End>, Option<Stopped>)> {
        let mut follow = std::pin::pin!(self.follow(sink, way));
        let (mut end, why) = tokio::select! {
            biased;
            end = &mut follow => match end {
                // An earlier host may have carried out what this one was still to do: then it has ended because of that.
                End::Exited(exit) if self.attempt.control.cancel.is_cancelled() && is_ended_by_signal(&exit) => {
                    (Some(End::Exited(exit)), Ended::Cancelled)
                }
                end => return Some((Some(end), None)),
            },
            why = self.attempt.asked_to_end() => (None, why?),
        };
        if why == Ended::Closed {
            return Some((None, Some(Stopped { why, receipt: Err(String::new()) })));
        }
        let now = self.attempt.engine.inner.deps.clock.now();
        if !Known::is(&self.attempt.known.sent) {
            return Some((None, Some(Stopped { why, receipt: Ok(Receipt::nothing_started(now)) })));
        }
        let mut cancel = std::pin::pin!(self.cancel());
        let receipt = loop {
            tokio::select! {
                receipt = &mut cancel => break receipt,
                ended = &mut follow, if end.is_none() => {
                    // Never sent after all: there is nothing that could be cancelled.
                    match (ended, way) {
                        (End::NotReached(_), _) => break Ok(Receipt::nothing_started(now)),
                        (End::GaveUp(why), Way::Check) => break Err(why),
                        (ended, _) => end = Some(ended),
                    }
                }
                let_go = self.attempt.let_go() => {
                    return let_go.then(|| (None, Some(Stopped { why: Ended::Closed, receipt: Err(String::new()) })));
                }
            }
        };
        if end.is_none() && receipt.is_ok() {
            end = timeout(DRAIN_MAX, follow).await.ok();
        }
        Some((end, Some(Stopped { why, receipt })))
    }

    /// Follows the capsule over as many connections as it takes.
    async fn follow(&self, sink: &mut OutputSink, way: &Way) -> End {
        let command = match way {
            Way::Begin(command) | Way::Resume(Some(command)) => Some(command),
            Way::Resume(None) | Way::Check => None,
        };
        let known = &self.attempt.known;
        let mut lost_at: Option<Instant> = None;
        let mut tries = 0;
        let mut pauses = Pauses::new(self.attempt.random_part());
        loop {
            let meet = match command {
                Some(command) if !Known::is(&known.started) => Meet::Launch(command),
                _ => Meet::Attach,
            };
            let why = match self.follow_once(sink, meet).await {
                Err(error) => return End::Filter(error),
                Ok(Ok(exit)) => return End::Exited(exit),
                Ok(Err(CapsuleError::Incomplete { exit, why })) => return End::Incomplete(exit, why),
                Ok(Err(CapsuleError::Lost(why))) => return End::Lost(why),
                Ok(Err(CapsuleError::Missing)) => return End::Missing,
                Ok(Err(CapsuleError::Refused(why))) => return End::Refused(why),
                Ok(Err(CapsuleError::Unreachable(failure))) if !Known::is(&known.sent) => {
                    return End::NotReached(failure);
                }
                Ok(Err(CapsuleError::Unreachable(failure))) => failure.to_string(),
                Ok(Err(CapsuleError::Broken(why))) if !Known::is(&known.sent) => {
                    tries += 1;
                    if tries >= BEGIN_TRIES {
                        return End::NotReached(not_begun(why));
                    }
                    sleep(pauses.next()).await;
                    continue;
                }
                Ok(Err(CapsuleError::Broken(why))) => why,
            };
            // There was contact since, though the command may have had nothing to say.
            if !Known::is(&known.out_of_contact) {
                lost_at = None;
                pauses = Pauses::new(self.attempt.random_part());
            }
            let since = *lost_at.get_or_insert_with(Instant::now);
            let patience = match way {
                Way::Check if !Known::is(&known.started) => Duration::ZERO,
                _ => self.attempt.engine.inner.settings.reattach_for,
            };
            if since.elapsed() >= patience {
                return End::GaveUp(why);
            }
            tracing::debug!(capsule = %self.id, %why, "a capsule is out of contact");
            self.attempt.contact_lost(&why).await;
            sleep(pauses.next()).await;
        }
    }

    /// Follows it over one connection, and takes in all that comes.
    async fn follow_once(
        &self,
        sink: &mut OutputSink,
        meet: Meet<'_>,
    ) -> Result<Result<Exit, CapsuleError>, PluginError> {
        let (sender, receiver) = mpsc::channel(EVENTS_MAX);
        let stop = tokio_util::sync::CancellationToken::new();
        let from = sink.wanted();
        let follow = self.attempt.engine.inner.deps.capsules.follow(self.target, &self.id, meet, from, sender);
        let follow = async {
            tokio::select! {
                result = follow => result,
                () = stop.cancelled() => Err(CapsuleError::Broken("a filter could not go on".to_owned())),
            }
        };
        // In this order: what the capsule reports is known before anything else is decided.
        let (result, pumped) = tokio::join!(follow, self.attempt.pump(receiver, sink, &stop));
        pumped.map(|()| result)
    }

    /// Ends its processes; tried until the machine answers. An error says why it could not be asked in all the time there was.
    async fn cancel(&self) -> Result<Receipt, String> {
        let engine = self.attempt.engine;
        let begun = Instant::now();
        let mut pauses = Pauses::new(self.attempt.random_part());
        loop {
            let why =
                match engine.inner.deps.capsules.cancel(self.target, &self.id, self.attempt.as_user.as_ref()).await {
                    Ok(receipt) => return Ok(receipt),
                    Err(CapsuleError::Missing) => return Ok(Receipt::nothing_started(engine.inner.deps.clock.now())),
                    Err(error @ (CapsuleError::Refused(_) | CapsuleError::Lost(_))) => return Err(error.to_string()),
                    Err(error) => error.to_string(),
                };
            if begun.elapsed() >= engine.inner.settings.reattach_for {
                return Err(why);
            }
            sleep(pauses.next()).await;
        }
    }

    /// A filter that must see every line could not go on: the command is ended, for nobody can tell what it would write.
    async fn after_filter(&self, error: &PluginError) -> TaskChange {
        let failed = TaskChange::to(TaskStatus::Failed);
        match timeout(FILTER_CANCEL_MAX, self.cancel()).await {
            Ok(Ok(receipt)) => {
                let message = format!("{error}; output after that is not stored; {}", receipt.message());
                TaskChange { receipt: Some(receipt), ..failed.because(message) }
            }
            _ => failed.because(format!("{error}; output after that is not stored, and the command may still run")),
        }
    }

    fn outcome(&self, end: Option<End>, stopped: Option<Stopped>, way: &Way) -> TaskChange {
        let Some(stopped) = stopped else {
            return end.map_or_else(TaskChange::default, |end| self.ended(end, way));
        };
        let receipt = match stopped.receipt {
            _ if stopped.why == Ended::Closed => return self.attempt.closed(),
            Ok(receipt) => receipt,
            Err(why) => {
                return TaskChange::to(TaskStatus::Unknown).because(format!(
                    "it was to be ended, and the machine could not be asked to: {why}; it may still run"
                ));
            }
        };
        let exit = match end {
            // It had ended before anything was signalled. By the signals that end commands it has ended because of an earlier
            // answer that did not arrive, or that a host asked for which then died.
            Some(End::Exited(exit)) if receipt.signalled == 0 && !is_ended_by_signal(&exit) => {
                return TaskChange { receipt: Some(receipt), ..natural(exit) };
            }
            Some(End::Exited(exit) | End::Incomplete(exit, _)) => Some(exit),
            _ => None,
        };
        let nothing = !Known::is(&self.attempt.known.started) && receipt.signalled == 0 && receipt.is_clean();
        let message = if nothing { "nothing was started".to_owned() } else { receipt.message() };
        TaskChange {
            exit_code: exit.as_ref().and_then(|exit| exit.code),
            signal: exit.and_then(|exit| exit.signal),
            receipt: Some(receipt),
            ..self.attempt.stopped(stopped.why, message)
        }
    }

    fn ended(&self, end: End, way: &Way) -> TaskChange {
        let started = Known::is(&self.attempt.known.started);
        match end {
            End::Exited(exit) => natural(exit),
            End::Incomplete(exit, why) => natural(exit).because(why),
            End::Lost(why) => TaskChange::to(TaskStatus::Unknown).because(why),
            End::Refused(why) => TaskChange::to(TaskStatus::Failed).because(why),
            End::Filter(error) => TaskChange::to(TaskStatus::Failed).because(error.to_string()),
            End::NotReached(failure) => self.attempt.unreachable(failure),
            End::GaveUp(why) => TaskChange::to(TaskStatus::Unknown)
                .because(format!("there is no contact to the machine: {why}; the command may still run there; check again later")),
            End::Missing if matches!(way, Way::Resume(None)) && self.attempt.task.status == TaskStatus::Connecting => {
                TaskChange::to(TaskStatus::Cancelled).because(
                    "the host was restarted before it began, and its standard input is not kept; nothing was started; run it again",
                )
            }
            End::Missing if started || !matches!(way, Way::Begin(_)) => TaskChange::to(TaskStatus::Unknown).because(
                "its folder on the machine is gone, so how it ended is not known; look there before you run it again",
            ),
            End::Missing => TaskChange::to(TaskStatus::Failed).because("the machine did not start it"),
        }
    }
}

/// Nothing was sent, and that for more than a moment.
fn not_begun(why: String) -> Failure {
    Failure {
        step: "exec",
        message: why,
        remedy: "look into the machine's sshd log; nothing was started".to_owned(),
        offered_host_key: None,
    }
}

/// Whether a command ended by a signal that a cancellation sends; a shell tells it as an exit code.
fn is_ended_by_signal(exit: &Exit) -> bool {
    const BY_TERM: i32 = 128 + 15;
    const BY_KILL: i32 = 128 + 9;
    matches!(exit.code, Some(BY_TERM | BY_KILL)) || matches!(exit.signal.as_deref(), Some("TERM" | "KILL"))
}

/// Pauses that grow, with a random part so that many tasks' tries do not fall together.
struct Pauses {
    next: Duration,
    part: u32,
}

impl Pauses {
    fn new(random: u8) -> Self {
        Self { next: RETRY_PAUSE.0, part: random.into() }
    }

    fn next(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(RETRY_PAUSE.1);
        pause / 2 + pause / 2 * self.part / 255
    }
}
