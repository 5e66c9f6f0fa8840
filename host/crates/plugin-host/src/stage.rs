//! One filter over one stream, through its failures and its new versions.
//!
//! Invariants: a line is given on exactly once, because the edits of a batch are used only when the whole answer is good,
//! and a batch that failed is given anew as it was. A line is never given on unfiltered unless the plugin's own manifest
//! says `pass-through`. A session moves to a new version only between two batches and only with its state.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use corral_domain::{Lines, PluginState};
use corral_engine::ports::PluginError;

use crate::batch::{apply, pack};
use crate::bindings::exports::corral::log_filter::filter::{self, Edit};
use crate::config::Timing;
use crate::error::CallError;
use crate::generation::Generation;
use crate::guest_log::LogLevel;
use crate::health::Permit;
use crate::manifest::Policy;
use crate::session::Session;
use crate::slot::{Slot, lock};

/// Largest state that is taken out after every batch, so that a crash loses nothing; larger state only moves with a
/// reload.
const CHECKPOINT_MAX: usize = 64 << 10;
/// Wait where nothing else says how long.
const RETRY: Duration = Duration::from_millis(100);
/// Most lines that a filter may add at the end of a stream.
const ADDED_LINES_MAX: usize = 10_000;
/// Most bytes of them.
const ADDED_BYTES_MAX: usize = 4 << 20;

/// One filter over one stream.
pub struct Stage {
    slot: Arc<Slot>,
    info: filter::StreamInfo,
    timing: Timing,
    session: Option<Session>,
    checkpoint: Option<Vec<u8>>,
    checkpointing: bool,
    refused_move: u64,
    next_line: u64,
    batch: filter::Batch,
}

impl Stage {
    /// A stage without an instance yet.
    pub fn new(slot: Arc<Slot>, info: filter::StreamInfo, timing: Timing) -> Self {
        let batch = filter::Batch { first_line: 0, text: String::new(), ends: Vec::new() };
        Self {
            slot,
            info,
            timing,
            session: None,
            checkpoint: None,
            checkpointing: true,
            refused_move: 0,
            next_line: 0,
            batch,
        }
    }

    /// The plugin.
    pub fn id(&self) -> &str {
        &self.slot.id
    }

    /// Version that filters this stream, or would.
    pub fn version(&self) -> String {
        let own = self.session.as_ref().map(|session| session.generation().clone());
        let serving = own.or_else(|| self.slot.current());
        serving.map_or_else(String::new, |generation| generation.context.manifest.version.to_string())
    }

    /// Filters lines, in batches.
    pub async fn process(&mut self, lines: Lines) -> Result<Lines, PluginError> {
        let mut out = Kept::default();
        let mut from = 0;
        while from < lines.len() {
            let to = pack(&lines, from, self.next_line, &mut self.batch);
            let mut outage = Outage::default();
            loop {
                match self.try_batch(&lines, from..to, &mut out).await {
                    Ok(()) => break,
                    Err(error) => {
                        if !self.wait(&error, &mut outage).await? {
                            out.keep(&lines, from..to);
                            break;
                        }
                    }
                }
            }
            self.next_line += (to - from) as u64;
            from = to;
        }
        Ok(out.changed.unwrap_or(lines))
    }

    /// Ends the stream: lines that the filter adds. A filter that saw no line is not started to say that it has none.
    pub async fn finish(&mut self) -> Result<Vec<String>, PluginError> {
        if self.next_line == 0 {
            return Ok(Vec::new());
        }
        let mut outage = Outage::default();
        loop {
            match self.try_finish().await {
                Ok(added) => {
                    self.slot.stats.added(added.len());
                    return Ok(added);
                }
                Err(error) => {
                    if !self.wait(&error, &mut outage).await? {
                        return Ok(Vec::new());
                    }
                }
            }
        }
    }

    async fn try_batch(&mut self, lines: &Lines, range: Range<usize>, out: &mut Kept) -> Result<(), CallError> {
        let mut session = self.take_session().await?;
        let generation = session.generation().clone();
        let stats = &self.slot.stats;
        let answer = session.process(&self.batch, self.checkpointing).await.and_then(|(edits, state)| {
            stats.filtered(range.len(), &edits);
            out.apply(lines, range, edits, &self.slot.id)
                .map_err(|problem| CallError::Answer { what: "filtering a batch", problem })
                .inspect_err(|_| stats.nonsense())?;
            Ok(state)
        });
        self.record(&generation, &answer);
        // For a crash before the next batch has passed.
        self.checkpoint = answer?;
        if self.checkpoint.as_ref().is_some_and(|state| state.len() > CHECKPOINT_MAX) {
            (self.checkpoint, self.checkpointing) = (None, false);
        }
        self.session = Some(session);
        Ok(())
    }

    async fn try_finish(&mut self) -> Result<Vec<String>, CallError> {
        let mut session = self.take_session().await?;
        let generation = session.generation().clone();
        let answer = session.finish().await.and_then(check_added);
        self.record(&generation, &answer);
        answer
    }

    /// The open session, moved to the serving version where that can be done; or a new one. It is taken out: if the call
    /// fails or is dropped, it is gone.
    async fn take_session(&mut self) -> Result<Session, CallError> {
        if let Some(session) = self.session.take() {
            return Ok(self.moved(session).await);
        }
        let Some(generation) = self.slot.current() else { return Err(CallError::Gone) };
        if self.slot.permit() != Permit::Now {
            return Err(CallError::Gone);
        }
        let mut opened = Session::open(&generation, &self.info, self.checkpoint.as_deref()).await;
        if let (Err(CallError::Refused { error, .. }), Some(_)) = (&opened, &self.checkpoint) {
            let text = format!("a stream begins anew, because its state could not be taken over: {error}");
            self.slot.log.write(LogLevel::Warn, &text);
            self.checkpoint = None;
            opened = Session::open(&generation, &self.info, None).await;
        }
        self.record(&generation, &opened);
        opened
    }

