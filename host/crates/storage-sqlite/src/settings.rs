//! Settings that differ from their defaults.

use corral_storage::StorageError;
use sqlx::SqliteConnection;

use crate::error::parse;

/// All of them, as they are stored.
pub async fn read(conn: &mut SqliteConnection) -> sqlx::Result<Vec<(String, String)>> {
    let rows = sqlx::query!("SELECT key, value FROM setting ORDER BY key").fetch_all(conn).await?;
    Ok(rows.into_iter().map(|row| (row.key, row.value)).collect())
}

/// Their values.
pub fn parsed<C: FromIterator<(String, serde_json::Value)>>(rows: Vec<(String, String)>) -> Result<C, StorageError> {
    rows.into_iter().map(|(key, value)| Ok((key, parse("setting", &value)?))).collect()
}
