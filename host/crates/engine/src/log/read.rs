//! Reading output, live or stored, by line number.

use corral_domain::{Lines, Task, TaskKey};
use corral_storage::{LogEnd, StorageError, StoredChunk, chunk};
use tokio::sync::watch;

use crate::{Engine, UseCaseError};

/// Lines that one read returns at most.
const LINES_MAX: u64 = 4_096;
/// Text that one read returns at most, in bytes; a single line may be longer.
const BYTES_MAX: usize = 1024 * 1024;
/// Chunks that one read decodes at most.
const CHUNKS_MAX: u32 = 8;

/// Where the log of a task stands that has none: it never wrote anything, or what it wrote is not kept any more.
///
/// # Errors
/// [`UseCaseError::OutputRemoved`] if there was something.
pub fn end_without_log(task: &Task) -> Result<LogEnd, UseCaseError> {
    match task.lines {
        0 => Ok(LogEnd { complete: task.status.is_final(), ..LogEnd::default() }),
        _ => Err(UseCaseError::OutputRemoved),
    }
}

/// A run of lines from one log.
#[derive(Debug, Clone, Default)]
pub struct LogWindow {
    /// Number of the first line.
    pub first: u64,
    /// The lines. Fewer than were asked for is normal: read on from `first + lines.len()`.
    pub lines: Lines,
    /// Durable lines of the whole log.
    pub total: u64,
    /// Nothing will be added.
    pub complete: bool,
    /// A run that cannot be read because its chunk is damaged: first line and count. Then `lines` is empty and reading
    /// goes on behind it.
    pub damaged: Option<(u64, u64)>,
}

impl Engine {
    /// Reads lines from `from` on, at most `count`, 4,096 or 1 MiB. None if the task never had a log.
    pub async fn read_log(&self, key: TaskKey, from: u64, count: u64) -> Result<Option<LogWindow>, StorageError> {
        let live = self.inner.logs.live(key);
        let end = match &live {
            Some(log) => *log.watch().borrow(),
            None => match self.inner.deps.logs.end(key).await? {
                Some(end) => end,
                None => return Ok(None),
            },
        };
        let count = count.min(LINES_MAX).min(end.lines.saturating_sub(from));
        let mut window = LogWindow { first: from, total: end.lines, complete: end.complete, ..LogWindow::default() };
        if count == 0 {
            return Ok(Some(window));
        }
        if let Some((first, lines)) = live.and_then(|log| log.recent(from)) {
            take(&mut window, first, &lines, count);
            return Ok(Some(window));
        }
        let mut chunks = self.inner.deps.logs.chunks(key, from, count, CHUNKS_MAX).await?;
        if chunks.is_empty() {
            // The lines are missing. What follows them may begin beyond what was asked for.
            chunks = self.inner.deps.logs.chunks(key, from, end.lines - from, 1).await?;
        }
        let begin = chunks.first().map_or(end.lines, |chunk| chunk.first_line);
        if begin > from {
            tracing::error!(job = %key.job, vm = %key.vm, first = from, "stored output is missing");
            window.damaged = Some((from, begin - from));
            return Ok(Some(window));
        }
        for stored in chunks {
            let next = window.first + window.lines.len() as u64;
            match chunk::decode(&stored.data) {
                Ok(lines) => take(&mut window, stored.first_line, &lines, count),
                Err(error) => {
                    tracing::error!(job = %key.job, vm = %key.vm, first = stored.first_line, %error, "stored output is damaged");
                    if window.lines.is_empty() {
                        window.damaged = Some((next, stored.first_line + u64::from(stored.n_lines) - next));
                    }
                    break;
                }
            }
            if window.lines.len() as u64 >= count || window.lines.text().len() >= BYTES_MAX {
                break;
            }
        }
        Ok(Some(window))
    }

    /// The stored chunk with a line, as it lies on the disk. None where [`Self::read_log`] is the way to read: the line is at
    /// hand in memory, is not stored, or its chunk is damaged.
    pub async fn stored_chunk(&self, key: TaskKey, line: u64) -> Result<Option<StoredChunk>, StorageError> {
        if self.inner.logs.live(key).is_some_and(|log| log.recent(line).is_some()) {
            return Ok(None);
        }
        let chunk = self.inner.deps.logs.chunks(key, line, 1, 1).await?.pop();
        Ok(chunk.filter(|chunk| chunk.first_line <= line && chunk::is_whole(&chunk.data, chunk.n_lines)))
    }

    /// Tells where the log ends whenever that changes. None if the task never had a log.
    pub async fn watch_log(&self, key: TaskKey) -> Result<Option<watch::Receiver<LogEnd>>, StorageError> {
        if let Some(log) = self.inner.logs.live(key) {
            return Ok(Some(log.watch()));
        }
        let end = self.inner.deps.logs.end(key).await?;
        Ok(end.map(|end| watch::channel(end).1))
    }
}

/// Adds the lines of a chunk that belong into the window and follow what is there.
fn take(window: &mut LogWindow, first: u64, lines: &Lines, count: u64) {
    let next = window.first + window.lines.len() as u64;
    let Some(skip) = next.checked_sub(first) else { return };
    let wanted = count - window.lines.len() as u64;
    for line in
        lines.iter().skip(usize::try_from(skip).unwrap_or(usize::MAX)).take(usize::try_from(wanted).unwrap_or(0))
    {
        window.lines.push_line(line);
        if window.lines.text().len() >= BYTES_MAX {
            break;
        }
    }
}
