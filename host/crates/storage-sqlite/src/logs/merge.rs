//! Joining small chunks of a finished log: fewer rows to seek and to read, better compression.
//!
//! Readers see a log before or after a join, never within one. A chunk that cannot be decoded is left as it is.

use corral_domain::{Lines, TaskKey};
use corral_storage::StorageError;
use corral_storage::chunk::{self, CHUNK_LINES_MAX, CHUNK_TEXT_MAX};
use sqlx::{Connection, SqliteConnection};

use crate::database::Database;
use crate::error::refused;

const MERGING: &str = "joining the chunks of a log";
/// Joined chunks written in one transaction: others who append wait no longer than this takes.
const JOINS_PER_TRANSACTION: usize = 16;

/// Adjacent chunks that fit into one.
#[derive(Debug, Clone, Copy)]
struct Run {
    first_line: i64,
    first_byte: i64,
    chunks: u64,
    n_lines: i64,
    raw_len: i64,
}

/// What takes a run's place, or that of a part of it.
struct Joined {
    run: Run,
    data: bytes::Bytes,
}

pub(super) async fn merge(file: &Database, key: TaskKey) -> Result<(), StorageError> {
    let fail = |error| file.fail(MERGING, error);
    let (job, vm) = (*key.job.as_uuid(), *key.vm.as_uuid());
    let stream = sqlx::query_scalar!(
        "SELECT r.id FROM log_stream s CROSS JOIN log_stream r NOT INDEXED ON r.id = s.id AND r.job = s.job AND r.vm = s.vm
         WHERE s.job = ? AND s.vm = ?",
        job,
        vm
    )
    .fetch_optional(file.readers())
    .await
    .map_err(fail)?;
    let Some(stream) = stream else { return Ok(()) };
    for runs in runs(file, stream).await?.chunks(JOINS_PER_TRANSACTION) {
        let mut joined = Vec::with_capacity(runs.len());
        for run in runs {
            joined.extend(join(file, stream, *run).await?);
        }
        if joined.is_empty() {
            continue;
        }
        let mut conn = file.writer(MERGING).await?;
        let result = replace(file, &mut conn, stream, &joined).await;
        file.settle(conn, result).await?;
    }
    Ok(())
}

/// Runs of at least two chunks that fit into one.
async fn runs(file: &Database, stream: i64) -> Result<Vec<Run>, StorageError> {
    let chunks = sqlx::query!(
        "SELECT first_line, n_lines, first_byte, raw_len FROM log_chunk WHERE stream = ? ORDER BY first_line",
        stream
    )
    .fetch_all(file.readers())
    .await
    .map_err(|error| file.fail(MERGING, error))?;
    let mut runs: Vec<Run> = Vec::new();
    for chunk in chunks {
        let chunk = Run {
            first_line: chunk.first_line,
            first_byte: chunk.first_byte,
            chunks: 1,
            n_lines: chunk.n_lines,
            raw_len: chunk.raw_len,
        };
        match runs.last_mut() {
            Some(run) if fits(run, &chunk) => *run = add(*run, chunk),
            _ => runs.push(chunk),
        }
    }
    runs.retain(|run| run.chunks > 1);
    Ok(runs)
}

fn fits(run: &Run, next: &Run) -> bool {
    run.first_line + run.n_lines == next.first_line
        && run.raw_len + next.raw_len <= CHUNK_TEXT_MAX as i64
        && run.n_lines + next.n_lines <= CHUNK_LINES_MAX as i64
}

fn add(run: Run, next: Run) -> Run {
    Run {
        chunks: run.chunks + next.chunks,
        n_lines: run.n_lines + next.n_lines,
        raw_len: run.raw_len + next.raw_len,
        ..run
    }
}

/// Decodes a run and encodes it as one; as several, around chunks that are damaged.
async fn join(file: &Database, stream: i64, run: Run) -> Result<Vec<Joined>, StorageError> {
    let end = run.first_line + run.n_lines;
    let rows = sqlx::query!(
        "SELECT d.first_line, d.n_lines, d.first_byte, d.raw_len, d.data
         FROM log_chunk c CROSS JOIN log_chunk d NOT INDEXED ON d.id = c.id AND d.stream = c.stream AND d.first_line = c.first_line
         WHERE c.stream = ? AND c.first_line >= ? AND c.first_line < ? ORDER BY c.first_line",
        stream,
        run.first_line,
        end
    )
    .fetch_all(file.readers())
    .await
    .map_err(|error| file.fail(MERGING, error))?;
    let parts: Vec<(Run, Vec<u8>)> = rows
        .into_iter()
        .map(|row| {
            let (first_line, first_byte) = (row.first_line, row.first_byte);
            (Run { first_line, first_byte, chunks: 1, n_lines: row.n_lines, raw_len: row.raw_len }, row.data)
        })
        .collect();
    // Compressing is work for a processor, not for the threads that wait for sockets.
    tokio::task::spawn_blocking(move || encode_parts(parts)).await.map_err(|error| refused(MERGING, error.to_string()))
}

fn encode_parts(parts: Vec<(Run, Vec<u8>)>) -> Vec<Joined> {
    let mut joined = Vec::new();
    let mut open: Option<(Run, Lines)> = None;
    for (run, data) in parts {
        let whole = |lines: &Lines| lines.len() as i64 == run.n_lines && lines.raw_len() as i64 == run.raw_len;
        match (chunk::decode(&data).ok().filter(whole), &mut open) {
            (Some(mut lines), Some((sum, all))) if sum.first_line + sum.n_lines == run.first_line => {
                all.append(&mut lines);
                *sum = add(*sum, run);
            }
            // One between them is not what its index says.
            (Some(lines), Some(_)) => joined.extend(open.replace((run, lines))),
            (Some(lines), None) => open = Some((run, lines)),
            (None, _) => joined.extend(open.take()),
        }
    }
    joined.extend(open);
    joined
        .into_iter()
        .filter(|(run, _)| run.chunks > 1)
        .map(|(run, lines)| Joined { run, data: chunk::encode(&lines) })
        .collect()
}

async fn replace(
    file: &Database,
    conn: &mut SqliteConnection,
    stream: i64,
    joined: &[Joined],
) -> Result<(), StorageError> {
    let fail = |error| file.fail(MERGING, error);
    let mut tx = conn.begin_with("BEGIN IMMEDIATE").await.map_err(fail)?;
    for Joined { run, data } in joined {
        let end = run.first_line + run.n_lines;
        let removed = sqlx::query!(
            "DELETE FROM log_chunk WHERE stream = ? AND first_line >= ? AND first_line < ?",
            stream,
            run.first_line,
            end
        )
        .execute(&mut *tx)
        .await
        .map_err(fail)?
        .rows_affected();
        if removed != run.chunks {
            return Err(refused(MERGING, "its chunks changed meanwhile; it is being joined twice at once".to_owned()));
        }
        let data: &[u8] = data;
        sqlx::query!(
            "INSERT INTO log_chunk (stream, first_line, n_lines, first_byte, raw_len, data) VALUES (?, ?, ?, ?, ?, ?)",
            stream,
            run.first_line,
            run.n_lines,
            run.first_byte,
            run.raw_len,
            data
        )
        .execute(&mut *tx)
        .await
        .map_err(fail)?;
    }
    tx.commit().await.map_err(fail)
}
