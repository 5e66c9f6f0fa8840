//! What the files make of the stores' promises: other versions, other programs, a second process, a crash, damage.

mod common;

use std::path::Path;
use std::time::Duration;

use corral_domain::{TaskKey, TaskStatus};
use corral_storage::conformance::sample::{self, NOON};
use corral_storage::{Commit, JobFilter, LogAppend, LogStore, StateStore, StorageError, TokenRow, TokenStore, chunk};
use corral_storage_sqlite::{SqliteOptions, SqliteStore};
use sqlx::{Connection, SqliteConnection};

use crate::common::{day_file, key, open, raw};

fn token(hash: &str) -> TokenRow {
    TokenRow {
        hash: hash.into(),
        kind: "api".into(),
        name: "ci".into(),
        role: "admin".into(),
        created_at: NOON,
        expires_at: None,
    }
}

/// All that an error says, as a person sees it.
fn text(error: &StorageError) -> String {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    open(dir.path()).await.unwrap().close().await;
    let path = dir.path().join("state.db");
    let mut conn = raw(&path).await;
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (9999, 'later', TRUE, x'00', 0)",
    )
    .execute(&mut conn)
    .await
    .unwrap();
    conn.close().await.unwrap();
    let before = std::fs::read(&path).unwrap();
    let error = open(dir.path()).await.unwrap_err();
    assert!(matches!(error, StorageError::Newer { found: 9999, .. }), "{error:?}");
    assert!(text(&error).contains("state.db") && text(&error).contains("run the newer version"), "{}", text(&error));
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("state.db");
    let text_file = "these are notes, not a database\n".repeat(200);
    std::fs::write(&path, &text_file).unwrap();
    let error = open(dir.path()).await.unwrap_err();
    assert!(matches!(error, StorageError::Corrupt(_)), "{error:?}");
    assert!(text(&error).contains("state.db is not a SQLite database"), "{}", text(&error));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text_file);
}

#[tokio::test]
async fn a_database_of_another_program_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let mut conn = raw_new(&dir.path().join("state.db")).await;
    sqlx::query("CREATE TABLE bookmarks (url TEXT)").execute(&mut conn).await.unwrap();
    conn.close().await.unwrap();
    let error = open(dir.path()).await.unwrap_err();
    assert!(matches!(error, StorageError::Unsupported(_)), "{error:?}");
    assert!(text(&error).contains("another program"), "{}", text(&error));
}

async fn raw_new(path: &Path) -> SqliteConnection {
    SqliteConnection::connect(&format!("sqlite://{}?mode=rwc", path.display())).await.unwrap()
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("a-file");
    std::fs::write(&file, "").unwrap();
    let error = open(&file.join("data")).await.unwrap_err();
    assert!(text(&error).contains("a-file/data") && text(&error).contains("cannot be made"), "{}", text(&error));
}

#[tokio::test]
async fn what_was_acknowledged_survives_a_crash() {
    let dir = tempfile::tempdir().unwrap();
    let crashed = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await.unwrap();
    let (job, tasks) = sample::job(key().job, &[key().vm], TaskStatus::Running);
    let writes = sample::put_job(job, tasks);
    store.commit(&Commit { events: vec![sample::event(1)], writes, ..Commit::default() }).await.unwrap();
    let lines = sample::lines(0, 100);
    store.append(&[sample::chunk_of(key(), (0, 0), &lines)]).await.unwrap();

    // What is on disk at this moment is what a killed process leaves; nothing was closed or folded back.
    std::fs::create_dir(crashed.path().join("logs")).unwrap();
    for folder in ["", "logs"] {
        for entry in std::fs::read_dir(dir.path().join(folder)).unwrap() {
            let entry = entry.unwrap();
            // The shared-memory index is rebuilt from the write-ahead log.
            if entry.file_type().unwrap().is_file() && !entry.path().to_string_lossy().ends_with("-shm") {
                std::fs::copy(entry.path(), crashed.path().join(folder).join(entry.file_name())).unwrap();
            }
        }
    }
    let reopened = open(crashed.path()).await.unwrap();
    let (before, after) = (store.load().await.unwrap(), reopened.load().await.unwrap());
    assert_eq!((after.seq, &after.epoch, after.jobs.len()), (1, &before.epoch, 1));
    let chunks = reopened.chunks(key(), 0, 1000, 10).await.unwrap();
    assert_eq!(chunk::decode(&chunks[0].data).unwrap(), lines);
    assert_eq!(reopened.end(key()).await.unwrap().map(|end| end.lines), Some(100));
}

