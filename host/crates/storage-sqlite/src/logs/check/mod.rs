//! Looks whether what is stored is whole: each file, each log, each chunk; and puts right what can be.
//!
//! A repair never makes up a line. What cannot be read or is missing is marked: readers then show those lines as damaged, with
//! their numbers. Before the first change of a file it is copied, so that nothing is lost that somebody might still want.

mod plan;

use std::path::{Path, PathBuf};

use corral_domain::{JobId, TaskKey, VmId};
use corral_storage::StorageError;
use sqlx::{Connection, SqliteConnection};

use self::plan::{ChunkRow, Content, Fix, Plan};
use super::stored;
use crate::SqliteOptions;
use crate::database::Database;
use crate::error::{cannot_make, refused};
use crate::migrate::Schema;

const CHECKING: &str = "checking a log file";
const REPAIRING: &str = "repairing a log file";
/// Findings of one file that are told one by one; the others are counted.
const FINDINGS_MAX: usize = 1_000;

/// How a log file came out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogFileReport {
    /// Where it is.
    pub path: PathBuf,
    /// Its size on the disk, in bytes.
    pub size: u64,
    /// Logs in it, one for each task.
    pub logs: u64,
    /// Chunks of them.
    pub chunks: u64,
    /// Lines of them.
    pub lines: u64,
    /// Bytes of text of them.
    pub bytes: u64,
    /// Lines that are marked as damaged: known, and shown as such.
    pub marked: u64,
    /// Logs of which more output was taken in than is stored though no filter changed a line: filters left lines out, or they
    /// are lost.
    pub ahead: u64,
    /// What is wrong with the file's indices, by which chunks are found; a repair makes them anew.
    pub index: Option<String>,
    /// What is wrong, the first thousand.
    pub damage: Vec<LogDamage>,
    /// How much is wrong.
    pub damaged: u64,
    /// Where the file was copied before it was repaired; none: it was not.
    pub copied_to: Option<PathBuf>,
    /// Why the file as a whole cannot be read; then the rest says nothing.
    pub unreadable: Option<String>,
}

/// Something that is wrong with a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogDamage {
    /// Whose.
    pub key: TaskKey,
    /// Number of the first line.
    pub first_line: u64,
    /// How many lines.
    pub lines: u64,
    /// What is with them, as the end of a sentence that begins with the lines.
    pub what: &'static str,
}

