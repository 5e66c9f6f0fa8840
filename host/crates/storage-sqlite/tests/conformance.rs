//! The suite that every store passes, over files in a temporary folder.

use corral_storage_sqlite::{SqliteOptions, SqliteStore};
use tempfile::TempDir;

async fn open() -> (SqliteStore, TempDir) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let store = SqliteStore::open(dir.path(), SqliteOptions::default()).await.expect("an empty folder opens");
    (store, dir)
}

corral_storage::conformance_tests!(open);
