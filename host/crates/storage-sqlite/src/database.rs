//! One file of SQLite: a writing connection, a few reading ones, and the care of its write-ahead log.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use corral_storage::StorageError;
use sqlx::pool::PoolConnection;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection, Sqlite, SqliteConnection};

use crate::SqliteOptions;
use crate::error::{cannot_make, from_sqlx};
use crate::migrate::{self, Schema};

/// How long a caller waits for its turn at the connections of this process.
const TURN_TIMEOUT: Duration = Duration::from_secs(30);
/// Reading connections of one file.
const READERS_MAX: u32 = 4;
/// Readers, and the writer of a log file, that nobody used for so long are closed; each costs a thread and its cache.
const IDLE_TIMEOUT: Duration = Duration::from_mins(1);
/// Page cache of a connection of the state database and of a log file, in KiB. A log's chunks are read once.
const CACHE_STATE_KIB: u32 = 2048;
const CACHE_LOGS_KIB: u32 = 256;
/// SQLite folds its write-ahead log into the file when it has so many pages (of 4 KiB): 8 MiB.
const AUTOCHECKPOINT_PAGES: u32 = 2048;
/// A write-ahead log that grew beyond this, because readers kept it from starting over, is cut by force.
const WAL_MAX: u64 = 64 * 1024 * 1024;
/// How long the writer waits for readers when it cuts.
const CUT_TIMEOUT: Duration = Duration::from_millis(200);
/// What a write-ahead log keeps of its size when it starts over.
const WAL_KEPT: u64 = 16 * 1024 * 1024;

/// One open file.
#[derive(Debug, Clone)]
pub(crate) struct Database {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    wal: PathBuf,
    writer: SqlitePool,
    readers: SqlitePool,
    busy_timeout: Duration,
    /// Size of the write-ahead log at which it is cut next.
    cut_at: AtomicU64,
}

impl Database {
    /// Opens or makes a file and migrates it.
    pub(crate) async fn open(path: &Path, schema: Schema, options: SqliteOptions) -> Result<Self, StorageError> {
        make_file(path).await?;
        let connect = connect_options(path, schema, options);
        let fail = |error| from_sqlx(path, "opening the database", error);
        let mut first = SqliteConnection::connect_with(&connect).await.map_err(fail)?;
        let migrated = migrate::migrate(&mut first, path, schema).await;
        // Closing can only fail in ways that say nothing of what was migrated.
        let _ = first.close().await;
        migrated?;
        let pool = |max| SqlitePoolOptions::new().max_connections(max).acquire_timeout(TURN_TIMEOUT).max_lifetime(None);
        let idle = (schema == Schema::Logs).then_some(IDLE_TIMEOUT);
        let writer = pool(1).test_before_acquire(false).idle_timeout(idle).connect_lazy_with(connect.clone());
        let readers =
            pool(READERS_MAX).idle_timeout(IDLE_TIMEOUT).connect_lazy_with(connect.pragma("query_only", "ON"));
        let mut wal = path.as_os_str().to_owned();
        wal.push("-wal");
        let inner = Inner {
            path: path.to_owned(),
            wal: wal.into(),
            writer,
            readers,
            busy_timeout: options.busy_timeout,
            cut_at: AtomicU64::new(WAL_MAX),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The connections for reading.
    pub(crate) fn readers(&self) -> &SqlitePool {
        &self.inner.readers
    }

    /// Waits for the writing connection. Give it back with [`Self::settle`].
    pub(crate) async fn writer(&self, doing: &'static str) -> Result<PoolConnection<Sqlite>, StorageError> {
        self.inner.writer.acquire().await.map_err(|error| self.fail(doing, error))
    }

    /// Ends the use of the writing connection. After a failure it is closed: SQLite may have rolled back by itself (a
    /// full disk does that), of which the connection's own account of open transactions knows nothing.
    pub(crate) async fn settle<T>(
        &self,
        mut conn: PoolConnection<Sqlite>,
        result: Result<T, StorageError>,
    ) -> Result<T, StorageError> {
        match result {
            Ok(value) => {
                self.tend_wal(&mut conn).await;
                Ok(value)
            }
            Err(error) => {
                if let Err(closing) = conn.close().await {
                    tracing::debug!(path = %self.inner.path.display(), %closing, "closing after a failed write");
                }
                Err(error)
            }
        }
    }

    /// An error of this file.
    pub(crate) fn fail(&self, doing: &'static str, error: sqlx::Error) -> StorageError {
        from_sqlx(&self.inner.path, doing, error)
    }

    /// Closes all connections, once they are given back.
    pub(crate) async fn close(&self) {
        self.inner.readers.close().await;
        self.inner.writer.close().await;
    }

    /// Readers that overlap without end keep SQLite from starting its write-ahead log over, which then grows without
    /// end. Once it is too large, the writer waits for the readers of the moment and cuts it.
    async fn tend_wal(&self, conn: &mut SqliteConnection) {
        let Ok(size) = tokio::fs::metadata(&self.inner.wal).await.map(|found| found.len()) else { return };
        if size < self.inner.cut_at.load(Ordering::Relaxed) {
            return;
        }
        let cut = self.cut_wal(conn).await;
        // Where it did not succeed, it is tried again only after as much growth: never a stall per write.
        let next = if matches!(cut, Ok(0)) { WAL_MAX } else { size + WAL_MAX };
        self.inner.cut_at.store(next, Ordering::Relaxed);
        tracing::debug!(path = %self.inner.path.display(), size, ?cut, "cut the write-ahead log");
    }

    /// Answers 0 if it was cut, 1 if a reader was in the way for too long.
    async fn cut_wal(&self, conn: &mut SqliteConnection) -> sqlx::Result<i64> {
        wait_at_most(conn, CUT_TIMEOUT).await?;
        let cut = sqlx::query_scalar("PRAGMA wal_checkpoint(TRUNCATE)").fetch_one(&mut *conn).await;
        wait_at_most(conn, self.inner.busy_timeout).await?;
        cut
    }
}

async fn wait_at_most(conn: &mut SqliteConnection, time: Duration) -> sqlx::Result<()> {
    let pragma = format!("PRAGMA busy_timeout = {}", time.as_millis());
    sqlx::query(sqlx::AssertSqlSafe(pragma)).execute(conn).await.map(drop)
}

/// Makes the file, if it is not there, so that only its owner can read it. SQLite takes an empty file for an empty
/// database and gives the files that it makes beside it the same permissions.
async fn make_file(path: &Path) -> Result<(), StorageError> {
    let mut options = tokio::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    options.mode(0o600);
    match options.open(path).await {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(cannot_make(path, error)),
        _ => Ok(()),
    }
}

fn connect_options(path: &Path, schema: Schema, options: SqliteOptions) -> SqliteConnectOptions {
    let cache = if schema == Schema::State { CACHE_STATE_KIB } else { CACHE_LOGS_KIB };
    let connect = SqliteConnectOptions::new()
        .filename(path)
        .busy_timeout(options.busy_timeout)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .pragma("cache_size", format!("-{cache}"))
        .pragma("wal_autocheckpoint", AUTOCHECKPOINT_PAGES.to_string())
        .pragma("journal_size_limit", WAL_KEPT.to_string());
    match options.max_pages {
        Some(pages) => connect.pragma("max_page_count", pages.to_string()),
        None => connect,
    }
}
