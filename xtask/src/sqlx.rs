//! Descriptions of the host's SQL queries, against which they are checked without a database.

use crate::shell::{Result, program, run, timed};

/// Describes all queries anew.
pub fn prepare() -> Result {
    timed("descriptions of SQL queries", || run(&mut program("sh", &["host/crates/storage-sqlite/prepare.sh"])))
}
