//! The log of one running task: the lines that wait to be written, and the recent ones that were.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use bytes::Bytes;
use corral_domain::{Lines, Position, TaskKey};
use corral_storage::chunk::{CHUNK_LINES_MAX, CHUNK_TEXT_MAX};
use corral_storage::{LogAppend, LogEnd};
use tokio::sync::{Notify, watch};

/// The log of one running task.
pub(crate) struct TaskLog {
    pub(super) key: TaskKey,
    pub(super) state: Mutex<LogState>,
    pub(super) room: Notify,
    pub(super) end: watch::Sender<LogEnd>,
    pub(super) pending_max: usize,
}

pub(super) struct LogState {
    /// Chunks that are full.
    pub(super) ready: VecDeque<Chunk>,
    /// Lines after them.
    pub(super) open: Lines,
    /// Bytes of text in both.
    pub(super) pending: usize,
    /// Where the log ends once all is written.
    pub(super) next_line: u64,
    pub(super) next_byte: u64,
    /// How far the command's output is taken in, with all lines that were appended.
    pub(super) position: Position,
    pub(super) finished: bool,
    pub(super) finish_written: bool,
    /// Written chunks kept for viewers.
    pub(super) tail: VecDeque<(u64, Arc<Lines>)>,
    pub(super) tail_bytes: usize,
}

pub(super) struct Chunk {
    first_line: u64,
    first_byte: u64,
    raw_len: u64,
    lines: Arc<Lines>,
    /// The lines packed, once the writer came to it. Kept, so that a failed write does not pack them again.
    data: Arc<OnceLock<Bytes>>,
}

/// What is to be written, and what of it is still to be packed.
pub(super) type Unpacked = (LogAppend, Option<(Arc<Lines>, Arc<OnceLock<Bytes>>)>);

impl Chunk {
    pub(super) fn end_line(&self) -> u64 {
        self.first_line + self.lines.len() as u64
    }
}

impl TaskLog {
    pub(super) fn lock(&self) -> MutexGuard<'_, LogState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the log ends, as far as it is durable.
    pub(crate) fn watch(&self) -> watch::Receiver<LogEnd> {
        self.end.subscribe()
    }

    /// Whether anybody wants to know where it ends.
    pub(super) fn is_watched(&self) -> bool {
        self.end.receiver_count() > 0
    }

    /// Lines and bytes that were received, durable or not.
    pub(crate) fn received(&self) -> (u64, u64) {
        let state = self.lock();
        (state.next_line + state.open.len() as u64, state.next_byte + state.open.raw_len())
    }

    /// A recent run of durable lines that holds line `from`, with the number of its first.
    pub(crate) fn recent(&self, from: u64) -> Option<(u64, Arc<Lines>)> {
        let state = self.lock();
        let (first, lines) = state.tail.iter().rev().find(|(first, _)| *first <= from)?;
        (from < first + lines.len() as u64).then(|| (*first, lines.clone()))
    }
}

impl LogState {
    pub(super) fn take(&mut self, lines: &mut Lines) {
        self.pending += lines.text().len() + lines.len();
        self.open.append(lines);
        if self.open.text().len() >= CHUNK_TEXT_MAX || self.open.len() >= CHUNK_LINES_MAX {
            self.cut();
        }
    }

    /// Makes chunks of the open lines.
    fn cut(&mut self) {
        let open = std::mem::take(&mut self.open);
        if open.text().len() < 2 * CHUNK_TEXT_MAX && open.len() < 2 * CHUNK_LINES_MAX {
            return self.push_chunk(open);
        }
        let mut part = Lines::default();
        for line in open.iter() {
            part.push_line(line);
            if part.text().len() >= CHUNK_TEXT_MAX || part.len() >= CHUNK_LINES_MAX {
                self.push_chunk(std::mem::take(&mut part));
            }
        }
        if !part.is_empty() {
            self.push_chunk(part);
        }
    }

    fn push_chunk(&mut self, lines: Lines) {
        let chunk = Chunk {
            first_line: self.next_line,
            first_byte: self.next_byte,
            raw_len: lines.raw_len(),
            lines: Arc::new(lines),
            data: Arc::default(),
        };
        self.next_line += chunk.lines.len() as u64;
        self.next_byte += chunk.raw_len;
        self.ready.push_back(chunk);
    }

    /// Adds what is to be written to `appends`. Returns how many chunks, their bytes, and whether the log ends there.
    /// What is written stays here until [`Self::written`], so that a failed write is simply tried again.
    pub(super) fn chunks(&mut self, key: &TaskKey, appends: &mut Vec<Unpacked>) -> (usize, usize, bool) {
        if !self.open.is_empty() {
            self.cut();
        }
        let complete = self.finished && !self.finish_written;
        let position = Some(self.position);
        let last = self.ready.len().wrapping_sub(1);
        let mut bytes = 0;
        for (index, chunk) in self.ready.iter().enumerate() {
            bytes += chunk.lines.text().len();
            let append = LogAppend {
                key: *key,
                first_line: chunk.first_line,
                n_lines: u32::try_from(chunk.lines.len()).unwrap_or(u32::MAX),
                first_byte: chunk.first_byte,
                raw_len: u32::try_from(chunk.raw_len).unwrap_or(u32::MAX),
                data: Bytes::new(),
                // All chunks of a log go into one transaction, so each may speak for all.
                position,
                complete: complete && index == last,
            };
            appends.push((append, Some((chunk.lines.clone(), chunk.data.clone()))));
        }
        if complete && self.ready.is_empty() {
            let append = LogAppend {
                key: *key,
                first_line: self.next_line,
                n_lines: 0,
                first_byte: self.next_byte,
                raw_len: 0,
                data: Bytes::new(),
                position,
                complete: true,
            };
            appends.push((append, None));
        }
        (self.ready.len(), bytes, complete)
    }

    /// The first `n` ready chunks are durable.
    pub(super) fn written(&mut self, n: usize, complete: bool, tail_max: usize) -> LogEnd {
        let mut end = LogEnd { complete: complete || self.finish_written, ..self.end_written() };
        self.finish_written = end.complete;
        for chunk in self.ready.drain(..n) {
            end.lines = chunk.end_line();
            end.bytes = chunk.first_byte + chunk.raw_len;
            self.pending = self.pending.saturating_sub(chunk.lines.text().len() + chunk.lines.len());
            self.tail_bytes += chunk.lines.text().len() + 16 * chunk.lines.len();
            self.tail.push_back((chunk.first_line, chunk.lines));
        }
        while self.tail_bytes > tail_max && self.tail.len() > 1 {
            if let Some((_, old)) = self.tail.pop_front() {
                self.tail_bytes -= old.text().len() + 16 * old.len();
            }
        }
        end
    }

    /// Where the durable part ended before this write.
    fn end_written(&self) -> LogEnd {
        let first = self.ready.front();
        LogEnd {
            lines: first.map_or(self.next_line, |chunk| chunk.first_line),
            bytes: first.map_or(self.next_byte, |chunk| chunk.first_byte),
            position: Position::default(),
            complete: false,
        }
    }
}
