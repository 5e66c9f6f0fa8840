//! What every [`LogStore`] promises.

use bytes::Bytes;
use corral_domain::{LineHead, Lines, OutputStream, Position, TaskKey, Timestamp};

use super::sample::{self, DAY_MILLIS, NOON, Numbers};
use crate::chunk::{self, CHUNK_LINES_MAX, CHUNK_TEXT_MAX};
use crate::{LogAppend, LogEnd, LogStore, StoredChunk};

/// More than any log here has.
const ALL: u64 = u64::MAX;

fn key(n: u64) -> TaskKey {
    TaskKey { job: sample::job_id(NOON, 1), vm: sample::vm_id(n) }
}

/// Appends chunks of these sizes, one a call; returns all lines.
async fn fill(store: &dyn LogStore, key: TaskKey, sizes: impl IntoIterator<Item = u64>) -> Lines {
    let mut all = Lines::default();
    let mut end = (0, 0);
    for size in sizes {
        let mut lines = sample::lines(end.0, size);
        store.append(&[sample::chunk_of(key, end, &lines)]).await.expect("the chunk is accepted");
        end = (end.0 + size, end.1 + lines.raw_len());
        all.append(&mut lines);
    }
    all
}

async fn complete(store: &dyn LogStore, key: TaskKey) {
    let end = store.end(key).await.unwrap().unwrap_or_default();
    let last = LogAppend { complete: true, ..sample::chunk_of(key, (end.lines, end.bytes), &Lines::default()) };
    store.append(&[LogAppend { data: Bytes::new(), ..last }]).await.unwrap();
}

/// All lines of a log by way of its chunks; checks that they join without gap or double.
async fn read(store: &dyn LogStore, key: TaskKey) -> Lines {
    let mut all = Lines::default();
    for chunk in store.chunks(key, 0, ALL, u32::MAX).await.unwrap() {
        assert_eq!(chunk.first_line, all.len() as u64, "chunks join");
        assert_eq!(chunk.first_byte, all.raw_len(), "bytes join");
        let mut lines = chunk::decode(&chunk.data).unwrap();
        assert_eq!(lines.len(), chunk.n_lines as usize);
        all.append(&mut lines);
    }
    all
}

/// Chunks follow each other; the end is where the last one ends.
pub async fn a_log_grows_in_order_and_knows_its_end(store: &dyn LogStore) {
    assert_eq!(store.end(key(1)).await.unwrap(), None);
    assert!(store.chunks(key(1), 0, ALL, 10).await.unwrap().is_empty());
    store.merge(key(1)).await.expect("nothing to join is no error");
    let all = fill(store, key(1), [3, 1, 10, 500]).await;
    let end = LogEnd { lines: 514, bytes: all.raw_len(), ..LogEnd::default() };
    assert_eq!(store.end(key(1)).await.unwrap(), Some(end));
    assert_eq!(store.end(key(2)).await.unwrap(), None);
    assert_eq!(read(store, key(1)).await, all);
    complete(store, key(1)).await;
    assert_eq!(store.end(key(1)).await.unwrap(), Some(LogEnd { complete: true, ..end }));
    assert_eq!(read(store, key(1)).await, all);
    complete(store, key(3)).await;
    assert_eq!(
        store.end(key(3)).await.unwrap(),
        Some(LogEnd { complete: true, ..LogEnd::default() }),
        "a log without lines can be complete"
    );
}

