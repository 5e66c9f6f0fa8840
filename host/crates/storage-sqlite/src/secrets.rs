//! Secrets, as they were sealed.

use async_trait::async_trait;
use corral_domain::Timestamp;
use corral_storage::{Audit, SecretRow, SecretStore, StorageError};
use sqlx::Connection as _;

use crate::SqliteStore;
use crate::state::insert_audit;

#[async_trait]
impl SecretStore for SqliteStore {
    async fn put_secret(&self, secret: &SecretRow, audit: &Audit) -> Result<(), StorageError> {
        let doing = "storing a secret";
        let (created, updated) = (secret.created_at.as_millis(), secret.updated_at.as_millis());
        let mut conn = self.state.writer(doing).await?;
        let result = async {
            let mut tx = conn.begin_with("BEGIN IMMEDIATE").await?;
            sqlx::query!(
                "INSERT INTO secret (name, key_mark, sealed, created_at, updated_at) VALUES (?, ?, ?, ?, ?)
                 ON CONFLICT (name) DO UPDATE
                 SET key_mark = excluded.key_mark, sealed = excluded.sealed, updated_at = excluded.updated_at",
                secret.name,
                secret.key_mark,
                secret.sealed,
                created,
                updated
            )
            .execute(&mut *tx)
            .await?;
            insert_audit(&mut tx, audit).await?;
            tx.commit().await
        };
        let result = result.await.map_err(|error| self.state.fail(doing, error));
        self.state.settle(conn, result).await
    }

    async fn secret(&self, name: &str) -> Result<Option<SecretRow>, StorageError> {
        let row = sqlx::query_as!(Row, "SELECT * FROM secret WHERE name = ?", name)
            .fetch_optional(self.state.readers())
            .await
            .map_err(|error| self.state.fail("reading a secret", error))?;
        Ok(row.map(SecretRow::from))
    }

    async fn secrets(&self) -> Result<Vec<SecretRow>, StorageError> {
        let rows = sqlx::query_as!(Row, "SELECT * FROM secret ORDER BY name")
            .fetch_all(self.state.readers())
            .await
            .map_err(|error| self.state.fail("listing secrets", error))?;
        Ok(rows.into_iter().map(SecretRow::from).collect())
    }

    async fn remove_secret(&self, name: &str, audit: &Audit) -> Result<bool, StorageError> {
        let doing = "removing a secret";
        let mut conn = self.state.writer(doing).await?;
        let result = async {
            let mut tx = conn.begin_with("BEGIN IMMEDIATE").await?;
            let done = sqlx::query!("DELETE FROM secret WHERE name = ?", name).execute(&mut *tx).await?;
            let removed = done.rows_affected() == 1;
            if removed {
                insert_audit(&mut tx, audit).await?;
            }
            tx.commit().await.map(|()| removed)
        };
        let result = result.await.map_err(|error| self.state.fail(doing, error));
        self.state.settle(conn, result).await
    }
}

struct Row {
    name: String,
    key_mark: String,
    sealed: Vec<u8>,
    created_at: i64,
    updated_at: i64,
}

impl From<Row> for SecretRow {
    fn from(row: Row) -> Self {
        Self {
            name: row.name,
            key_mark: row.key_mark,
            sealed: row.sealed,
            created_at: Timestamp::from_millis(row.created_at),
            updated_at: Timestamp::from_millis(row.updated_at),
        }
    }
}
