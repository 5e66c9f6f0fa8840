//! A byte is flipped anywhere in a file of output: whatever is read then is what was written, at its number, or it is an error.

mod common;

use std::hash::BuildHasher as _;
use std::path::Path;

use corral_domain::{LineHead, Lines, OutputStream, RandomBytes, TaskKey};
use corral_storage::conformance::sample::{self, NOON, Numbers};
use corral_storage::{LogStore, StorageError, chunk};
use corral_storage_sqlite::{SqliteStore, check_log_file};

use crate::common::{day_file, key, open, raw};

const FLIPS: usize = 60;
const CRASHES: usize = 30;
/// Chunks of a log, and lines of a chunk: small, so that much of the file is what lies around the lines.
const CHUNKS: u64 = 60;
const CHUNK_LINES: u64 = 4;

fn text(vm: u64, n: u64) -> String {
    format!("line {n} of {vm}")
}

fn keys() -> [TaskKey; 2] {
    [key(), TaskKey { vm: sample::vm_id(2), ..key() }]
}

/// Two logs that are alike but for their texts, so that a chunk of one would fit into the other.
async fn fill(dir: &Path) {
    let store = open(dir).await.unwrap();
    append_to(&store).await;
    store.close().await;
}

async fn append_to(store: &SqliteStore) {
    let mut ends = [(0, 0); 2];
    for _ in 0..CHUNKS {
        for (vm, (key, end)) in (1..).zip(keys().into_iter().zip(&mut ends)) {
            let mut lines = Lines::default();
            for n in end.0..end.0 + CHUNK_LINES {
                let head = LineHead { at: NOON, stream: OutputStream::Stdout, partial: false };
                lines.push(head, text(vm, n).as_bytes());
            }
            store.append(&[sample::chunk_of(key, *end, &lines)]).await.unwrap();
            *end = (end.0 + CHUNK_LINES, end.1 + lines.raw_len());
        }
    }
}

/// Reads all of both logs, in windows that begin anywhere in a chunk; how many lines were served. No wrong one is.
async fn read(dir: &Path, what: &str) -> Result<u64, StorageError> {
    let store = open(dir).await?;
    let mut served = 0;
    let mut result = Ok(());
    'logs: for (vm, key) in (1..).zip(keys()) {
        for from in (0..CHUNKS * CHUNK_LINES).step_by(29) {
            let chunks = match store.chunks(key, from, 29, 100).await {
                Ok(chunks) => chunks,
                Err(error) => {
                    result = Err(error);
                    continue 'logs;
                }
            };
            for stored in chunks {
                let Ok(lines) = chunk::decode(&stored.data) else { continue };
                for (n, line) in (stored.first_line..).zip(lines.iter()) {
                    let (found, wanted) = (String::from_utf8_lossy(line.text), text(vm, n));
                    assert_eq!(found, wanted, "{what}: line {n} of log {vm}, read from {from}");
                    served += 1;
                }
            }
        }
    }
    store.close().await;
    result.map(|()| served)
}

/// What this run draws by chance; its seed is printed.
fn numbers() -> (u64, Numbers) {
    let seed = match std::env::var("CORRAL_SEED") {
        Ok(text) => text.trim().parse().unwrap(),
        Err(_) => std::hash::RandomState::new().hash_one(0) >> 32,
    };
    println!("CORRAL_SEED={seed}");
    (seed, Numbers::new(seed))
}

/// Bytes of which one bit is another, and which.
fn flipped(good: &[u8], numbers: &Numbers) -> (Vec<u8>, String) {
    let mut random = [0; 16];
    numbers.fill(&mut random);
    let at = u64::from_le_bytes(random[..8].try_into().unwrap()) as usize % good.len();
    let bit = random[8] % 8;
    let mut bad = good.to_vec();
    bad[at] ^= 1 << bit;
    (bad, format!("bit {bit} of byte {at} of {}", good.len()))
}

#[tokio::test]
async fn a_byte_flipped_anywhere_never_makes_a_wrong_line() {
    let (seed, numbers) = numbers();
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path()).await;
    let good = std::fs::read(day_file(dir.path())).unwrap();
    let chunks = sqlx::query_scalar::<_, u64>("SELECT count(*) FROM log_chunk");
    assert_eq!(chunks.fetch_one(&mut raw(&day_file(dir.path())).await).await.unwrap(), 2 * CHUNKS);
    let all = read(dir.path(), "whole").await.unwrap();
    let (mut fewer, mut errors, mut repaired) = (0, 0, 0);
    for flip in 0..FLIPS {
        let (bad, place) = flipped(&good, &numbers);
        let what = format!("seed {seed}, flip {flip}: {place}");
        std::fs::write(day_file(dir.path()), &bad).unwrap();
        let served = read(dir.path(), &what).await;
        fewer += u32::from(served.as_ref().is_ok_and(|served| *served < all));
        errors += u32::from(served.is_err());
        let found = check_log_file(&day_file(dir.path()), false).await;
        let named = found.as_ref().map_or(true, |found| found.damaged > 0 || found.unreadable.is_some());
        assert!(
            named || served.is_ok_and(|served| served == all),
            "{what}: it costs lines, and the check finds nothing: {found:?}"
        );
        let Ok(true) = check_log_file(&day_file(dir.path()), true).await.map(|found| found.unreadable.is_none()) else {
            continue;
        };
        repaired += 1;
        let after = check_log_file(&day_file(dir.path()), false).await.unwrap();
        assert_eq!(
            (after.damaged, &after.unreadable),
            (0, &None),
            "{what}: after a repair nothing is wrong: {after:?}"
        );
        read(dir.path(), &format!("{what}, after a repair")).await.unwrap();
    }
    assert!(repaired > 0, "nothing could be repaired");
    assert!(fewer + errors > FLIPS as u32 / 10, "{fewer} flips cost lines and {errors} were errors: nothing was hit");
}

#[tokio::test]
async fn a_byte_flipped_in_what_a_killed_host_leaves_costs_the_end_and_makes_no_wrong_line() {
    let (seed, numbers) = numbers();
    let (dir, crashed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let store = open(dir.path()).await.unwrap();
    append_to(&store).await;
    let wal = |dir: &Path| day_file(dir).with_extension("db-wal");
    let (file, good) = (std::fs::read(day_file(dir.path())).unwrap(), std::fs::read(wal(dir.path())).unwrap());
    assert!(good.len() > 100_000, "what was added last is in the write-ahead log: {} bytes", good.len());
    open(crashed.path()).await.unwrap().close().await;
    let mut fewer = 0;
    for flip in 0..CRASHES {
        let (bad, place) = flipped(&good, &numbers);
        for (path, bytes) in [(day_file(crashed.path()), &file), (wal(crashed.path()), &bad)] {
            std::fs::write(path, bytes).unwrap();
        }
        let _ = std::fs::remove_file(day_file(crashed.path()).with_extension("db-shm"));
        let what = format!("seed {seed}, flip {flip}: {place}");
        let served = read(crashed.path(), &what).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        fewer += u32::from(served < 2 * CHUNKS * CHUNK_LINES);
        // What is left joins up: a host reads on from there.
        let found = check_log_file(&day_file(crashed.path()), false).await.unwrap();
        assert_eq!((found.damaged, found.unreadable), (0, None), "{what}");
    }
    assert!(fewer > 0, "nothing was hit");
}
