//! The descriptions in `.sqlx`, by which the crate compiles without a database, against the migrations as they are.

use std::path::Path;

use corral_storage::conformance::sample::{self, NOON};
use corral_storage::{LogStore, StateStore, TokenStore};
use corral_storage_sqlite::{SqliteOptions, SqliteStore};
use sqlx::{Connection, Row, SqliteConnection};

/// Small tables, of which walking all rows is the right thing, and the rows that come with a statement.
const WALKED: [&str; 8] = ["vm", "vm_facts", "saved_template", "setting", "meta", "token", "secret", "json_each"];

fn described() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(".sqlx");
    let mut queries = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let json: serde_json::Value = serde_json::from_slice(&std::fs::read(entry.unwrap().path()).unwrap()).unwrap();
        queries.push(json["query"].as_str().unwrap().to_owned());
    }
    assert!(queries.len() > 20, "the descriptions are there");
    queries.sort();
    queries
}

async fn databases(dir: &Path) -> [SqliteConnection; 2] {
    let store = SqliteStore::open(dir, SqliteOptions::default()).await.unwrap();
    let key = corral_domain::TaskKey { job: sample::job_id(NOON, 1), vm: sample::vm_id(1) };
    store.append(&[sample::chunk_of(key, (0, 0), &sample::lines(0, 1))]).await.unwrap();
    assert_eq!((store.load().await.unwrap().seq, store.tokens("api").await.unwrap().len()), (0, 0));
    let day = dir.join("logs").join(format!("{}.db", &NOON.to_string()[..10]));
    let open = async |path: &Path| SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    [open(&dir.join("state.db")).await, open(&day).await]
}

/// How SQLite would go about it; an error if neither schema has what the query names.
async fn plan(databases: &mut [SqliteConnection; 2], query: &str) -> Result<Vec<String>, sqlx::Error> {
    let mut last = sqlx::Error::RowNotFound;
    for conn in databases {
        let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {query}"));
        match sqlx::raw_sql(explain).fetch_all(conn).await {
            Ok(rows) => return rows.iter().map(|row| row.try_get("detail")).collect(),
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[tokio::test]
async fn every_query_fits_the_schema_and_none_walks_a_table_that_grows() {
    let dir = tempfile::tempdir().unwrap();
    let mut databases = databases(dir.path()).await;
    for query in described() {
        let steps = plan(&mut databases, &query).await.unwrap_or_else(|error| {
            panic!("`{query}` does not fit the migrations ({error}); run host/crates/storage-sqlite/prepare.sh")
        });
        for step in steps {
            let walked = step.strip_prefix("SCAN ").map(|rest| rest.split(' ').next().unwrap_or(""));
            let harmless = walked.is_none_or(|table| WALKED.contains(&table) || table == "CONSTANT");
            assert!(harmless, "`{query}`\ndoes: {step}");
            let sorted = step.contains("TEMP B-TREE") && query.contains("LIMIT");
            assert!(!sorted, "`{query}`\nsorts everything to give a page: {step}");
        }
    }
}
