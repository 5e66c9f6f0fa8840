//! A log channel: stored lines, then live ones, without a seam: both are the same read by line number.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use corral_domain::TaskKey;
use corral_engine::{LogWindow, UseCaseError, end_without_log};
use corral_storage::{LogEnd, StorageError};
use tokio::sync::{Notify, watch};

use super::frame::{chunk_frame, frames};
use super::message::ServerMessage;
use super::outbox::{Closed, Outbox, binary, text};
use crate::api::App;
use crate::api::logs::first_line;

/// Lines that a client may ask for ahead.
const CREDIT_MAX: u64 = 1_000_000;
/// A client that follows and is further behind than this when it asks again is taken to the end.
const LAG_MAX: u64 = 10_000;
/// Lines before the end to which it is taken.
const LAG_KEEP: u64 = 200;
/// Lines read at once.
const WINDOW: u64 = 4_096;

/// Lines that the client has room for.
#[derive(Debug, Default)]
pub struct Credit {
    lines: AtomicU64,
    added: Notify,
}

impl Credit {
    /// The client has room for more.
    pub fn add(&self, lines: u64) {
        let add = |have: u64| Some(have.saturating_add(lines).min(CREDIT_MAX));
        let _always_some = self.lines.fetch_update(Ordering::AcqRel, Ordering::Acquire, add);
        self.added.notify_one();
    }

    fn have(&self) -> u64 {
        self.lines.load(Ordering::Acquire)
    }

    fn spend(&self, lines: u64) {
        // Only the channel's task takes away, and never more than there is.
        self.lines.fetch_sub(lines.min(self.have()), Ordering::AcqRel);
    }

    /// Waits until there is some; true if there was none.
    async fn wait(&self) -> bool {
        let mut waited = false;
        while self.have() == 0 {
            waited = true;
            self.added.notified().await;
        }
        waited
    }
}

/// One log channel.
pub struct LogChannel {
    /// What it serves from.
    pub app: App,
    /// Where it sends to.
    pub outbox: Outbox,
    /// Its number.
    pub ch: u32,
    /// Whose output.
    pub key: TaskKey,
    /// The client takes stored chunks as they are.
    pub chunks: bool,
    /// Lines that the client has room for.
    pub credit: Arc<Credit>,
    /// Set before the last message.
    pub done: Arc<AtomicBool>,
}

/// Why a channel ended before the end of its log.
enum Stop {
    Closed,
    Unknown,
    Removed,
    Storage(StorageError),
}

impl From<Closed> for Stop {
    fn from(_: Closed) -> Self {
        Self::Closed
    }
}

impl From<StorageError> for Stop {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl LogChannel {
    /// Serves to the end of the log.
    pub async fn run(self, from: i64) {
        let last = match self.serve(from).await {
            Ok(total) => ServerMessage::End { ch: self.ch, total },
            Err(Stop::Closed) => return,
            Err(Stop::Unknown) => {
                let text = format!("there is no job {} with a task on VM {}", self.key.job, self.key.vm);
                self.error("unknown_log", text)
            }
            Err(Stop::Removed) => self.error("removed", UseCaseError::OutputRemoved.to_string()),
            Err(Stop::Storage(error)) => {
                tracing::error!(job = %self.key.job, vm = %self.key.vm, %error, "a log could not be read");
                self.error("unavailable", "the log could not be read; try again".to_owned())
            }
        };
        self.done.store(true, Ordering::Release);
        let _closed_is_fine = self.outbox.send_patiently(text(&last)).await;
    }

    fn error(&self, code: &str, message: String) -> ServerMessage {
        ServerMessage::Error { ch: Some(self.ch), code: code.to_owned(), message }
    }

    /// Sends all lines; the answer is how many the log has.
    async fn serve(&self, from: i64) -> Result<u64, Stop> {
        let Some(mut end) = self.begun().await? else { return Ok(0) };
        let follows = from < 0;
        let mut next = first_line(from, end.borrow_and_update().lines);
        loop {
            let now = *end.borrow_and_update();
            if next >= now.lines {
                if now.complete {
                    return Ok(now.lines);
                }
                self.grown(&mut end).await?;
                continue;
            }
            if self.credit.wait().await && follows {
                let total = end.borrow_and_update().lines;
                next = self.skip(next, total).await?;
            }
            if self.chunks
                && let Some(after) = self.send_chunk(next).await?
            {
                next = after;
                continue;
            }
            let window = self.app.engine().read_log(self.key, next, WINDOW.min(self.credit.have())).await?;
            let window = window.ok_or(Stop::Removed)?;
            let after = self.send(&window).await?;
            if after <= next {
                // The end was announced and the lines are not there: something is wrong with the store.
                return Err(Stop::Storage(StorageError::Corrupt(format!("lines from {next} on are missing"))));
            }
            next = after;
        }
    }

