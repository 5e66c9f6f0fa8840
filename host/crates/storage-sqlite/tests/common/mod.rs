//! What the tests of files share.

use std::path::Path;

use corral_domain::TaskKey;
use corral_storage::StorageError;
use corral_storage::conformance::sample::{self, NOON};
use corral_storage_sqlite::{SqliteOptions, SqliteStore};
use sqlx::{Connection, SqliteConnection};

/// Opens the stores of a folder as a host does.
pub async fn open(dir: &Path) -> Result<SqliteStore, StorageError> {
    SqliteStore::open(dir, SqliteOptions::default()).await
}

/// Another program at an existing database.
pub async fn raw(path: &Path) -> SqliteConnection {
    SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap()
}

/// A task of a job made at noon.
pub fn key() -> TaskKey {
    TaskKey { job: sample::job_id(NOON, 1), vm: sample::vm_id(1) }
}

/// The file with the log of that task.
pub fn day_file(dir: &Path) -> std::path::PathBuf {
    dir.join("logs").join(format!("{}.db", &NOON.to_string()[..10]))
}
