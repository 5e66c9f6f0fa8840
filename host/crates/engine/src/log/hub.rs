//! Output that waits to be written, and the one task that writes it.
//!
//! Each running task has a [`TaskLog`]. The writer takes what is ready of all tasks every [`Settings::flush_interval`], packs
//! it on a thread of its own, while the tasks go on, writes it in one call and publishes the new ends. A log's first lines
//! and its end do not wait for the interval: somebody is looking just then. Nor does a log of which much waits, and one that
//! somebody looks at waits less. While the disk is full the lines wait, and [`LogHub::append`] waits once too many do: the
//! command is slowed, nothing is lost.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use corral_domain::{Lines, Position, TaskKey};
use corral_storage::{LogAppend, LogEnd, LogStore, StorageError, chunk};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::task_log::{LogState, TaskLog, Unpacked};
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
    /// The last write failed, and not for want of room or of its turn: one log may be to blame, so each is written by itself.
    apart: AtomicBool,
    /// Which log is written first, where not all fit into one write.
    turn: AtomicUsize,
    interval: Duration,
    pending_max: usize,
    tail_max: usize,
}

impl LogHub {
    pub(crate) fn new(store: Arc<dyn LogStore>, settings: &Settings) -> Arc<Self> {
        Arc::new(Self {
            store,
            logs: Mutex::default(),
            dirty: Notify::new(),
            urgent: Notify::new(),
            apart: AtomicBool::new(false),
            turn: AtomicUsize::new(0),
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
        let mut last_of_all = last;
        loop {
            tokio::select! {
                () = self.dirty.notified() => {}
                () = stop.cancelled() => {
                    // One last time for whatever arrived meanwhile; a store that still refuses is given up on.
                    let _written = self.flush(true).await;
                    return;
                }
            }
            let all = stop.is_cancelled() || self.pause(last, last_of_all, &stop).await;
            last = Instant::now();
            if all {
                last_of_all = last;
            } else {
                self.dirty.notify_one();
            }
            if let Err(error) = self.flush(all).await {
                tracing::error!(%error, "output could not be stored; it waits");
                self.dirty.notify_one();
                tokio::select! {
                    () = sleep(RETRY_PAUSE) => {}
                    () = stop.cancelled() => {}
                }
            }
        }
    }

    /// Waits until it is time to write; true if of all logs, false if of those that somebody looks at.
    async fn pause(&self, last: Instant, last_of_all: Instant, stop: &CancellationToken) -> bool {
        sleep_until(last + URGENT_PAUSE.min(self.interval)).await;
        let is_watched = self.lock().values().any(|log| log.is_watched());
        tokio::select! {
            biased;
            () = stop.cancelled() => true,
            () = self.urgent.notified() => true,
            () = sleep_until(last_of_all + self.interval) => true,
            () = sleep_until(last + WATCHED_PAUSE), if is_watched => false,
        }
    }

    /// Writes what is ready of all logs, or of those that somebody looks at: in one call, or a call each after a failure that may
    /// be that of a single log.
    async fn flush(&self, all: bool) -> Result<(), StorageError> {
        let mut logs: Vec<_> = self.lock().values().filter(|log| all || log.is_watched()).cloned().collect();
        let first = self.turn.load(Ordering::Relaxed) % logs.len().max(1);
        logs.rotate_left(first);
        if !self.apart.load(Ordering::Relaxed) {
            let written = self.write(logs).await;
            let shared = |error: &StorageError| matches!(error, StorageError::Full(_) | StorageError::Busy(_));
            self.apart.store(written.as_ref().is_err_and(|error| !shared(error)), Ordering::Relaxed);
            return written;
        }
        let mut first = Ok(());
        for log in logs {
            let key = log.key;
            let written = self.write(vec![log]).await;
            if let Err(error) = &written {
                tracing::error!(job = %key.job, vm = %key.vm, %error, "output of this task cannot be stored");
            }
            first = first.and(written);
        }
        self.apart.store(first.is_err(), Ordering::Relaxed);
        first
    }

    /// Writes what is ready of these logs, in one call.
    async fn write(&self, logs: Vec<Arc<TaskLog>>) -> Result<(), StorageError> {
        let mut appends = Vec::new();
        let mut taken = Vec::new();
        let mut bytes = 0;
        for (index, log) in logs.into_iter().enumerate() {
            let chunks = log.lock().chunks(&log.key, &mut appends);
            bytes += chunks.1;
            if chunks.0 > 0 || chunks.2 {
                taken.push((log, chunks.0, chunks.2));
            }
            if bytes > FLUSH_BYTES_MAX {
                // The next write begins with those that had no turn.
                self.turn.fetch_add(index + 1, Ordering::Relaxed);
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
        // What nobody looks at can be read from the store; the recent lines of some hundred logs would be much memory.
        let tail_max = if log.is_watched() { self.tail_max } else { 0 };
        let end = log.lock().written(n, complete, tail_max);
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