/// Output can be removed a file at a time; others stay, and a log may begin anew.
pub async fn files_are_told_and_removed(store: &dyn LogStore) {
    let (old, new) = (
        key(1),
        TaskKey {
            job: sample::job_id(Timestamp::from_millis(NOON.as_millis() + 3 * DAY_MILLIS), 2),
            vm: sample::vm_id(1),
        },
    );
    fill(store, old, [10, 20]).await;
    let kept = fill(store, new, [5]).await;
    let (old_day, new_day) = (store.file_of(old.job), store.file_of(new.job));
    let mut days: Vec<_> = store.files().await.unwrap();
    days.sort_by(|left, right| left.day.cmp(&right.day));
    assert!(days.iter().all(|file| file.bytes > 0), "{days:?}");
    assert_eq!(days.into_iter().map(|file| file.day).collect::<Vec<_>>(), [&*old_day, &*new_day]);
    store.remove_file(&old_day).await.unwrap();
    assert_eq!(store.end(old).await.unwrap(), None);
    assert!(store.chunks(old, 0, ALL, 10).await.unwrap().is_empty());
    assert_eq!(read(store, new).await, kept);
    assert_eq!(store.files().await.unwrap().len(), 1);
    store.remove_file(&old_day).await.expect("it is gone already, and that is no error");
    let again = fill(store, old, [3]).await;
    assert_eq!(read(store, old).await, again);
}

/// The position is that of the last append that had one, and is there exactly when its lines are. A log that was complete may be
/// taken up again.
pub async fn a_log_knows_how_far_the_output_was_taken_in_and_can_be_reopened(store: &dyn LogStore) {
    let lines = sample::lines(0, 3);
    let position = Position { stdout: 700, stderr: 41 };
    store.append(&[LogAppend { position: Some(position), ..sample::chunk_of(key(1), (0, 0), &lines) }]).await.unwrap();
    assert_eq!(store.end(key(1)).await.unwrap().unwrap().position, position);
    let next = (3, lines.raw_len());
    let refused = LogAppend { position: Some(Position::default()), ..sample::chunk_of(key(1), (9, 9), &lines) };
    assert!(store.append(&[refused]).await.is_err());
    store.append(&[sample::chunk_of(key(1), next, &sample::lines(3, 2))]).await.unwrap();
    assert_eq!(store.end(key(1)).await.unwrap().unwrap().position, position, "without one it stays");
    complete(store, key(1)).await;
    store.merge(key(1)).await.unwrap();
    let end = store.end(key(1)).await.unwrap().unwrap();
    assert!(end.complete && end.position == position && end.lines == 5, "{end:?}");
    store.reopen(key(1)).await.unwrap();
    assert_eq!(store.end(key(1)).await.unwrap(), Some(LogEnd { complete: false, ..end }));
    store.append(&[sample::chunk_of(key(1), (end.lines, end.bytes), &sample::lines(5, 1))]).await.unwrap();
    assert_eq!(read(store, key(1)).await.len(), 6);
    store.reopen(key(2)).await.expect("there is none, and that is no error");
    assert_eq!(store.end(key(2)).await.unwrap(), None);
}

/// A chunk before or after the end would serve lines twice or lose some.
pub async fn a_chunk_that_does_not_begin_at_the_end_is_refused(store: &dyn LogStore) {
    let all = fill(store, key(1), [10]).await;
    let end = store.end(key(1)).await.unwrap();
    let bytes = all.raw_len();
    for wrong in [(0, 0), (9, bytes), (11, bytes), (10, bytes + 1)] {
        let chunk = sample::chunk_of(key(1), wrong, &sample::lines(wrong.0, 5));
        assert!(store.append(&[chunk]).await.is_err(), "a chunk at {wrong:?} is refused");
        assert_eq!(store.end(key(1)).await.unwrap(), end);
        assert_eq!(read(store, key(1)).await, all);
    }
    let first = sample::chunk_of(key(2), (1, 0), &sample::lines(1, 1));
    assert!(store.append(&[first]).await.is_err(), "a log begins at line 0");
    assert_eq!(store.end(key(2)).await.unwrap().map_or(0, |end| end.lines), 0);
}

/// A batch with one wrong chunk is not written at all.
pub async fn a_refused_chunk_takes_its_batch_with_it(store: &dyn LogStore) {
    let good = sample::chunk_of(key(1), (0, 0), &sample::lines(0, 5));
    let bad = sample::chunk_of(key(2), (7, 7), &sample::lines(7, 5));
    assert!(store.append(&[good.clone(), bad]).await.is_err());
    assert_eq!(store.end(key(1)).await.unwrap().map_or(0, |end| end.lines), 0);
    assert!(store.chunks(key(1), 0, ALL, 10).await.unwrap().is_empty());
    store.append(&[good]).await.expect("the same chunk without the wrong one is accepted");
    assert_eq!(store.end(key(1)).await.unwrap().map_or(0, |end| end.lines), 5);
}

