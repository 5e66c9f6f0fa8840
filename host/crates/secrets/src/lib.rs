//! Passwords and passphrases, sealed: envelope encryption over a [`SecretStore`](corral_storage::SecretStore).
//!
//! Each value is sealed with a key of its own (XChaCha20-Poly1305), and that key with the master key; both seals are bound
//! to the secret's name, so that a row copied to another name opens no more than a forged one.
//!
//! Invariants kept here:
//! - The store never sees a value or a key. Values are in memory only while they are used, and overwritten afterwards.
//! - A master key is made only where nothing was sealed yet. A lost key is told as lost, never replaced in silence.
//! - A key file that others may read is not used.
//!
//! This crate must not know: SQL, SSH, HTTP.

mod key;
mod seal;
mod vault;

pub use key::KeyPlace;
pub use vault::Vault;