#[tokio::test]
async fn closing_folds_everything_into_the_files() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await.unwrap();
    store.append(&[sample::chunk_of(key(), (0, 0), &sample::lines(0, 10))]).await.unwrap();
    store.commit(&Commit { events: vec![sample::event(1)], ..Commit::default() }).await.unwrap();
    store.close().await;
    let mut left = Vec::new();
    for folder in ["", "logs"] {
        for entry in std::fs::read_dir(dir.path().join(folder)).unwrap() {
            left.push(entry.unwrap().file_name().into_string().unwrap());
        }
    }
    left.sort();
    let day = day_file(dir.path()).file_name().unwrap().to_string_lossy().into_owned();
    assert_eq!(left, [day, "logs".into(), "state.db".into()]);
    assert_eq!(open(dir.path()).await.unwrap().load().await.unwrap().seq, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn several_processes_may_open_an_empty_folder_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let opening = (0..8).map(|_| {
        let path = dir.path().to_owned();
        tokio::spawn(async move { open(&path).await.unwrap().load().await.unwrap().epoch })
    });
    let mut epochs = Vec::new();
    for task in opening.collect::<Vec<_>>() {
        epochs.push(task.await.unwrap());
    }
    epochs.dedup();
    assert_eq!(epochs.len(), 1, "the database was made once: {epochs:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_made_beside_a_busy_host() {
    let dir = tempfile::tempdir().unwrap();
    let host = open(dir.path()).await.unwrap();
    let busy = async {
        for seq in 1..=100 {
            let events = vec![sample::event(seq)];
            host.commit(&Commit { events, ..Commit::default() }).await.unwrap();
        }
    };
    let command_line = async {
        for n in 0..20 {
            let store = open(dir.path()).await.unwrap();
            store.insert_token(&token(&format!("hash-{n}"))).await.unwrap();
            store.close().await;
        }
    };
    tokio::join!(busy, command_line);
    assert_eq!(host.tokens("api").await.unwrap().len(), 20);
    assert_eq!(host.load().await.unwrap().seq, 100);
}

#[tokio::test]
async fn a_database_that_another_process_holds_is_busy() {
    let dir = tempfile::tempdir().unwrap();
    let options = SqliteOptions { busy_timeout: Duration::from_millis(50), ..SqliteOptions::default() };
    let store = SqliteStore::open(dir.path(), options).await.unwrap();
    let mut other = raw(&dir.path().join("state.db")).await;
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let commit = Commit { events: vec![sample::event(1)], ..Commit::default() };
    let error = store.commit(&commit).await.unwrap_err();
    assert!(matches!(error, StorageError::Busy(_)), "{error:?}");
    assert!(text(&error).contains("another process"), "{}", text(&error));
    assert_eq!(store.load().await.unwrap().seq, 0, "reading goes on");
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    store.commit(&commit).await.expect("writing goes on once it is released");
}

#[tokio::test]
async fn a_damaged_chunk_is_served_as_it_is_and_its_neighbours_are_whole() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await.unwrap();
    let mut end = (0, 0);
    for _ in 0..3 {
        let lines = sample::lines(end.0, 10);
        store.append(&[sample::chunk_of(key(), end, &lines)]).await.unwrap();
        end = (end.0 + 10, end.1 + lines.raw_len());
    }
    let mut conn = raw(&day_file(dir.path())).await;
    sqlx::query("UPDATE log_chunk SET data = zeroblob(length(data)) WHERE first_line = 10")
        .execute(&mut conn)
        .await
        .unwrap();
    let chunks = store.chunks(key(), 0, 30, 10).await.unwrap();
    assert_eq!(chunks.len(), 3);
    assert!(matches!(chunk::decode(&chunks[1].data), Err(StorageError::Corrupt(_))));
    assert_eq!(chunk::decode(&chunks[0].data).unwrap(), sample::lines(0, 10));
    assert_eq!(chunk::decode(&chunks[2].data).unwrap(), sample::lines(20, 10));
}

