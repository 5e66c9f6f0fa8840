//! The audit log of a host. The API gives none, so its rows are read where they are kept.

use anyhow::Result;
use corral_tests::host::Site;
use sqlx::{ConnectOptions, Row};

/// Who, what, about which object, with which detail.
pub type AuditRow = [String; 4];

/// The rows about actions whose names begin so, in their order.
pub async fn rows(site: &Site, action: &str) -> Result<Vec<AuditRow>> {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(site.data().join("state.db"));
    let mut connection = options.disable_statement_logging().connect().await?;
    let query = "SELECT actor, action, object, detail FROM audit WHERE instr(action, ?) = 1 ORDER BY id";
    let found = sqlx::query(query).bind(action).fetch_all(&mut connection).await?;
    sqlx::Connection::close(connection).await?;
    found.iter().map(|row| Ok([row.try_get(0)?, row.try_get(1)?, row.try_get(2)?, row.try_get(3)?])).collect()
}
