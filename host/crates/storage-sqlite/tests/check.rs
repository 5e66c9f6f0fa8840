//! Damage in real files: it is found, told exactly, and marked without a line made up or lost.

mod common;

use std::path::Path;

use corral_domain::{LineHead, Lines, OutputStream, Position};
use corral_storage::conformance::sample::{self, NOON, Numbers};
use corral_storage::{LogAppend, LogStore, chunk};
use corral_storage_sqlite::{SqliteStore, check_log_file, log_files};

use crate::common::{day_file, key, open, raw};

/// Lines of noise, which no compression makes smaller: a chunk of them fills many pages.
fn noise(numbers: &Numbers, n: u64) -> Lines {
    let mut lines = Lines::default();
    for _ in 0..n {
        let text: Vec<u8> = (0..100).map(|_| numbers.next() as u8).collect();
        lines.push(LineHead { at: NOON, stream: OutputStream::Stdout, partial: false }, &text);
    }
    lines
}

/// Three chunks of 500 lines; all lines, and the data of the middle one.
async fn filled(dir: &Path) -> (Lines, Vec<u8>) {
    let store = open(dir).await.unwrap();
    let (numbers, mut all, mut middle) = (Numbers::new(7), Lines::default(), Vec::new());
    for n in 0..3 {
        let mut lines = noise(&numbers, 500);
        let append = sample::chunk_of(key(), (all.len() as u64, all.raw_len()), &lines);
        if n == 1 {
            middle = append.data.to_vec();
        }
        let taken = Position { stdout: all.raw_len() + lines.raw_len(), stderr: 0 };
        store.append(&[LogAppend { position: Some(taken), ..append }]).await.unwrap();
        all.append(&mut lines);
    }
    store.close().await;
    (all, middle)
}

/// Flips one bit of one byte in the middle of a chunk, in the file itself.
fn flip_a_byte(file: &Path, data: &[u8]) {
    let mut bytes = std::fs::read(file).unwrap();
    let wanted = &data[data.len() / 2..data.len() / 2 + 64];
    // Pages cut a chunk into pieces; one of several places lies whole within a page.
    let at = bytes.windows(64).position(|window| window == wanted).expect("the chunk is in the file");
    bytes[at + 10] ^= 0x04;
    std::fs::write(file, bytes).unwrap();
}

/// Lines of the log by number; none where a chunk cannot be read.
async fn served(store: &SqliteStore) -> Vec<Option<Vec<u8>>> {
    let mut all = Vec::new();
    for stored in store.chunks(key(), 0, u64::MAX, 100).await.unwrap() {
        assert_eq!(stored.first_line, all.len() as u64, "chunks join");
        match chunk::decode(&stored.data) {
            Ok(lines) => all.extend(lines.iter().map(|line| Some(line.text.to_vec()))),
            Err(_) => all.extend((0..stored.n_lines).map(|_| None)),
        }
    }
    all
}

