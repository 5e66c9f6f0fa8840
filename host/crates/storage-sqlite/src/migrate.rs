//! Brings a database up to the schema that this program knows, and refuses those it does not know.

use std::path::Path;

use corral_storage::StorageError;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::{Connection, SqliteConnection};

use crate::error::{from_sqlx, refused};

static STATE: Migrator = sqlx::migrate!("../../../migrations/sqlite/state");
static LOGS: Migrator = sqlx::migrate!("../../../migrations/sqlite/logs");

const APPLICATION_ID: i64 = 0x436F_7272;
const DOING: &str = "migrating";

/// Which of the schemas a file has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Schema {
    State,
    Logs,
}

impl Schema {
    fn migrator(self) -> &'static Migrator {
        match self {
            Self::State => &STATE,
            Self::Logs => &LOGS,
        }
    }

    fn newest(self) -> i64 {
        self.migrator().iter().map(|migration| migration.version).max().unwrap_or(0)
    }
}

/// Migrates the database behind `conn` if it is older than this program.
pub(crate) async fn migrate(conn: &mut SqliteConnection, path: &Path, schema: Schema) -> Result<(), StorageError> {
    // Looked at without a lock first: beside a running host there is nothing to migrate and nothing to wait for.
    if version(conn, path).await?.is_some_and(|found| found == schema.newest()) {
        return Ok(());
    }
    // One process migrates; another that came at the same time waits here and then finds it done.
    let mut tx = conn.begin_with("BEGIN IMMEDIATE").await.map_err(|error| from_sqlx(path, DOING, error))?;
    let found = version(&mut tx, path).await?;
    let known = schema.newest();
    if let Some(found) = found.filter(|found| *found > known) {
        return Err(StorageError::Newer { path: path.display().to_string(), found, known });
    }
    schema.migrator().run_direct(None, &mut *tx, false).await.map_err(|error| explain(path, error))?;
    tx.commit().await.map_err(|error| from_sqlx(path, DOING, error))?;
    if let Some(found) = found.filter(|found| *found < known) {
        tracing::info!(path = %path.display(), from = found, to = known, "migrated");
    }
    Ok(())
}

/// The version that a database has; none if it is empty.
async fn version(conn: &mut SqliteConnection, path: &Path) -> Result<Option<i64>, StorageError> {
    let fail = |error| from_sqlx(path, "reading the schema version", error);
    let tables: i64 =
        sqlx::query_scalar("SELECT count(*) FROM sqlite_schema").fetch_one(&mut *conn).await.map_err(fail)?;
    if tables == 0 {
        return Ok(None);
    }
    let application: i64 = sqlx::query_scalar("PRAGMA application_id").fetch_one(&mut *conn).await.map_err(fail)?;
    if application != APPLICATION_ID {
        return Err(StorageError::Unsupported(format!(
            "{} is a database of another program; name another data folder",
            path.display()
        )));
    }
    sqlx::query_scalar("SELECT max(version) FROM _sqlx_migrations").fetch_one(conn).await.map_err(fail)
}

fn explain(path: &Path, error: MigrateError) -> StorageError {
    match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => from_sqlx(path, DOING, error),
        MigrateError::VersionMismatch(version) => StorageError::Unsupported(format!(
            "{}: its schema version {version} is not the one that this program knows by that number; it was made by a \
             version that was never released; move it away to start with an empty one",
            path.display()
        )),
        other => refused(DOING, format!("{}: {other}", path.display())),
    }
}
