//! Secrets as they pass through the engine: a text that does not show itself, and why one cannot be had.

use std::fmt;

use corral_domain::Timestamp;
use corral_storage::StorageError;
use zeroize::Zeroizing;

/// A password or passphrase. Never shown by `Debug`, and overwritten when it is dropped.
#[derive(Clone)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// Takes over a text.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself. Copies that are made of it are not overwritten.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(…)")
    }
}

/// What may be told of a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretInfo {
    /// By which it is asked for.
    pub name: String,
    /// When it was first set.
    pub created_at: Timestamp,
    /// When its value was last set.
    pub updated_at: Timestamp,
}

/// Why a secret cannot be read or kept. Never holds a value.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The key that secrets are sealed with is missing, is another one, or may be read by others. Says what to do.
    #[error("{0}")]
    Key(String),
    /// What is stored is not what was sealed.
    #[error("{0}")]
    Damaged(String),
    /// The store could not do its part.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show_itself() {
        let secret = SecretText::new("hunter2".to_owned());
        assert_eq!(secret.expose(), "hunter2");
        assert_eq!(format!("{secret:?} {:#?}", Some(&secret)).matches("hunter2").count(), 0);
    }
}
