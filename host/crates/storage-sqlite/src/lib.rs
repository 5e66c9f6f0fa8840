//! The stores over SQLite. SQL for SQLite is here and nowhere else.
//!
//! Files, all below one data folder: `state.db` holds inventory, jobs, events, audit rows and tokens; `logs/YYYY-MM-DD.db`
//! the output of the jobs made on that day (UTC, by the time in the job's id and by nothing else).
//!
//! Invariants:
//! - Each file has one writing connection; every write is one `BEGIN IMMEDIATE` transaction, durable when it is
//!   acknowledged (WAL with `synchronous=FULL`). Readers are a few further connections and never block the writer.
//! - A write that fails leaves nothing behind, also when the disk is full, and the next one starts on a clean connection.
//! - Queries are checked against the migrations when this crate is compiled; `prepare.sh` renews their descriptions.
//! - A migration that was shipped is never edited.
//!
//! This crate must not know: what the state means, what is in a chunk (but for joining small ones and for checking them), SSH, HTTP, plugins.

mod database;
mod error;
mod jobs;
mod logs;
mod migrate;
mod secrets;
mod settings;
mod state;
mod tokens;

use std::path::Path;
use std::time::Duration;

use corral_storage::StorageError;

use crate::database::Database;
use crate::logs::DayFiles;
pub use crate::logs::{LogDamage, LogFileReport, check_log_file, log_files};

/// How long a statement waits for another process to release its lock, unless told otherwise.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// What may differ between one use and another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SqliteOptions {
    /// No file grows beyond this many pages of 4 KiB; a write that would need more is refused like one on a full disk.
    /// None: only the disk is a limit.
    pub max_pages: Option<u32>,
    /// How long a write waits for another process that holds the database, before it fails as busy.
    pub busy_timeout: Duration,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self { max_pages: None, busy_timeout: BUSY_TIMEOUT }
    }
}

/// The stores over SQLite. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    state: Database,
    days: DayFiles,
}

impl SqliteStore {
    /// Opens the databases below `data_dir`, making the folder and migrating `state.db` where needed.
    pub async fn open(data_dir: &Path, options: SqliteOptions) -> Result<Self, StorageError> {
        let logs_dir = data_dir.join("logs");
        make_folder(&logs_dir).await?;
        let state = Database::open(&data_dir.join("state.db"), migrate::Schema::State, options).await?;
        Ok(Self { state, days: DayFiles::new(logs_dir, options) })
    }

    /// Closes all files, which folds the write-ahead logs back into them. Not needed for durability.
    pub async fn close(&self) {
        self.days.close().await;
        self.state.close().await;
    }
}

async fn make_folder(path: &Path) -> Result<(), StorageError> {
    let mut builder = tokio::fs::DirBuilder::new();
    builder.recursive(true);
    // Commands and output are nobody else's business.
    #[cfg(unix)]
    builder.mode(0o700);
    builder.create(path).await.map_err(|error| error::cannot_make(path, error))
}
