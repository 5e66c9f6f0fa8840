//! The store of secrets. It keeps them sealed and cannot open them.

use async_trait::async_trait;
use corral_domain::Timestamp;

use crate::{Audit, StorageError};

/// A secret as it is stored.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretRow {
    /// By which it is asked for.
    pub name: String,
    /// Which master key sealed it.
    pub key_mark: String,
    /// Its value, sealed.
    pub sealed: Vec<u8>,
    /// When it was first set.
    pub created_at: Timestamp,
    /// When its value was last set.
    pub updated_at: Timestamp,
}

impl std::fmt::Debug for SecretRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SecretRow").field("name", &self.name).field("key_mark", &self.key_mark).finish_non_exhaustive()
    }
}

/// Keeps secrets. Apart from the state: they are in no event, no snapshot and no memory.
#[async_trait]
pub trait SecretStore: Send + Sync {
    /// Inserts one, or replaces its value; the time of its making stays. The audit row is in the same transaction.
    async fn put_secret(&self, secret: &SecretRow, audit: &Audit) -> Result<(), StorageError>;
    /// One.
    async fn secret(&self, name: &str) -> Result<Option<SecretRow>, StorageError>;
    /// All, by name.
    async fn secrets(&self) -> Result<Vec<SecretRow>, StorageError>;
    /// Removes one, with the audit row in the same transaction; false if it was not there, and then nothing is written.
    async fn remove_secret(&self, name: &str, audit: &Audit) -> Result<bool, StorageError>;
}
