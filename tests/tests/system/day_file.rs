//! What really lies in a day's file of output, read by SQLite past the host.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use corral_domain::{JobId, OutputStream, Position};
use corral_storage::chunk;
use corral_tests::faults::workload::Outputs;
use corral_tests::host::Site;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};

/// A log as it is stored.
#[derive(Debug, Default)]
pub struct StoredLog {
    /// Lines that the file says it has.
    pub lines: u64,
    /// How far the file says the command's output is taken in.
    pub taken: Position,
    /// What its chunks hold, apart for the two outputs, newlines where lines end.
    pub outputs: Outputs,
}

/// The day files of a host's data, by name.
pub fn day_files(site: &Site) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(site.data().join("logs"))?.collect::<std::io::Result<Vec<_>>>()?;
    let mut files: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "db"));
    files.sort();
    Ok(files)
}

/// The file of the day on which a job was made.
pub fn day_file(site: &Site, job: &str) -> Result<PathBuf> {
    let day = job.parse::<JobId>()?.made_at().to_string();
    Ok(site.data().join("logs").join(format!("{}.db", &day[.."2000-01-01".len()])))
}

/// Opens an existing file as another program would.
pub async fn open(file: &Path) -> Result<SqliteConnection> {
    let options = SqliteConnectOptions::new().filename(file).disable_statement_logging();
    options.connect().await.with_context(|| format!("opening {}", file.display()))
}

/// The logs of a file by their job, read from a copy that is made as the files are now: that of a killed host is not touched.
///
/// Fails unless the chunks of each log join up and are whole.
pub async fn logs_of_copy(file: &Path) -> Result<BTreeMap<String, StoredLog>> {
    let folder = tempfile::tempdir()?;
    let copy = folder.path().join("copy.db");
    for end in ["", "-wal"] {
        let with = |path: &Path| PathBuf::from(format!("{}{end}", path.display()));
        if with(file).exists() {
            std::fs::copy(with(file), with(&copy))?;
        }
    }
    let mut conn = open(&copy).await?;
    let rows: Vec<(i64, String, i64, i64, i64, i64)> =
        sqlx::query_as("SELECT id, lower(hex(job)), lines, bytes, stdout_taken, stderr_taken FROM log_stream")
            .fetch_all(&mut conn)
            .await?;
    let mut logs = BTreeMap::new();
    for (id, job, lines, bytes, stdout, stderr) in rows {
        let mut log =
            StoredLog { taken: Position { stdout: stdout as u64, stderr: stderr as u64 }, ..StoredLog::default() };
        read(&mut conn, id, &mut log).await.with_context(|| format!("the log of job {job}"))?;
        ensure!(log.lines == lines as u64, "job {job}: {lines} lines are promised, {} are there", log.lines);
        ensure!(
            log.outputs.len() == bytes as usize,
            "job {job}: {bytes} bytes are promised, {} are there",
            log.outputs.len()
        );
        logs.insert(job, log);
    }
    conn.close().await?;
    Ok(logs)
}

async fn read(conn: &mut SqliteConnection, id: i64, log: &mut StoredLog) -> Result<()> {
    let chunks: Vec<(i64, i64, i64, Vec<u8>)> = sqlx::query_as(
        "SELECT first_line, n_lines, first_byte, data FROM log_chunk WHERE stream = ? ORDER BY first_line",
    )
    .bind(id)
    .fetch_all(conn)
    .await?;
    for (first_line, n_lines, first_byte, data) in chunks {
        ensure!(first_line as u64 == log.lines, "the next line is {}, a chunk begins at {first_line}", log.lines);
        ensure!(first_byte as usize == log.outputs.len(), "a chunk begins at byte {first_byte}");
        let lines = chunk::decode(&data)?;
        ensure!(lines.len() as i64 == n_lines, "a chunk says {n_lines} lines and has {}", lines.len());
        for line in lines.iter() {
            let output = log.outputs.of(line.head.stream);
            output.extend_from_slice(line.text);
            if !line.head.partial {
                output.push(b'\n');
            }
        }
        log.lines += n_lines as u64;
    }
    Ok(())
}

impl StoredLog {
    /// Fails unless as much is taken in of each output as is stored: more would be lost when it is read on from there, less
    /// would be stored twice.
    pub fn is_taken_in_as_far_as_it_is_stored(&self) -> Result<()> {
        let mut taken = self.taken;
        for (stream, stored) in
            [(OutputStream::Stdout, &self.outputs.stdout), (OutputStream::Stderr, &self.outputs.stderr)]
        {
            let taken = *taken.of(stream);
            ensure!(taken == stored.len() as u64, "{stream:?}: taken in to {taken}, stored to {}", stored.len());
        }
        Ok(())
    }
}

/// How a job's id is written in the files.
pub fn in_the_file(job: &str) -> String {
    job.replace('-', "")
}
