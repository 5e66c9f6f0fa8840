//! Output, in chunks.
//!
//! A chunk's checksum guards its lines, not where they belong: that is in the row and in the index by which the row is found. So
//! a row counts only where it says the same as the index that led to it (`NOT INDEXED` looks into the row itself). A byte that
//! was flipped in one of them then costs a chunk, which is shown as damaged, and never makes another one's lines of it.

mod append;
mod check;
mod days;
mod merge;

use async_trait::async_trait;
use corral_domain::{JobId, Position, TaskKey};
use corral_storage::{LogAppend, LogEnd, LogFile, LogStore, StorageError, StoredChunk};

use crate::SqliteStore;

pub use check::{LogDamage, LogFileReport, check_log_file, log_files};
pub(crate) use days::DayFiles;

const REOPENING: &str = "reopening a log";
const READING: &str = "reading a log";

#[async_trait]
impl LogStore for SqliteStore {
    async fn append(&self, appends: &[LogAppend]) -> Result<(), StorageError> {
        append::append(&self.days, appends).await
    }

    async fn end(&self, key: TaskKey) -> Result<Option<LogEnd>, StorageError> {
        let Some(file) = self.days.existing(key.job).await? else { return Ok(None) };
        let (job, vm) = (*key.job.as_uuid(), *key.vm.as_uuid());
        let row = sqlx::query!(
            "SELECT r.lines, r.bytes, r.stdout_taken, r.stderr_taken, r.complete
             FROM log_stream s CROSS JOIN log_stream r NOT INDEXED ON r.id = s.id AND r.job = s.job AND r.vm = s.vm
             WHERE s.job = ? AND s.vm = ?",
            job,
            vm
        )
        .fetch_optional(file.readers())
        .await
        .map_err(|error| file.fail(READING, error))?;
        Ok(row.map(|row| LogEnd {
            lines: row.lines as u64,
            bytes: row.bytes as u64,
            position: Position { stdout: row.stdout_taken as u64, stderr: row.stderr_taken as u64 },
            complete: row.complete != 0,
        }))
    }

    async fn chunks(
        &self,
        key: TaskKey,
        from: u64,
        count: u64,
        max_chunks: u32,
    ) -> Result<Vec<StoredChunk>, StorageError> {
        let Some(file) = self.days.existing(key.job).await? else { return Ok(Vec::new()) };
        let (job, vm) = (*key.job.as_uuid(), *key.vm.as_uuid());
        let (first, end) = (stored(from), stored(from.saturating_add(count)));
        // The window may begin within a chunk: the seek goes to the last chunk that begins at or before it.
        let rows = sqlx::query!(
            "SELECT c.first_line, d.n_lines, d.first_byte, d.data
             FROM log_stream s
             CROSS JOIN log_stream r NOT INDEXED ON r.id = s.id AND r.job = s.job AND r.vm = s.vm
             CROSS JOIN log_chunk c ON c.stream = s.id
             CROSS JOIN log_chunk d NOT INDEXED ON d.id = c.id AND d.stream = c.stream AND d.first_line = c.first_line
             WHERE s.job = ?1 AND s.vm = ?2 AND c.first_line < ?4 AND d.first_line + d.n_lines > ?3
               AND c.first_line >= coalesce(
                 (SELECT max(b.first_line) FROM log_chunk b WHERE b.stream = s.id AND b.first_line <= ?3), 0)
             ORDER BY c.first_line LIMIT ?5",
            job,
            vm,
            first,
            end,
            max_chunks
        )
        .fetch_all(file.readers())
        .await
        .map_err(|error| file.fail(READING, error))?;
        let chunks = rows.into_iter().map(|row| StoredChunk {
            first_line: row.first_line as u64,
            n_lines: row.n_lines as u32,
            first_byte: row.first_byte as u64,
            data: row.data.into(),
        });
        Ok(chunks.collect())
    }

    async fn reopen(&self, key: TaskKey) -> Result<(), StorageError> {
        let Some(file) = self.days.existing(key.job).await? else { return Ok(()) };
        let (job, vm) = (*key.job.as_uuid(), *key.vm.as_uuid());
        let mut conn = file.writer(REOPENING).await?;
        let result = sqlx::query!("UPDATE log_stream SET complete = 0 WHERE job = ? AND vm = ?", job, vm)
            .execute(&mut *conn)
            .await
            .map(|_| ())
            .map_err(|error| file.fail(REOPENING, error));
        file.settle(conn, result).await
    }

    async fn merge(&self, key: TaskKey) -> Result<(), StorageError> {
        match self.days.existing(key.job).await? {
            Some(file) => merge::merge(&file, key).await,
            None => Ok(()),
        }
    }

    fn file_of(&self, job: JobId) -> String {
        days::day_of(job)
    }

    async fn files(&self) -> Result<Vec<LogFile>, StorageError> {
        self.days.all().await
    }

    async fn remove_file(&self, day: &str) -> Result<(), StorageError> {
        self.days.remove(day).await
    }
}

/// SQLite's integers have a sign. No log has 2^63 lines.
fn stored(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
