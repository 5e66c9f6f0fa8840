//! Output that waits to be written, and the one task that writes it.
//!
//! Each running task has a [`TaskLog`]. The writer takes what is ready of all tasks every [`Settings::flush_interval`], packs
//! it on a thread of its own, while the tasks go on, writes it in one call and publishes the new ends. A log's first lines
//! and its end do not wait for the interval: somebody is looking just then. Nor does a log of which much waits; and while
//! somebody looks at any, all are written more often. While the
//! disk is full the lines wait, and [`LogHub::append`] waits once too many do: the command is slowed, nothing is lost.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use corral_domain::{Lines, Position, TaskKey};
use corral_storage::chunk::{self, CHUNK_LINES_MAX, CHUNK_TEXT_MAX};
use corral_storage::{LogAppend, LogEnd, LogStore, StorageError};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::Settings;

/// Shortest pause between two writes, also when first lines or ends wait.
const URGENT_PAUSE: Duration = Duration::from_millis(10);
/// Longest pause between two writes while somebody looks: lines are shown once they are written.
const WATCHED_PAUSE: Duration = Duration::from_millis(40);
/// Pause after a failed write.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// Lines of text that are written in one go, in bytes; the rest waits for the next.
const FLUSH_BYTES_MAX: usize = 128 * 1024 * 1024;

/// All logs that are being written.
pub(crate) struct LogHub {
    store: Arc<dyn LogStore>,
    logs: Mutex<HashMap<TaskKey, Arc<TaskLog>>>,
    dirty: Notify,
    /// A log began or ended.
    urgent: Notify,
    interval: Duration,
    pending_max: usize,
    tail_max: usize,
}

/// The log of one running task.
pub(crate) struct TaskLog {
    key: TaskKey,
    state: Mutex<LogState>,
    room: Notify,
    end: watch::Sender<LogEnd>,
    pending_max: usize,
}

struct LogState {
    /// Chunks that are full.
    ready: VecDeque<Chunk>,
    /// Lines after them.
    open: Lines,
    /// Bytes of text in both.
    pending: usize,
    /// Where the log ends once all is written.
    next_line: u64,
    next_byte: u64,
    /// How far the command's output is taken in, with all lines that were appended.
    position: Position,
    finished: bool,
    finish_written: bool,
    /// Written chunks kept for viewers.
    tail: VecDeque<(u64, Arc<Lines>)>,
    tail_bytes: usize,
}

struct Chunk {
    first_line: u64,
    first_byte: u64,
    raw_len: u64,
    lines: Arc<Lines>,
    /// The lines packed, once the writer came to it. Kept, so that a failed write does not pack them again.
    data: Arc<OnceLock<Bytes>>,
}

/// What is to be written, and what of it is still to be packed.
type Unpacked = (LogAppend, Option<(Arc<Lines>, Arc<OnceLock<Bytes>>)>);

impl LogHub {
    pub(crate) fn new(store: Arc<dyn LogStore>, settings: &Settings) -> Arc<Self> {
        Arc::new(Self {
            store,
            logs: Mutex::default(),
            dirty: Notify::new(),
            urgent: Notify::new(),
            interval: settings.flush_interval,
            pending_max: settings.pending_bytes_max,
            tail_max: settings.tail_bytes_max,
        })
    }

    /// Opens the log of a task that begins, or goes on where its log ends.
    pub(crate) fn open(&self, key: TaskKey, end: LogEnd) -> Arc<TaskLog> {
        let log = Arc::new(TaskLog {
            key,
            state: Mutex::new(LogState {
                ready: VecDeque::new(),
                open: Lines::default(),
                pending: 0,
                next_line: end.lines,
                next_byte: end.bytes,
                position: end.position,
                finished: false,
                finish_written: false,
                tail: VecDeque::new(),
                tail_bytes: 0,
            }),
            room: Notify::new(),
            end: watch::Sender::new(LogEnd { complete: false, ..end }),
            pending_max: self.pending_max,
        });
        self.lock().insert(key, log.clone());
        log
    }

