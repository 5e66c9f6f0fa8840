//! Prints how fast the store is: commits of task updates, appends of full log chunks, and a start with 10,000 jobs.
//!
//! `cargo run --release -p corral-storage-sqlite --example throughput [FOLDER]`; the folder decides which disk is
//! measured, a temporary one without.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use corral_domain::{LineHead, Lines, OutputStream, TaskKey, TaskStatus, Timestamp};
use corral_storage::conformance::sample::{self, NOON};
use corral_storage::{Commit, JobFilter, LogAppend, LogStore, StateStore, Write, chunk};
use corral_storage_sqlite::{SqliteOptions, SqliteStore};

const COMMITS: u64 = 400;
const TASKS: u64 = 50;
const CHUNKS: u64 = 1200;
const JOBS: u64 = 10_000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let temporary = tempfile::tempdir()?;
    let dir = std::env::args_os().nth(1).map_or_else(|| temporary.path().to_owned(), Into::into);
    let store = SqliteStore::open(&dir, SqliteOptions::default()).await?;
    commits(&store).await?;
    appends(&store).await?;
    ten_thousand_jobs(&store, &dir).await?;
    Ok(())
}

async fn commits(store: &SqliteStore) -> Result<(), Box<dyn Error>> {
    let vms: Vec<_> = (0..TASKS).map(sample::vm_id).collect();
    let (_, tasks) = sample::job(sample::job_id(NOON, 1), &vms, TaskStatus::Running);
    let (job, _) = sample::job(sample::job_id(NOON, 1), &vms, TaskStatus::Running);
    sample::write(store, sample::put_job(job, tasks.clone())).await;
    let tasks: Vec<_> = tasks.into_iter().map(Arc::new).collect();
    let first = store.load().await?.seq + 1;
    let started = Instant::now();
    for n in 0..COMMITS {
        let from = first + n * TASKS;
        let events = (from..from + TASKS).map(sample::event).collect();
        let writes = tasks.iter().map(|task| Write::PutTask(Arc::clone(task))).collect();
        store.commit(&Commit { events, writes, ..Commit::default() }).await?;
    }
    let took = started.elapsed().as_secs_f64();
    println!(
        "commits of {TASKS} task updates and {TASKS} events: {:.2} ms each, {:.0} tasks/s",
        took / COMMITS as f64 * 1e3,
        (COMMITS * TASKS) as f64 / took
    );
    Ok(())
}

async fn appends(store: &SqliteStore) -> Result<(), Box<dyn Error>> {
    let mut lines = Lines::default();
    let mut n = 0_u64;
    while lines.text().len() < chunk::CHUNK_TEXT_MAX {
        let head = LineHead { at: NOON, stream: OutputStream::Stdout, partial: false };
        let noise = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        lines.push(head, format!("2026-11-21T10:00:00 worker[{n}]: request {noise:016x} served").as_bytes());
        n += 1;
    }
    let encoding = Instant::now();
    let data = chunk::encode(&lines);
    let encoding = encoding.elapsed();
    let key = TaskKey { job: sample::job_id(NOON, 2), vm: sample::vm_id(1) };
    let end = store.end(key).await?.unwrap_or_default();
    let (count, bytes) = (lines.len() as u64, lines.raw_len());
    let started = Instant::now();
    for batch in 0..CHUNKS / 4 {
        let appends: Vec<_> = (batch * 4..batch * 4 + 4)
            .map(|n| LogAppend {
                position: None,
                first_line: end.lines + n * count,
                first_byte: end.bytes + n * bytes,
                data: data.clone(),
                ..sample::chunk_of(key, (0, 0), &Lines::default())
            })
            .map(|append| LogAppend { n_lines: count as u32, raw_len: bytes as u32, ..append })
            .collect();
        store.append(&appends).await?;
    }
    let took = started.elapsed().as_secs_f64();
    println!(
        "appends of {} KiB chunks ({} KiB stored), 4 a call: {:.0} MB/s of text, {:.2} M lines/s; encoding one: {:.2} ms",
        bytes / 1024,
        data.len() / 1024,
        (CHUNKS * bytes) as f64 / took / 1e6,
        (CHUNKS * count) as f64 / took / 1e6,
        encoding.as_secs_f64() * 1e3
    );
    let mut worst = 0.0_f64;
    for n in 0..1000 {
        let from = (n * 7919 * count / 13) % (CHUNKS * count);
        let started = Instant::now();
        store.chunks(key, from, 200, 2).await?;
        worst = worst.max(started.elapsed().as_secs_f64());
    }
    println!("windows at 1,000 places: slowest {:.2} ms", worst * 1e3);
    Ok(())
}

async fn ten_thousand_jobs(store: &SqliteStore, dir: &Path) -> Result<(), Box<dyn Error>> {
    let vms: Vec<_> = (0..5).map(sample::vm_id).collect();
    for batch in 0..JOBS / 500 {
        let jobs = (batch * 500..batch * 500 + 500).flat_map(|n| {
            let at = Timestamp::from_millis(NOON.as_millis() + n as i64);
            let (job, tasks) = sample::job(sample::job_id(at, n), &vms, TaskStatus::Succeeded);
            sample::put_job(job, tasks)
        });
        store.commit(&Commit { writes: jobs.collect(), ..Commit::default() }).await?;
    }
    store.close().await;
    let started = Instant::now();
    let store = SqliteStore::open(dir, SqliteOptions::default()).await?;
    let opened = started.elapsed();
    store.load().await?;
    let loaded = started.elapsed();
    let page = store.jobs(&JobFilter::default(), 50).await?;
    println!(
        "with {JOBS} jobs: open {:.1} ms, and load {:.1} ms, and a page of {} jobs {:.1} ms",
        opened.as_secs_f64() * 1e3,
        loaded.as_secs_f64() * 1e3,
        page.jobs.len(),
        started.elapsed().as_secs_f64() * 1e3
    );
    Ok(())
}