#[tokio::test]
async fn a_damaged_log_file_stops_only_the_logs_of_its_day() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await.unwrap();
    std::fs::write(day_file(dir.path()), "garbage ".repeat(2000)).unwrap();
    assert!(matches!(store.end(key()).await, Err(StorageError::Corrupt(_))));
    let next_day = corral_domain::Timestamp::from_millis(NOON.as_millis() + sample::DAY_MILLIS);
    let tomorrow = TaskKey { job: sample::job_id(next_day, 1), ..key() };
    store.append(&[sample::chunk_of(tomorrow, (0, 0), &sample::lines(0, 1))]).await.unwrap();
    assert!(store.jobs(&JobFilter::default(), 1).await.unwrap().jobs.is_empty());
}

#[tokio::test]
async fn reading_a_log_that_never_was_makes_no_file() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await.unwrap();
    assert_eq!(store.end(key()).await.unwrap(), None);
    assert!(store.chunks(key(), 0, 1, 1).await.unwrap().is_empty());
    store.merge(key()).await.unwrap();
    assert!(!day_file(dir.path()).exists());
}

#[tokio::test]
async fn logs_of_many_days_are_all_within_reach_though_few_files_stay_open() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await.unwrap();
    let key_of = |day: i64| {
        let at = corral_domain::Timestamp::from_millis(NOON.as_millis() + day * sample::DAY_MILLIS);
        TaskKey { job: sample::job_id(at, 1), ..key() }
    };
    let appends: Vec<LogAppend> =
        (0..30).map(|day| sample::chunk_of(key_of(day), (0, 0), &sample::lines(0, 1 + day as u64))).collect();
    store.append(&appends).await.unwrap();
    for day in (0..30).rev() {
        assert_eq!(store.end(key_of(day)).await.unwrap().map(|end| end.lines), Some(1 + day as u64));
    }
    assert_eq!(std::fs::read_dir(dir.path().join("logs")).unwrap().filter(is_database).count(), 30);
}

fn is_database(entry: &std::io::Result<std::fs::DirEntry>) -> bool {
    entry.as_ref().is_ok_and(|entry| entry.path().extension().is_some_and(|extension| extension == "db"))
}

#[tokio::test]
async fn an_audit_row_is_never_changed() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await.unwrap();
    let audit = corral_storage::Audit {
        at: NOON,
        actor: "user:admin".into(),
        action: "login".into(),
        object: String::new(),
        detail: String::new(),
    };
    store.audit(&audit).await.unwrap();
    let mut conn = raw(&dir.path().join("state.db")).await;
    assert!(sqlx::query("UPDATE audit SET actor = 'somebody else'").execute(&mut conn).await.is_err());
    let actor: String = sqlx::query_scalar("SELECT actor FROM audit").fetch_one(&mut conn).await.unwrap();
    assert_eq!(actor, "user:admin");
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let store = open(dir.path()).await.unwrap();
    store.append(&[sample::chunk_of(key(), (0, 0), &sample::lines(0, 1))]).await.unwrap();
    store.commit(&Commit { events: vec![sample::event(1)], ..Commit::default() }).await.unwrap();
    for folder in ["", "logs"] {
        for entry in std::fs::read_dir(dir.path().join(folder)).unwrap() {
            let entry = entry.unwrap();
            let mode = entry.metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0, "{} has mode {mode:o}", entry.path().display());
        }
    }
}