/// The log files below a data folder, oldest first.
pub async fn log_files(data_dir: &Path) -> Result<Vec<PathBuf>, StorageError> {
    let folder = data_dir.join("logs");
    let fail = |error| StorageError::Database { doing: "looking for log files", source: Box::new(error) };
    let mut entries = match tokio::fs::read_dir(&folder).await {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(fail)?,
    };
    let mut files = Vec::new();
    while let Some(entry) = entries.next_entry().await.map_err(fail)? {
        let path = entry.path();
        if path.extension().is_some_and(|extension| extension == "db") {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

/// Checks one file, and with `repair` puts right what can be. While it is repaired no host may work on it.
///
/// A file that cannot be read as a whole is no error but [`LogFileReport::unreadable`]; an error is that this could not be found out.
pub async fn check_log_file(path: &Path, repair: bool) -> Result<LogFileReport, StorageError> {
    let size = tokio::fs::metadata(path).await.map_or(0, |found| found.len());
    let mut report = LogFileReport { path: path.to_owned(), size, ..LogFileReport::default() };
    let file = match Database::open(path, Schema::Logs, SqliteOptions::default()).await {
        Ok(file) => file,
        Err(StorageError::Corrupt(why)) => {
            report.unreadable = Some(why);
            return Ok(report);
        }
        Err(error) => return Err(error),
    };
    let checked = check(&file, &mut report, repair).await;
    file.close().await;
    match checked {
        Ok(()) => Ok(report),
        Err(StorageError::Corrupt(why)) => {
            report.unreadable = Some(why);
            Ok(report)
        }
        Err(error) => Err(error),
    }
}

async fn check(file: &Database, report: &mut LogFileReport, repair: bool) -> Result<(), StorageError> {
    let fail = |error| file.fail(CHECKING, error);
    let said: String = sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(file.readers()).await.map_err(fail)?;
    if said != "ok" {
        let path = report.path.display();
        return Err(StorageError::Corrupt(format!("{path}: {said}; restore a backup, or try `sqlite3 FILE .recover`")));
    }
    check_index(file, report, repair).await?;
    let next = async |after: i64| {
        let query = sqlx::query_scalar!("SELECT id FROM log_stream WHERE id > ? ORDER BY id LIMIT 1", after);
        query.fetch_optional(file.readers()).await.map_err(fail)
    };
    let mut at = i64::MIN;
    while let Some(id) = next(at).await? {
        at = id;
        let plan = look_at(file, id, report).await?;
        if repair && !plan.fixes.is_empty() {
            if report.copied_to.is_none() {
                report.copied_to = Some(copy(file, &report.path).await?);
            }
            let mut conn = file.writer(REPAIRING).await?;
            let result = apply(file, &mut conn, id, &plan.fixes).await;
            file.settle(conn, result).await?;
        }
    }
    Ok(())
}

/// Looks whether the indices say what the rows say. Nothing is in them that is not in the rows too.
async fn check_index(file: &Database, report: &mut LogFileReport, repair: bool) -> Result<(), StorageError> {
    let fail = |error| file.fail(CHECKING, error);
    let said = async || sqlx::query_scalar::<_, String>("PRAGMA integrity_check(1)").fetch_one(file.readers()).await;
    let wrong = said().await.map_err(fail)?;
    if wrong == "ok" {
        return Ok(());
    }
    report.index = Some(wrong);
    report.damaged += 1;
    if !repair {
        return Ok(());
    }
    report.copied_to = Some(copy(file, &report.path).await?);
    let mut conn = file.writer(REPAIRING).await?;
    let made = sqlx::query("REINDEX").execute(&mut *conn).await.map(drop);
    file.settle(conn, made.map_err(|error| file.fail(REPAIRING, error))).await?;
    match said().await.map_err(fail)? {
        ok if ok == "ok" => Ok(()),
        still => Err(StorageError::Corrupt(format!("{}: {still}; restore a backup", report.path.display()))),
    }
}

/// Reads a log in one transaction, so that a host may go on writing meanwhile.
async fn look_at(file: &Database, id: i64, report: &mut LogFileReport) -> Result<Plan, StorageError> {
    let fail = |error| file.fail(CHECKING, error);
    let mut conn = file.readers().acquire().await.map_err(fail)?;
    let mut tx = conn.begin().await.map_err(fail)?;
    let log = sqlx::query!(
        "SELECT job AS \"job: uuid::Uuid\", vm AS \"vm: uuid::Uuid\", lines, bytes, stdout_taken, stderr_taken
         FROM log_stream WHERE id = ?",
        id
    )
    .fetch_one(&mut *tx)
    .await
    .map_err(fail)?;
    let rows = sqlx::query!(
        "SELECT id, first_line, n_lines, first_byte, raw_len FROM log_chunk WHERE stream = ? ORDER BY first_line",
        id
    )
    .fetch_all(&mut *tx)
    .await
    .map_err(fail)?;
    let rows: Vec<ChunkRow> = rows
        .into_iter()
        .map(|row| ChunkRow {
            id: row.id,
            first_line: row.first_line as u64,
            n_lines: row.n_lines as u64,
            first_byte: row.first_byte as u64,
            raw_len: row.raw_len as u64,
        })
        .collect();
    let mut plan = Plan::new(log.lines as u64, log.bytes as u64);
    let mut changed = false;
    for (index, row) in rows.iter().enumerate() {
        let data = sqlx::query_scalar!("SELECT data FROM log_chunk WHERE id = ?", row.id).fetch_one(&mut *tx).await;
        let data = data.map_err(fail)?;
        let looked = tokio::task::spawn_blocking(move || (Content::of(&data), changed_by_filter(&data))).await;
        let (content, filtered) = looked.map_err(|error| refused(CHECKING, error.to_string()))?;
        changed |= filtered;
        plan.chunk(*row, content, rows.get(index + 1).map(|next| next.first_line));
    }
    plan.finish();
    tx.rollback().await.map_err(fail)?;
    report.logs += 1;
    report.chunks += rows.len() as u64;
    report.lines += log.lines as u64;
    report.bytes += log.bytes as u64;
    report.marked += plan.marked;
    let taken = (log.stdout_taken as u64).saturating_add(log.stderr_taken as u64);
    report.ahead += u64::from(!changed && taken > log.bytes as u64);
    report.damaged += plan.findings.len() as u64;
    let key = TaskKey { job: JobId::from_uuid(log.job), vm: VmId::from_uuid(log.vm) };
    let room = FINDINGS_MAX.saturating_sub(report.damage.len());
    report.damage.extend(plan.findings.iter().take(room).map(|found| LogDamage {
        key,
        first_line: found.first_line,
        lines: found.lines,
        what: found.what,
    }));
    Ok(plan)
}

fn changed_by_filter(data: &[u8]) -> bool {
    let lines = corral_storage::chunk::decode(data).unwrap_or_default();
    lines.iter().any(|line| line.extras.is_some_and(|extras| !extras.changed_by.is_empty()))
}

/// Copies a file as it is, with what its write-ahead log holds.
async fn copy(file: &Database, path: &Path) -> Result<PathBuf, StorageError> {
    let mut copy = path.as_os_str().to_owned();
    copy.push(".before-repair");
    let mut to = PathBuf::from(&copy);
    let mut n = 2;
    while to.exists() {
        to = PathBuf::from(format!("{}-{n}", copy.display()));
        n += 1;
    }
    let mut conn = file.writer(REPAIRING).await?;
    let folded = sqlx::query("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut *conn).await;
    let folded = folded.map(drop).map_err(|error| file.fail(REPAIRING, error));
    file.settle(conn, folded).await?;
    tokio::fs::copy(path, &to).await.map_err(|error| cannot_make(&to, error))?;
    Ok(to)
}

async fn apply(file: &Database, conn: &mut SqliteConnection, log: i64, fixes: &[Fix]) -> Result<(), StorageError> {
    let fail = |error| file.fail(REPAIRING, error);
    let mut tx = conn.begin_with("BEGIN IMMEDIATE").await.map_err(fail)?;
    for fix in fixes {
        fix_one(&mut tx, log, *fix).await.map_err(fail)?;
    }
    tx.commit().await.map_err(fail)
}

async fn fix_one(conn: &mut SqliteConnection, log: i64, fix: Fix) -> sqlx::Result<()> {
    match fix {
        Fix::Remove { id } => sqlx::query!("DELETE FROM log_chunk WHERE id = ?", id).execute(conn).await,
        Fix::Place { id, n_lines, first_byte, raw_len } => {
            let (n_lines, first_byte, raw_len) = (stored(n_lines), stored(first_byte), stored(raw_len));
            let sql = sqlx::query!(
                "UPDATE log_chunk SET n_lines = ?, first_byte = ?, raw_len = ? WHERE id = ?",
                n_lines,
                first_byte,
                raw_len,
                id
            );
            sql.execute(conn).await
        }
        Fix::Mark { id, n_lines, first_byte, raw_len } => {
            let (n_lines, first_byte, raw_len) = (stored(n_lines), stored(first_byte), stored(raw_len));
            let sql = sqlx::query!(
                "UPDATE log_chunk SET n_lines = ?, first_byte = ?, raw_len = ?, data = x'' WHERE id = ?",
                n_lines,
                first_byte,
                raw_len,
                id
            );
            sql.execute(conn).await
        }
        Fix::Insert { first_line, n_lines, first_byte, raw_len } => {
            let (first_line, n_lines) = (stored(first_line), stored(n_lines));
            let (first_byte, raw_len) = (stored(first_byte), stored(raw_len));
            let sql = sqlx::query!(
                "INSERT INTO log_chunk (stream, first_line, n_lines, first_byte, raw_len, data) VALUES (?, ?, ?, ?, ?, x'')",
                log,
                first_line,
                n_lines,
                first_byte,
                raw_len
            );
            sql.execute(conn).await
        }
        Fix::End { lines, bytes } => {
            let (lines, bytes) = (stored(lines), stored(bytes));
            sqlx::query!("UPDATE log_stream SET lines = ?, bytes = ? WHERE id = ?", lines, bytes, log).execute(conn).await
        }
    }
    .map(drop)
}