    /// Waits until the task has a log. None: it ended without one.
    async fn begun(&self) -> Result<Option<watch::Receiver<LogEnd>>, Stop> {
        let engine = self.app.engine();
        // Listening begins before looking, so that nothing can happen in between unnoticed.
        let mut events = engine.subscribe(None);
        loop {
            if let Some(end) = engine.watch_log(self.key).await? {
                return Ok(Some(end));
            }
            let Some((_, tasks)) = engine.job(self.key.job).await? else { return Err(Stop::Unknown) };
            let Some(task) = tasks.iter().find(|task| task.key == self.key) else { return Err(Stop::Unknown) };
            if task.status.is_final() {
                // It may have got its log and ended between the two looks.
                let end = engine.watch_log(self.key).await?;
                return match end {
                    None if end_without_log(task).is_err() => Err(Stop::Removed),
                    end => Ok(end),
                };
            }
            match events.next().await {
                None => return Err(Stop::Closed),
                Some(Ok(_)) => {}
                Some(Err(_)) => events = engine.subscribe(None),
            }
        }
    }

    /// Waits for news of the log's end.
    async fn grown(&self, end: &mut watch::Receiver<LogEnd>) -> Result<(), Stop> {
        if end.changed().await.is_err() {
            // The task has ended and its log is only in the store now.
            *end = self.app.engine().watch_log(self.key).await?.ok_or(Stop::Removed)?;
            let now = *end.borrow();
            if !now.complete && end.has_changed().is_err() {
                // Nobody will ever add to it: the host stopped, or was stopped, while it was written.
                *end = watch::channel(LogEnd { complete: true, ..now }).1;
            }
        }
        Ok(())
    }

    /// Takes a client that cannot keep up to the end.
    async fn skip(&self, next: u64, total: u64) -> Result<u64, Closed> {
        if total.saturating_sub(next) <= LAG_MAX {
            return Ok(next);
        }
        let to = total - LAG_KEEP;
        self.outbox.send_patiently(text(&ServerMessage::Lag { ch: self.ch, skipped: to - next })).await?;
        Ok(to)
    }

    /// Sends the stored chunk with a line, if there is one and it fits into a frame and into the credit; the answer is the line
    /// after it.
    async fn send_chunk(&self, next: u64) -> Result<Option<u64>, Stop> {
        let Some(chunk) = self.app.engine().stored_chunk(self.key, next).await? else { return Ok(None) };
        let Some(frame) = chunk_frame(self.ch, next, &chunk) else { return Ok(None) };
        if frame.lines > self.credit.have() {
            return Ok(None);
        }
        self.outbox.send_patiently(binary(frame.bytes)).await?;
        self.credit.spend(frame.lines);
        self.app.figures().lines_sent.fetch_add(frame.lines, Ordering::Relaxed);
        Ok(Some(next + frame.lines))
    }

    /// Sends a window; the answer is the line after it.
    async fn send(&self, window: &LogWindow) -> Result<u64, Closed> {
        if let Some((first, count)) = window.damaged {
            let message = ServerMessage::Damaged { ch: self.ch, first, count };
            self.outbox.send_patiently(text(&message)).await?;
            return Ok(first + count);
        }
        for frame in frames(self.ch, window.first, &window.lines) {
            self.outbox.send_patiently(binary(frame.bytes)).await?;
            self.credit.spend(frame.lines);
            self.app.figures().lines_sent.fetch_add(frame.lines, Ordering::Relaxed);
        }
        Ok(window.first + window.lines.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn credit_adds_up_to_a_bound_and_is_spent() {
        let credit = Credit::default();
        credit.add(10);
        credit.add(u64::MAX);
        assert_eq!(credit.have(), CREDIT_MAX);
        credit.spend(1);
        assert_eq!(credit.have(), CREDIT_MAX - 1);
        assert!(!credit.wait().await);
    }

    #[tokio::test]
    async fn who_has_none_waits_for_some() {
        let credit = Arc::new(Credit::default());
        let waiting = tokio::spawn({
            let credit = credit.clone();
            async move { credit.wait().await }
        });
        tokio::task::yield_now().await;
        credit.add(1);
        assert!(waiting.await.unwrap());
    }
}
