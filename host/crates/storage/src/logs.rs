//! The store of output.

use async_trait::async_trait;
use bytes::Bytes;
use corral_domain::{JobId, Position, TaskKey};

use crate::StorageError;

/// One chunk to be added to a task's log.
#[derive(Debug, Clone)]
pub struct LogAppend {
    /// Whose.
    pub key: TaskKey,
    /// Number of its first line; must be where the log ends.
    pub first_line: u64,
    /// How many lines it holds. May be 0, with nothing in `data`, to record only `complete`.
    pub n_lines: u32,
    /// Bytes of text before it, newlines counted.
    pub first_byte: u64,
    /// Bytes of text in it, newlines counted.
    pub raw_len: u32,
    /// As [`crate::chunk::encode`] gave it.
    pub data: Bytes,
    /// How far the command's output has been taken in once this is stored; none: as before. It is in the same transaction as the
    /// chunk, so that what is read on from it is neither lost nor stored twice.
    pub position: Option<Position>,
    /// Nothing follows.
    pub complete: bool,
}

/// Where a log ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogEnd {
    /// Lines that are durable.
    pub lines: u64,
    /// Bytes of text, newlines counted.
    pub bytes: u64,
    /// How far the command's output has been taken in.
    pub position: Position,
    /// Nothing follows.
    pub complete: bool,
}

/// A chunk as it was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredChunk {
    /// Number of its first line.
    pub first_line: u64,
    /// How many lines it holds.
    pub n_lines: u32,
    /// Bytes of text before it.
    pub first_byte: u64,
    /// For [`crate::chunk::decode`].
    pub data: Bytes,
}

/// The output of the jobs of one day, as it lies on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogFile {
    /// The day, `2026-01-31`; another text for jobs whose ids have no sensible time.
    pub day: String,
    /// What it takes of the disk, in bytes.
    pub bytes: u64,
}

/// Keeps output in chunks. The file of a task's log is that of the day in its job's id.
#[async_trait]
pub trait LogStore: Send + Sync {
    /// Adds chunks of any number of tasks, durable on return: one transaction per day's file. An append whose
    /// `first_line` is not where the log ends is an error, and nothing of its file is written.
    async fn append(&self, appends: &[LogAppend]) -> Result<(), StorageError>;
    /// Where a task's log ends; none if nothing was ever written.
    async fn end(&self, key: TaskKey) -> Result<Option<LogEnd>, StorageError>;
    /// Chunks that hold any of the lines `from .. from + count`, in order, at most `max_chunks`.
    async fn chunks(
        &self,
        key: TaskKey,
        from: u64,
        count: u64,
        max_chunks: u32,
    ) -> Result<Vec<StoredChunk>, StorageError>;
    /// Takes back that a log is complete: more may follow. Nothing happens to one that is not, or that does not exist.
    async fn reopen(&self, key: TaskKey) -> Result<(), StorageError>;
    /// Joins a finished log's small chunks into large ones. Lines, numbers and bytes stay as they are.
    async fn merge(&self, key: TaskKey) -> Result<(), StorageError>;
    /// The day whose file holds a job's output, as in [`LogFile::day`].
    fn file_of(&self, job: JobId) -> String;
    /// All files.
    async fn files(&self) -> Result<Vec<LogFile>, StorageError>;
    /// Removes the output of a day. Whoever reads it meanwhile is answered as if nothing had been written. The caller sees to it
    /// that no job of that day still writes.
    async fn remove_file(&self, day: &str) -> Result<(), StorageError>;
}
