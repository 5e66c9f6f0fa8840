//! Adding chunks: one transaction for each day's file.

use std::collections::{BTreeMap, HashMap};

use corral_domain::{Position, TaskKey};
use corral_storage::{LogAppend, StorageError};
use sqlx::{Connection, SqliteConnection};

use super::days::{DayFiles, day_of};
use super::stored;
use crate::database::Database;
use crate::error::refused;

const APPENDING: &str = "appending to a log";

pub(super) async fn append(days: &DayFiles, appends: &[LogAppend]) -> Result<(), StorageError> {
    let mut by_day: BTreeMap<String, Vec<&LogAppend>> = BTreeMap::new();
    for append in appends {
        by_day.entry(day_of(append.key.job)).or_default().push(append);
    }
    for (day, appends) in by_day {
        let file = days.file(&day).await?;
        let mut conn = file.writer(APPENDING).await?;
        let result = append_to(&file, &mut conn, &appends).await;
        file.settle(conn, result).await?;
    }
    Ok(())
}

/// Where a stream ends, as far as this transaction has come.
struct Stream {
    id: i64,
    lines: u64,
    bytes: u64,
    position: Position,
    complete: bool,
}

async fn append_to(file: &Database, conn: &mut SqliteConnection, appends: &[&LogAppend]) -> Result<(), StorageError> {
    let fail = |error| file.fail(APPENDING, error);
    let mut tx = conn.begin_with("BEGIN IMMEDIATE").await.map_err(fail)?;
    let mut streams: HashMap<TaskKey, Stream> = HashMap::new();
    for append in appends {
        let stream = match streams.entry(append.key) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(new) => {
                new.insert(stream(&mut tx, append.key).await.map_err(fail)?)
            }
        };
        check(stream, append)?;
        if append.n_lines > 0 {
            insert_chunk(&mut tx, stream.id, append).await.map_err(fail)?;
        }
        stream.lines += u64::from(append.n_lines);
        stream.bytes += u64::from(append.raw_len);
        stream.position = append.position.unwrap_or(stream.position);
        stream.complete |= append.complete;
    }
    for stream in streams.values() {
        let (lines, bytes, complete) = (stored(stream.lines), stored(stream.bytes), i64::from(stream.complete));
        let (stdout, stderr) = (stored(stream.position.stdout), stored(stream.position.stderr));
        sqlx::query!(
            "UPDATE log_stream SET lines = ?, bytes = ?, stdout_taken = ?, stderr_taken = ?, complete = ? WHERE id = ?",
            lines,
            bytes,
            stdout,
            stderr,
            complete,
            stream.id
        )
        .execute(&mut *tx)
        .await
        .map_err(fail)?;
    }
    tx.commit().await.map_err(fail)
}

/// A chunk must begin where the log ends; anything else would lose lines or serve some twice.
fn check(stream: &Stream, append: &LogAppend) -> Result<(), StorageError> {
    let TaskKey { job, vm } = append.key;
    if append.first_line != stream.lines || append.first_byte != stream.bytes {
        return Err(refused(
            APPENDING,
            format!(
                "the log of job {job} on {vm} ends at line {}, byte {}; the chunk begins at line {}, byte {}",
                stream.lines, stream.bytes, append.first_line, append.first_byte
            ),
        ));
    }
    if stream.complete && append.n_lines > 0 {
        return Err(refused(APPENDING, format!("the log of job {job} on {vm} is complete; nothing follows")));
    }
    if append.n_lines == 0 && append.raw_len > 0 {
        return Err(refused(APPENDING, format!("a chunk of job {job} on {vm} has bytes but no lines")));
    }
    Ok(())
}

async fn stream(conn: &mut SqliteConnection, key: TaskKey) -> sqlx::Result<Stream> {
    let (job, vm) = (*key.job.as_uuid(), *key.vm.as_uuid());
    let found = sqlx::query!(
        "SELECT r.id, r.lines, r.bytes, r.stdout_taken, r.stderr_taken, r.complete
         FROM log_stream s CROSS JOIN log_stream r NOT INDEXED ON r.id = s.id AND r.job = s.job AND r.vm = s.vm
         WHERE s.job = ? AND s.vm = ?",
        job,
        vm
    )
    .fetch_optional(&mut *conn)
    .await?;
    if let Some(row) = found {
        let (lines, bytes) = (row.lines as u64, row.bytes as u64);
        let position = Position { stdout: row.stdout_taken as u64, stderr: row.stderr_taken as u64 };
        return Ok(Stream { id: row.id, lines, bytes, position, complete: row.complete != 0 });
    }
    let id = sqlx::query!("INSERT INTO log_stream (job, vm, lines, bytes, complete) VALUES (?, ?, 0, 0, 0)", job, vm)
        .execute(conn)
        .await?
        .last_insert_rowid();
    Ok(Stream { id, lines: 0, bytes: 0, position: Position::default(), complete: false })
}

async fn insert_chunk(conn: &mut SqliteConnection, stream: i64, append: &LogAppend) -> sqlx::Result<()> {
    let (first_line, first_byte) = (stored(append.first_line), stored(append.first_byte));
    let data: &[u8] = &append.data;
    sqlx::query!(
        "INSERT INTO log_chunk (stream, first_line, n_lines, first_byte, raw_len, data) VALUES (?, ?, ?, ?, ?, ?)",
        stream,
        first_line,
        append.n_lines,
        first_byte,
        append.raw_len,
        data
    )
    .execute(conn)
    .await?;
    Ok(())
}
