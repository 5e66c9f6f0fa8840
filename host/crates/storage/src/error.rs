//! What can go wrong in a store.

/// A store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// No room on the disk. Nothing was written; the same call may succeed once there is room.
    #[error("the disk is full: {0}; make room, nothing that was acknowledged is lost")]
    Full(String),
    /// Another process holds the database.
    #[error("{0}")]
    Busy(String),
    /// The database was written by a newer version.
    #[error(
        "the database at {path} has schema version {found}, this program knows up to {known}; run the newer version, or restore a backup made before it"
    )]
    Newer {
        /// Where it is.
        path: String,
        /// Its version.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// Stored bytes are damaged.
    #[error("damaged: {0}")]
    Corrupt(String),
    /// This kind of database cannot be used.
    #[error("{0}")]
    Unsupported(String),
    /// Anything else that the database said.
    #[error("the database failed while {doing}")]
    Database {
        /// What was being done.
        doing: &'static str,
        /// What it said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
