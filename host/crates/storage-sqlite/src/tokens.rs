//! Tokens. They change from two processes: the host and the command line beside it.

use async_trait::async_trait;
use corral_domain::Timestamp;
use corral_storage::{StorageError, TokenRow, TokenStore};

use crate::SqliteStore;

#[async_trait]
impl TokenStore for SqliteStore {
    async fn insert_token(&self, token: &TokenRow) -> Result<(), StorageError> {
        let doing = "storing a token";
        let (created, expires) = (token.created_at.as_millis(), token.expires_at.map(Timestamp::as_millis));
        let mut conn = self.state.writer(doing).await?;
        let result = sqlx::query!(
            "INSERT INTO token (hash, kind, name, role, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)",
            token.hash,
            token.kind,
            token.name,
            token.role,
            created,
            expires
        )
        .execute(&mut *conn)
        .await
        .map(drop)
        .map_err(|error| self.state.fail(doing, error));
        self.state.settle(conn, result).await
    }

    async fn token(&self, hash: &str) -> Result<Option<TokenRow>, StorageError> {
        let row = sqlx::query_as!(Row, "SELECT * FROM token WHERE hash = ?", hash)
            .fetch_optional(self.state.readers())
            .await
            .map_err(|error| self.state.fail("reading a token", error))?;
        Ok(row.map(TokenRow::from))
    }

    async fn remove_token(&self, hash: &str) -> Result<bool, StorageError> {
        let doing = "removing a token";
        let mut conn = self.state.writer(doing).await?;
        let result = sqlx::query!("DELETE FROM token WHERE hash = ?", hash)
            .execute(&mut *conn)
            .await
            .map(|done| done.rows_affected() == 1)
            .map_err(|error| self.state.fail(doing, error));
        self.state.settle(conn, result).await
    }

    async fn tokens(&self, kind: &str) -> Result<Vec<TokenRow>, StorageError> {
        let rows = sqlx::query_as!(Row, "SELECT * FROM token WHERE kind = ? ORDER BY created_at, hash", kind)
            .fetch_all(self.state.readers())
            .await
            .map_err(|error| self.state.fail("listing tokens", error))?;
        Ok(rows.into_iter().map(TokenRow::from).collect())
    }

    async fn remove_expired(&self, now: Timestamp) -> Result<u64, StorageError> {
        let doing = "removing expired tokens";
        let now = now.as_millis();
        let mut conn = self.state.writer(doing).await?;
        let result = sqlx::query!("DELETE FROM token WHERE expires_at < ?", now)
            .execute(&mut *conn)
            .await
            .map(|done| done.rows_affected())
            .map_err(|error| self.state.fail(doing, error));
        self.state.settle(conn, result).await
    }
}

struct Row {
    hash: String,
    kind: String,
    name: String,
    role: String,
    created_at: i64,
    expires_at: Option<i64>,
}

impl From<Row> for TokenRow {
    fn from(row: Row) -> Self {
        Self {
            hash: row.hash,
            kind: row.kind,
            name: row.name,
            role: row.role,
            created_at: Timestamp::from_millis(row.created_at),
            expires_at: row.expires_at.map(Timestamp::from_millis),
        }
    }
}
