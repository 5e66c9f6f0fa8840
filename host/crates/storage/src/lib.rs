//! What Corral needs of a database: the stores' traits, paging, errors; the codec of log chunks ([`chunk`]); and the
//! conformance tests that every implementation passes ([`conformance`]).
//!
//! Invariants every store keeps:
//! - [`StateStore::commit`] is one transaction: all of it is durable when it returns, or nothing of it is.
//! - [`LogStore::append`] is one transaction per log file; a line that it acknowledged is never lost and never served
//!   twice. The recorded end of a log is never ahead of its durable chunks.
//! - "Not found" is `Ok(None)`. An error means that the store could not answer.
//!
//! This crate must not know: SQL, SSH, HTTP, plugins.

pub mod chunk;
pub mod conformance;
mod error;
mod logs;
mod secrets;
mod state;

pub use error::StorageError;
pub use logs::{LogAppend, LogEnd, LogFile, LogStore, StoredChunk};
pub use secrets::{SecretRow, SecretStore};
pub use state::{
    Audit, Commit, EventPage, IDEMPOTENCY_KEPT, IDEMPOTENCY_KEYS_MAX, IdempotencyKey, JobFilter, JobPage, JobTally,
    Loaded, StateStore, TokenRow, TokenStore, Write,
};
