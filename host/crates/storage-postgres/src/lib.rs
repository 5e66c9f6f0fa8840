//! The stores over PostgreSQL. SQL for PostgreSQL belongs here and nowhere else.
//!
//! Not built yet: the traits of `corral-storage` are made so that this is a second implementation and not a rewrite.
//! Until it is, [`open`] tells whoever configured a PostgreSQL address so, instead of a puzzling failure later.

use corral_storage::StorageError;

/// Whether the address is one of PostgreSQL.
pub fn is_postgres_url(url: &str) -> bool {
    url.starts_with("postgres://") || url.starts_with("postgresql://")
}

/// Always [`StorageError::Unsupported`], with what to do instead.
pub fn open(_url: &str) -> Result<std::convert::Infallible, StorageError> {
    Err(StorageError::Unsupported(
        "PostgreSQL is not supported by this version; leave `database` out to use SQLite in the data folder".to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_postgres_address_is_recognised_and_answered_with_what_to_do() {
        assert!(is_postgres_url("postgresql://db/corral"));
        assert!(!is_postgres_url("/var/lib/corral"));
        let error = open("postgres://db/corral").map(|_| ()).unwrap_err();
        assert!(error.to_string().contains("SQLite"));
    }
}