    /// Moves a session to the serving version if both can hand state over, or if there is no state yet. Otherwise it
    /// stays where it is until its stream ends.
    async fn moved(&mut self, mut session: Session) -> Session {
        let Some(serving) = self.slot.current() else { return session };
        if serving.number == session.generation().number || serving.number == self.refused_move {
            return session;
        }
        self.refused_move = serving.number;
        let both = session.can_save() && serving.exports.handover.is_some();
        if !both && self.next_line > 0 {
            return session;
        }
        let saved = match &self.checkpoint {
            Some(state) => Ok(Some(state.clone())),
            None if self.next_line == 0 => Ok(None),
            None => session.save().await,
        };
        let opened = match saved {
            Ok(state) => Session::open(&serving, &self.info, state.as_deref()).await,
            Err(error) => Err(error),
        };
        match opened {
            Ok(moved) => moved,
            Err(error) => {
                let text = format!("a running stream stays on the version before: {error}");
                self.slot.log.write(LogLevel::Warn, &text);
                session
            }
        }
    }

    fn record<R>(&self, generation: &Generation, outcome: &Result<R, CallError>) {
        match outcome {
            // A filter that answers with an error has not filtered: for lines that is a failure like any other.
            Err(error @ CallError::Refused { .. }) if self.slot.serves(generation) => {
                self.slot.fault(&error.to_string());
            }
            _ => self.slot.record(generation, outcome),
        }
    }

    /// What follows from a failure: try again (`true`), go on without the filter (`false`), or give up.
    async fn wait(&mut self, error: &CallError, outage: &mut Outage) -> Result<bool, PluginError> {
        if !matches!(error, CallError::Gone) {
            outage.last = Some(error.to_string());
        }
        let since = *outage.since.get_or_insert_with(Instant::now);
        let deadline = since + self.timing.hold;
        let info = self.slot.info();
        // While it is being loaded for the first time it is not down: nobody has decided anything yet.
        let loading = matches!(info.state, PluginState::Discovered | PluginState::Compiling);
        let reason = outage.last.clone().unwrap_or(info.reason);
        let policy = *lock(&self.slot.policy);
        match policy {
            Policy::PassThrough if !loading => return Ok(false),
            Policy::FailJob if !loading => return Err(self.given_up(&reason, "its policy is to fail the job")),
            _ => {}
        }
        let now = Instant::now();
        if now >= deadline {
            let held = format!("lines were held for {} s", self.timing.hold.as_secs());
            return Err(self.given_up(&reason, &held));
        }
        let mut changes = self.slot.watch();
        let until = match self.slot.permit() {
            Permit::Now if self.slot.current().is_some() => (now + RETRY).min(deadline),
            Permit::At(at) => at.min(deadline),
            Permit::Now | Permit::Never => deadline,
        };
        // The change that is waited for may have come before the watch began; looked at again soon, it is seen.
        let until = until.min(now + Duration::from_secs(1));
        let _ = tokio::time::timeout_at(until.into(), changes.changed()).await;
        Ok(true)
    }

    fn given_up(&self, reason: &str, why: &str) -> PluginError {
        let id = &self.slot.id;
        PluginError::Failed(format!(
            "the filter `{id}` is down ({reason}); {why}, and nothing is stored unfiltered; reload or repair the plugin and run the job again"
        ))
    }
}

/// What is left of the lines that went through. As long as no line was edited it is these lines themselves, and none is copied: that is
/// most of them, for most filters.
#[derive(Default)]
struct Kept {
    changed: Option<Lines>,
}

impl Kept {
    /// A range of the lines stays as it is.
    fn keep(&mut self, lines: &Lines, range: Range<usize>) {
        if let Some(changed) = &mut self.changed {
            changed.extend_from(lines, range);
        }
    }

    /// A range of the lines goes on with its edits; nothing of it does if they make no sense.
    fn apply(&mut self, lines: &Lines, range: Range<usize>, edits: Vec<Edit>, plugin: &str) -> Result<(), String> {
        if edits.is_empty() {
            self.keep(lines, range);
            return Ok(());
        }
        let changed = self.changed.get_or_insert_with(|| {
            let mut before = Lines::with_capacity(lines.len(), lines.text().len());
            before.extend_from(lines, 0..range.start);
            before
        });
        apply(lines, range, edits, plugin, changed)
    }
}

/// A time in which a filter gives no answer.
#[derive(Default)]
struct Outage {
    since: Option<Instant>,
    last: Option<String>,
}

fn check_added(added: Vec<String>) -> Result<Vec<String>, CallError> {
    let bytes: usize = added.iter().map(String::len).sum();
    let problem = if added.len() > ADDED_LINES_MAX || bytes > ADDED_BYTES_MAX {
        format!("{} lines with {bytes} bytes; at most {ADDED_LINES_MAX} lines and {ADDED_BYTES_MAX} bytes", added.len())
    } else if added.iter().any(|line| line.contains('\n')) {
        "a line with a newline in it".to_owned()
    } else {
        return Ok(added);
    };
    Err(CallError::Answer { what: "ending a stream", problem })
}