    /// The log of a task that runs.
    pub(crate) fn live(&self, key: TaskKey) -> Option<Arc<TaskLog>> {
        self.lock().get(&key).cloned()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TaskKey, Arc<TaskLog>>> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_watched(&self) -> bool {
        self.lock().values().any(|log| log.end.receiver_count() > 0)
    }

    /// Adds lines to a task's log, which takes in the command's output up to `position`. Waits while too much is pending.
    pub(crate) async fn append(&self, log: &TaskLog, mut lines: Lines, position: Position) {
        if lines.is_empty() {
            // What filters left out entirely is written with the next lines; until then it would only be filtered again.
            log.lock().position = position;
            return;
        }
        let urgent = loop {
            let room = log.room.notified();
            {
                let mut state = log.lock();
                if state.pending < log.pending_max {
                    let first = state.next_line == 0 && state.open.is_empty();
                    state.take(&mut lines);
                    state.position = position;
                    // With so much waiting the interval would be what slows the command, and not the disk.
                    break first || state.pending >= log.pending_max / 2;
                }
            }
            room.await;
        };
        if urgent {
            self.urgent.notify_one();
        }
        self.dirty.notify_one();
    }

    /// Nothing more comes. Returns when all is durable, or when `give_up` is triggered; the end tells which.
    pub(crate) async fn finish(&self, log: &TaskLog, give_up: &CancellationToken) -> LogEnd {
        log.lock().finished = true;
        self.urgent.notify_one();
        self.dirty.notify_one();
        let mut end = log.end.subscribe();
        let end = tokio::select! {
            end = end.wait_for(|end| end.complete) => end.map(|end| *end).unwrap_or_default(),
            () = give_up.cancelled() => *log.end.borrow(),
        };
        // A task that was given up on and is looked after again has a new log by now.
        let mut logs = self.lock();
        if logs.get(&log.key).is_some_and(|known| std::ptr::eq(Arc::as_ptr(known), log)) {
            logs.remove(&log.key);
        }
        drop(logs);
        end
    }

    /// Writes until `stop` is triggered and nothing waits any more.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut last = Instant::now().checked_sub(self.interval).unwrap_or_else(Instant::now);
        loop {
            tokio::select! {
                () = self.dirty.notified() => {}
                () = stop.cancelled() => {
                    // One last time for whatever arrived meanwhile; a store that still refuses is given up on.
                    let _written = self.flush().await;
                    return;
                }
            }
            if !stop.is_cancelled() {
                sleep_until(last + URGENT_PAUSE.min(self.interval)).await;
                let pause = if self.is_watched() { self.interval.min(WATCHED_PAUSE) } else { self.interval };
                tokio::select! {
                    () = sleep_until(last + pause) => {}
                    () = self.urgent.notified() => {}
                    () = stop.cancelled() => {}
                }
            }
            last = Instant::now();
            if let Err(error) = self.flush().await {
                tracing::error!(%error, "output could not be stored; it waits");
                self.dirty.notify_one();
                tokio::select! {
                    () = sleep(RETRY_PAUSE) => {}
                    () = stop.cancelled() => {}
                }
            }
        }
    }

    /// Writes what is ready of all logs, in one call.
    async fn flush(&self) -> Result<(), StorageError> {
        let logs: Vec<_> = self.lock().values().cloned().collect();
        let mut appends = Vec::new();
        let mut taken = Vec::new();
        let mut bytes = 0;
        for log in logs {
            let chunks = log.lock().chunks(&log.key, &mut appends);
            bytes += chunks.1;
            if chunks.0 > 0 || chunks.2 {
                taken.push((log, chunks.0, chunks.2));
            }
            if bytes > FLUSH_BYTES_MAX {
                self.dirty.notify_one();
                break;
            }
        }
        if appends.is_empty() {
            return Ok(());
        }
        let appends = packed(appends).await?;
        if let Err(error) = self.store.append(&appends).await {
            self.settle(taken).await;
            return Err(error);
        }
        for (log, n, complete) in taken {
            self.publish(&log, n, complete);
        }
        Ok(())
    }

    /// After a failed write part of it may be durable: a write that spans two days is two transactions, and a commit may
    /// have succeeded though its answer was an error. What is there must not be written twice.
    async fn settle(&self, taken: Vec<(Arc<TaskLog>, usize, bool)>) {
        for (log, _, _) in taken {
            // A store that cannot answer either is asked again after the next failure.
            let Ok(Some(end)) = self.store.end(log.key).await else { continue };
            let n = log.lock().ready.iter().take_while(|chunk| chunk.end_line() <= end.lines).count();
            if n > 0 || end.complete {
                self.publish(&log, n, end.complete);
            }
        }
    }

    fn publish(&self, log: &TaskLog, n: usize, complete: bool) {
        let end = log.lock().written(n, complete, self.tail_max);
        log.room.notify_waiters();
        log.end.send_replace(end);
    }
}

/// Packs lines where that keeps no other task from going on.
async fn packed(appends: Vec<Unpacked>) -> Result<Vec<LogAppend>, StorageError> {
    let pack = |(mut append, lines): Unpacked| {
        if let Some((lines, data)) = lines {
            append.data = data.get_or_init(|| chunk::encode(&lines)).clone();
        }
        append
    };
    let packing = tokio::task::spawn_blocking(move || appends.into_iter().map(pack).collect());
    packing.await.map_err(|error| StorageError::Database { doing: "packing output", source: error.into() })
}

impl Chunk {
    fn end_line(&self) -> u64 {
        self.first_line + self.lines.len() as u64
    }
}

impl TaskLog {
    fn lock(&self) -> MutexGuard<'_, LogState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the log ends, as far as it is durable.
    pub(crate) fn watch(&self) -> watch::Receiver<LogEnd> {
        self.end.subscribe()
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
    fn take(&mut self, lines: &mut Lines) {
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
    fn chunks(&mut self, key: &TaskKey, appends: &mut Vec<Unpacked>) -> (usize, usize, bool) {
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
    fn written(&mut self, n: usize, complete: bool, tail_max: usize) -> LogEnd {
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