#[tokio::test]
async fn one_flipped_byte_is_found_and_costs_only_the_lines_of_its_chunk() {
    let dir = tempfile::tempdir().unwrap();
    let (lines, middle) = filled(dir.path()).await;
    let file = day_file(dir.path());
    assert_eq!(log_files(dir.path()).await.unwrap(), std::slice::from_ref(&file));
    let whole = check_log_file(&file, false).await.unwrap();
    assert_eq!((whole.logs, whole.chunks, whole.lines, whole.bytes), (1, 3, 1_500, lines.raw_len()));
    assert_eq!((whole.damaged, whole.marked, whole.ahead, &whole.unreadable), (0, 0, 0, &None));

    flip_a_byte(&file, &middle);
    let before = std::fs::read(&file).unwrap();
    let found = check_log_file(&file, false).await.unwrap();
    assert_eq!((found.damaged, found.copied_to.clone()), (1, None));
    assert_eq!((found.damage[0].key, found.damage[0].first_line, found.damage[0].lines), (key(), 500, 500));
    assert!(found.damage[0].what.contains("checksum"), "{found:?}");
    assert_eq!(std::fs::read(&file).unwrap(), before, "looking changes nothing");

    let repaired = check_log_file(&file, true).await.unwrap();
    assert_eq!((repaired.damaged, repaired.unreadable), (1, None));
    assert_eq!(std::fs::read(repaired.copied_to.unwrap()).unwrap(), before, "the file as it was is kept");
    let after = check_log_file(&file, true).await.unwrap();
    assert_eq!((after.damaged, after.marked, after.lines, after.copied_to), (0, 500, 1_500, None));
    let store = open(dir.path()).await.unwrap();
    let expected: Vec<_> = lines.iter().map(|line| Some(line.text.to_vec())).collect();
    let served = served(&store).await;
    assert_eq!(served[..500], expected[..500]);
    assert!(served[500..1_000].iter().all(Option::is_none));
    assert_eq!(served[1_000..], expected[1_000..]);
    let next = sample::chunk_of(key(), (1_500, lines.raw_len()), &sample::lines(1_500, 1));
    store.append(&[next]).await.expect("the log goes on where it ended");
}

#[tokio::test]
async fn rows_that_are_gone_or_wrong_are_found_and_no_line_gets_another_number() {
    for (change, what, lost) in [
        ("DELETE FROM log_chunk WHERE first_line = 500", "missing", 500..1_000),
        ("DELETE FROM log_chunk WHERE first_line = 1000", "missing", 1_000..1_500),
        ("UPDATE log_chunk SET first_line = 600 WHERE first_line = 500", "missing", 500..1_500),
        ("UPDATE log_chunk SET n_lines = 5000000 WHERE first_line = 500", "index", 0..0),
        ("UPDATE log_chunk SET first_byte = 1 WHERE first_line = 500", "index", 0..0),
        ("UPDATE log_stream SET lines = 1000", "ends elsewhere", 0..0),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let (lines, _) = filled(dir.path()).await;
        let file = day_file(dir.path());
        let mut conn = raw(&file).await;
        sqlx::query(change).execute(&mut conn).await.unwrap();
        drop(conn);
        let found = check_log_file(&file, true).await.unwrap();
        assert!(found.damage.iter().any(|damage| damage.what.contains(what)), "{change}: {found:?}");
        let after = check_log_file(&file, false).await.unwrap();
        assert_eq!((after.damaged, after.lines), (0, 1_500), "{change}: {after:?}");
        let store = open(dir.path()).await.unwrap();
        for (n, line) in served(&store).await.into_iter().enumerate() {
            match line {
                Some(text) => assert_eq!(text, lines.get(n).unwrap().text, "{change}: line {n}"),
                None => assert!(lost.contains(&n), "{change}: line {n} is lost"),
            }
        }
        let end = store.end(key()).await.unwrap().unwrap();
        assert_eq!((end.lines, end.bytes), (1_500, lines.raw_len()), "{change}");
    }
}

#[tokio::test]
async fn output_that_was_taken_in_and_is_not_stored_is_told() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path()).await;
    let file = day_file(dir.path());
    let mut conn = raw(&file).await;
    sqlx::query("UPDATE log_stream SET stdout_taken = stdout_taken + 1").execute(&mut conn).await.unwrap();
    drop(conn);
    let found = check_log_file(&file, false).await.unwrap();
    assert_eq!((found.ahead, found.damaged), (1, 0));
}

#[tokio::test]
async fn a_file_that_is_no_database_is_told_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    filled(dir.path()).await;
    let file = day_file(dir.path());
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[..100].fill(0x55);
    std::fs::write(&file, &bytes).unwrap();
    let found = check_log_file(&file, true).await.unwrap();
    assert!(found.unreadable.is_some_and(|why| why.contains("not a SQLite database")));
    assert_eq!(std::fs::read(&file).unwrap(), bytes);
}
