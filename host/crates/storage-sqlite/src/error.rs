//! What SQLite says, in the words of the stores.

use std::io;
use std::path::Path;

use corral_storage::StorageError;

// Result codes of SQLite, https://www.sqlite.org/rescode.html. The lowest byte is the primary code.
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const NOT_A_DATABASE: i32 = 26;
const IO_WRITE: i32 = 778;
const IO_SHM_SIZE: i32 = 4874;

/// Turns an error of sqlx into one of the stores.
pub(crate) fn from_sqlx(path: &Path, doing: &'static str, error: sqlx::Error) -> StorageError {
    let place = path.display();
    match &error {
        sqlx::Error::PoolTimedOut => {
            StorageError::Busy(format!("{place} did not answer in time while {doing}; too much is asked of it at once"))
        }
        sqlx::Error::Io(source) if source.kind() == io::ErrorKind::StorageFull => {
            StorageError::Full(format!("{place}: {source}"))
        }
        sqlx::Error::Database(said) => {
            let code = said.code().and_then(|code| code.parse::<i32>().ok()).unwrap_or(0);
            match (code, code & 0xff) {
                (FULL | IO_WRITE | IO_SHM_SIZE, _) => {
                    StorageError::Full(format!("{place} cannot grow ({})", said.message()))
                }
                (_, BUSY | LOCKED) => StorageError::Busy(format!(
                    "{place} is locked by another process ({}); is a second host running on this data folder, or a backup?",
                    said.message()
                )),
                (_, NOT_A_DATABASE) => StorageError::Corrupt(format!(
                    "{place} is not a SQLite database; move it away to start with an empty one, or restore a backup"
                )),
                (_, CORRUPT) => StorageError::Corrupt(format!(
                    "{place}: {} while {doing}; restore a backup, or try `sqlite3 FILE .recover`",
                    said.message()
                )),
                _ => other(path, doing, error),
            }
        }
        _ => other(path, doing, error),
    }
}

fn other(path: &Path, doing: &'static str, source: sqlx::Error) -> StorageError {
    StorageError::Database { doing, source: Box::new(AtPath { path: path.display().to_string(), source }) }
}

#[derive(Debug, thiserror::Error)]
#[error("{path}: {source}")]
struct AtPath {
    path: String,
    source: sqlx::Error,
}

/// A file or folder that the file system does not let be.
pub(crate) fn cannot_make(path: &Path, source: io::Error) -> StorageError {
    if source.kind() == io::ErrorKind::StorageFull {
        return StorageError::Full(format!("{} cannot be made ({source})", path.display()));
    }
    let path = path.display().to_string();
    StorageError::Database { doing: "making the data folder", source: Box::new(CannotMake { path, source }) }
}

#[derive(Debug, thiserror::Error)]
#[error("{path} cannot be made: {source}; name another data folder, or let this account write there")]
struct CannotMake {
    path: String,
    source: io::Error,
}

/// An error that no database made: what was asked disagrees with what is stored.
pub(crate) fn refused(doing: &'static str, why: String) -> StorageError {
    StorageError::Database { doing, source: why.into() }
}

/// Reads a stored object. One that cannot be read is damage, or the work of a newer version.
pub(crate) fn parse<T: serde::de::DeserializeOwned>(what: &str, body: &str) -> Result<T, StorageError> {
    serde_json::from_str(body).map_err(|error| StorageError::Corrupt(format!("stored {what}: {error}")))
}

/// Reads several stored JSONs.
pub(crate) fn parse_all<T: serde::de::DeserializeOwned>(what: &str, bodies: &[String]) -> Result<Vec<T>, StorageError> {
    bodies.iter().map(|body| parse(what, body)).collect()
}

/// Writes an object for storing.
pub(crate) fn to_json<T: serde::Serialize>(doing: &'static str, value: &T) -> Result<String, StorageError> {
    serde_json::to_string(value).map_err(|error| StorageError::Database { doing, source: Box::new(error) })
}