/// One call may carry chunks of many tasks, several of one task, and of jobs of different days.
pub async fn many_tasks_and_two_days_in_one_append(store: &dyn LogStore) {
    let next_day = Timestamp::from_millis(NOON.as_millis() + DAY_MILLIS);
    let mut appends = Vec::new();
    let mut keys = Vec::new();
    for n in 0..40 {
        let job = sample::job_id(if n % 2 == 0 { NOON } else { next_day }, 5);
        let key = TaskKey { job, vm: sample::vm_id(n) };
        let (first, second) = (sample::lines(0, n + 1), sample::lines(n + 1, 3));
        appends.push(sample::chunk_of(key, (0, 0), &first));
        appends.push(sample::chunk_of(key, (n + 1, first.raw_len()), &second));
        keys.push((key, sample::lines(0, n + 4)));
    }
    store.append(&appends).await.unwrap();
    store.append(&[]).await.expect("nothing to add is no error");
    for (key, lines) in keys {
        assert_eq!(read(store, key).await, lines);
        assert_eq!(store.end(key).await.unwrap().map(|end| end.lines), Some(lines.len() as u64));
    }
}

/// Windows at random places hold what the same part of the whole holds, within as few chunks as were asked for.
pub async fn windows_agree_with_a_model(store: &dyn LogStore) {
    let numbers = Numbers::new(11);
    let sizes: Vec<u64> = (0..60).map(|_| 1 + numbers.below(40)).collect();
    let all = fill(store, key(1), sizes.iter().copied()).await;
    let total = all.len() as u64;
    for _ in 0..300 {
        let (from, count) = (numbers.below(total + 20), numbers.below(200));
        let max_chunks = 1 + numbers.below(8) as u32;
        let chunks = store.chunks(key(1), from, count, max_chunks).await.unwrap();
        check_window(&all, &sizes, (from, count, max_chunks), &chunks);
    }
    let last = store.chunks(key(1), total - 1, ALL, 10).await.unwrap();
    assert_eq!(last.len(), 1);
    assert!(store.chunks(key(1), total, ALL, 10).await.unwrap().is_empty());
    assert!(store.chunks(key(1), u64::MAX, u64::MAX, 10).await.unwrap().is_empty());
}

fn check_window(all: &Lines, sizes: &[u64], window: (u64, u64, u32), chunks: &[StoredChunk]) {
    let (from, count, max_chunks) = window;
    let mut start = 0;
    let expected: Vec<_> = sizes
        .iter()
        .map(|size| {
            start += size;
            (start - size, *size)
        })
        .filter(|(first, size)| *first < from + count && first + size > from)
        .take(max_chunks as usize)
        .collect();
    let got: Vec<_> = chunks.iter().map(|chunk| (chunk.first_line, u64::from(chunk.n_lines))).collect();
    assert_eq!(got, expected, "{window:?}");
    for chunk in chunks {
        let lines = chunk::decode(&chunk.data).unwrap();
        for (at, line) in lines.iter().enumerate() {
            assert_eq!(all.get(chunk.first_line as usize + at), Some(line));
        }
    }
}

/// A log that is complete stays as it is; saying so again is no error.
pub async fn nothing_follows_a_complete_log(store: &dyn LogStore) {
    let all = fill(store, key(1), [5]).await;
    complete(store, key(1)).await;
    complete(store, key(1)).await;
    let more = sample::chunk_of(key(1), (5, all.raw_len()), &sample::lines(5, 1));
    assert!(store.append(&[more]).await.is_err());
    assert_eq!(read(store, key(1)).await, all);
}

