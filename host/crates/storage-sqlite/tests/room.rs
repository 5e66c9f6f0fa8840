//! Room on the disk: none left, what readers make the files grow by, and what is removed.

mod common;

use std::sync::Arc;

use corral_domain::TaskKey;
use corral_storage::conformance::sample::{self, NOON};
use corral_storage::{Commit, LogAppend, LogStore, StateStore, StorageError, Write, chunk};
use corral_storage_sqlite::{SqliteOptions, SqliteStore};

use crate::common::{day_file, key, open, raw};

#[tokio::test]
async fn on_a_full_disk_a_commit_leaves_nothing_and_the_next_one_works_once_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let options = SqliteOptions { max_pages: Some(100), ..SqliteOptions::default() };
    let store = SqliteStore::open(dir.path(), options).await.unwrap();
    let mut seq = 0;
    let error = loop {
        // The large setting comes last: the events before it are written and must go again.
        let events: Vec<_> = (seq + 1..seq + 20).map(sample::event).collect();
        let value = Arc::new("x".repeat(40_000).into());
        let writes = vec![Write::PutSetting(format!("key-{seq}"), value)];
        let last = events.last().map_or(0, |event| event.seq);
        match store.commit(&Commit { events, writes, ..Commit::default() }).await {
            Ok(()) => seq = last,
            Err(error) => break error,
        }
        assert!(seq < 10_000, "a hundred pages are full at some time");
    };
    assert!(matches!(error, StorageError::Full(_)), "{error:?}");
    let loaded = store.load().await.unwrap();
    assert_eq!(loaded.seq, seq);
    assert_eq!(store.events(0, 10_000).await.unwrap().events.len() as u64, seq);

    let small = Commit { writes: vec![Write::DeleteSetting("key-0".into())], ..Commit::default() };
    store.commit(&small).await.expect("removing makes room");
    let again = Commit { events: vec![sample::event(seq + 1)], ..Commit::default() };
    store.commit(&again).await.expect("there is room");
    assert_eq!(store.load().await.unwrap().seq, seq + 1);
}

#[tokio::test]
async fn on_a_full_disk_no_acknowledged_line_is_lost_and_the_same_append_works_once_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let small = SqliteOptions { max_pages: Some(64), ..SqliteOptions::default() };
    let store = SqliteStore::open(dir.path(), small).await.unwrap();
    let other = TaskKey { vm: sample::vm_id(2), ..key() };
    let numbers = sample::Numbers::new(1);
    let mut end = (0, 0);
    let mut stored = Vec::new();
    let refused = loop {
        let noise: Vec<u8> = (0..20_000).map(|_| numbers.next() as u8).collect();
        let mut lines = corral_domain::Lines::default();
        let stream = corral_domain::OutputStream::Stdout;
        lines.push(corral_domain::LineHead { at: NOON, stream, partial: false }, &noise);
        let appends = [sample::chunk_of(other, end, &lines), sample::chunk_of(key(), end, &lines)];
        match store.append(&appends).await {
            Ok(()) => {
                end = (end.0 + 1, end.1 + lines.raw_len());
                stored.push(lines);
            }
            Err(error) => {
                assert!(matches!(error, StorageError::Full(_)), "{error:?}");
                break appends;
            }
        }
        assert!(end.0 < 1000, "64 pages are full at some time");
    };
    for key in [key(), other] {
        assert_eq!(store.end(key).await.unwrap().map(|end| (end.lines, end.bytes)), Some(end));
        let chunks = store.chunks(key, 0, u64::MAX, 1000).await.unwrap();
        let lines: Vec<_> = chunks.iter().map(|found| chunk::decode(&found.data).unwrap()).collect();
        assert_eq!(lines, stored);
    }
    store.close().await;
    let store = open(dir.path()).await.unwrap();
    store.append(&refused).await.expect("there is room");
    assert_eq!(store.end(key()).await.unwrap().map(|found| found.lines), Some(end.0 + 1));
}

/// Adds chunks of noise, which does not compress, to a log.
async fn append_noise(store: &SqliteStore, end: &mut (u64, u64), chunks: usize) {
    let numbers = sample::Numbers::new(end.0);
    let mut noise = vec![0; 100_000];
    for _ in 0..chunks {
        corral_domain::RandomBytes::fill(&numbers, &mut noise);
        let mut lines = corral_domain::Lines::default();
        let stream = corral_domain::OutputStream::Stdout;
        lines.push(corral_domain::LineHead { at: NOON, stream, partial: false }, &noise);
        let data = noise.clone().into();
        store.append(&[LogAppend { data, ..sample::chunk_of(key(), *end, &lines) }]).await.unwrap();
        *end = (end.0 + 1, end.1 + lines.raw_len());
    }
}

#[tokio::test]
async fn a_write_ahead_log_that_a_reader_made_grow_shrinks_when_the_reader_is_gone() {
    const MIB: u64 = 1024 * 1024;
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await.unwrap();
    let mut end = (0, 0);
    append_noise(&store, &mut end, 1).await;
    let path = day_file(dir.path());
    let wal = path.with_extension("db-wal");
    let size = || std::fs::metadata(&wal).unwrap().len();
    append_noise(&store, &mut end, 300).await;
    assert!(size() < 17 * MIB, "without readers in the way it stays small: {} bytes", size());

    let mut reader = raw(&path).await;
    sqlx::raw_sql("BEGIN; SELECT count(*) FROM log_stream").execute(&mut reader).await.unwrap();
    append_noise(&store, &mut end, 700).await;
    assert!(size() > 64 * MIB, "the reader's view is kept: {} bytes", size());
    sqlx::query("ROLLBACK").execute(&mut reader).await.unwrap();
    append_noise(&store, &mut end, 3).await;
    assert!(size() < 17 * MIB, "{} bytes", size());
    assert_eq!(store.end(key()).await.unwrap().map(|found| found.lines), Some(end.0));
}

#[tokio::test]
async fn a_long_history_is_removed_in_portions_down_to_the_asked_place() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(dir.path()).await.unwrap();
    let events = (1..=12_000).map(sample::event).collect();
    store.commit(&Commit { events, ..Commit::default() }).await.unwrap();
    assert_eq!(store.prune_events(11_991).await.unwrap(), 11_990);
    let page = store.events(0, 100).await.unwrap();
    assert_eq!((page.oldest, page.events.len()), (11_991, 10));
}