/// The store does not look into lines: every byte is the same afterwards.
pub async fn any_bytes_come_back_as_they_were(store: &dyn LogStore) {
    let mut lines = Lines::default();
    let numbers = Numbers::new(3);
    for size in [0, 1, 255, 4096, chunk::LINE_PART_MAX] {
        let text: Vec<u8> = (0..size).map(|_| numbers.next() as u8).collect();
        lines.push(LineHead { at: NOON, stream: OutputStream::Stderr, partial: size % 2 == 1 }, &text);
    }
    store.append(&[sample::chunk_of(key(1), (0, 0), &lines)]).await.unwrap();
    assert_eq!(read(store, key(1)).await, lines);
}

/// Many small chunks become few; no line, number, byte or mark changes.
pub async fn merging_keeps_every_line(store: &dyn LogStore) {
    let numbers = Numbers::new(5);
    let sizes: Vec<u64> = (0..400).map(|_| 1 + numbers.below(60)).collect();
    let all = fill(store, key(1), sizes).await;
    let neighbour = fill(store, key(2), [4, 4]).await;
    complete(store, key(1)).await;
    let end = store.end(key(1)).await.unwrap();
    store.merge(key(1)).await.unwrap();
    let chunks = store.chunks(key(1), 0, ALL, u32::MAX).await.unwrap();
    let least = (all.raw_len() as usize).div_ceil(CHUNK_TEXT_MAX).max(all.len().div_ceil(CHUNK_LINES_MAX));
    assert!(chunks.len() <= 2 * least, "{} chunks for what {least} could hold", chunks.len());
    assert_eq!(read(store, key(1)).await, all);
    assert_eq!(store.end(key(1)).await.unwrap(), end);
    store.merge(key(1)).await.expect("joining again is no error");
    assert_eq!(read(store, key(1)).await, all);
    assert_eq!(read(store, key(2)).await, neighbour);
    assert_eq!(store.chunks(key(2), 0, ALL, 10).await.unwrap().len(), 2, "other logs are left alone");
}

/// A chunk that cannot be read stays byte for byte; the chunks around it are joined.
pub async fn merging_leaves_a_damaged_chunk_alone(store: &dyn LogStore) {
    let mut end = (0, 0);
    let mut whole = Lines::default();
    let mut damaged = Bytes::new();
    for n in 0..20 {
        let mut lines = sample::lines(end.0, 5);
        let mut append = sample::chunk_of(key(1), end, &lines);
        if n == 10 {
            let mut bytes = append.data.to_vec();
            bytes[20] ^= 1;
            damaged = bytes.into();
            append.data = damaged.clone();
        }
        store.append(&[append]).await.unwrap();
        end = (end.0 + 5, end.1 + lines.raw_len());
        whole.append(&mut lines);
    }
    complete(store, key(1)).await;
    store.merge(key(1)).await.expect("damage is no reason to fail");
    let chunks = store.chunks(key(1), 0, ALL, 100).await.unwrap();
    let places: Vec<_> = chunks.iter().map(|chunk| (chunk.first_line, chunk.n_lines)).collect();
    assert_eq!(places, [(0, 50), (50, 5), (55, 45)]);
    assert_eq!(chunks[1].data, damaged);
    for chunk in [&chunks[0], &chunks[2]] {
        let lines = chunk::decode(&chunk.data).unwrap();
        let expected: Lines = whole.iter().skip(chunk.first_line as usize).take(chunk.n_lines as usize).collect();
        assert_eq!(lines, expected);
    }
}

/// Who reads while chunks are joined sees each line once.
pub async fn merging_beside_readers_shows_every_line_once(store: &dyn LogStore) {
    let all = fill(store, key(1), (0..150).map(|n| 1 + n % 9)).await;
    complete(store, key(1)).await;
    let reading = async {
        for _ in 0..30 {
            assert_eq!(read(store, key(1)).await, all);
        }
    };
    let (merged, ()) = tokio::join!(store.merge(key(1)), reading);
    merged.unwrap();
    assert_eq!(read(store, key(1)).await, all);
}
