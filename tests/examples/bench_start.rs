//! Measures what the README promises and writes it into `docs/benchmarks.md`. Started by `cargo xtask bench start`, which
//! builds for release before and says how much script the first page loads.
//!
//! Unlike the tests it knows the store: ten thousand jobs are written in seconds instead of being run.

use std::fmt::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use corral_domain::{Event, EventKind, TaskStatus, Timestamp};
use corral_storage::conformance::sample::{NOON, job, job_id, put_job, vm_id};
use corral_storage::{Commit, StateStore};
use corral_storage_sqlite::{SqliteOptions, SqliteStore};
use corral_tests::bench::page;
use corral_tests::client::{Client, Incoming};
use corral_tests::fleet::Fleet;
use corral_tests::host::{Site, binary};

const JOBS: u64 = 10_000;
const JOBS_PER_COMMIT: u64 = 500;
const STARTS: usize = 9;
const ROUNDS: usize = 100;
const WARM_UP_ROUNDS: usize = 10;
/// How long the host is left alone before its memory is read.
const IDLE: Duration = Duration::from_secs(10);
const LIMIT: Duration = Duration::from_secs(30);

struct Row {
    what: &'static str,
    measured: String,
    to_reach: &'static str,
    reached: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let site = Site::new()?;
    println!("  writing {JOBS} jobs");
    fill(&site.data()).await?;
    // Looked at while the host runs as anyone would run it; a look at the VMs now and then is part of that.
    println!("  starting {STARTS} times");
    site.start()?.stop()?;
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let mut host = site.start()?;
        starts.push(host.started_in);
        host.stop()?;
    }
    let mut host = site.start()?;
    tokio::time::sleep(IDLE).await;
    let idle = host.resident_bytes()?;
    println!("  {ROUNDS} jobs, from POST to the first line");
    let fleet = Fleet::start(1).await?;
    let mut rounds = first_lines(&site.client(&host)?, &fleet).await?;
    host.stop()?;

    let size = std::fs::metadata(binary()?)?.len();
    let script: u64 =
        std::env::var("CORRAL_FIRST_LOAD_BYTES").context("started by cargo xtask bench start")?.parse()?;
    let (start, start_worst) = (median(&mut starts), starts.last().copied().unwrap_or_default());
    let (line, line_worst) = (median(&mut rounds), rounds[rounds.len() * 95 / 100]);
    let rows = [
        row(
            "start to ready, plugins cached, 10,000 jobs",
            format!("{} ms (worst of {STARTS}: {} ms)", start.as_millis(), start_worst.as_millis()),
            "< 300 ms",
            start < Duration::from_millis(300),
        ),
        row("memory when idle, bundled plugins loaded", mib(idle), "< 60 MB", idle < 60_000_000),
        row(
            "`POST /api/jobs` to first line at a socket, warm",
            format!("{} median, {} p95 of {ROUNDS}", millis(line), millis(line_worst)),
            "< 50 ms",
            line < Duration::from_millis(50),
        ),
        row("script of the first page, gzipped", format!("{} KB", script / 1000), "< 250 KB", script < 250_000),
        row("release binary", mib(size), "< 60 MB", size < 60_000_000),
    ];
    let table = table(&rows);
    println!("\n{table}");
    page::write_down("cargo xtask bench start", &table)?;
    ensure!(rows.iter().all(|row| row.reached), "a figure is not reached; see the table");
    Ok(())
}

async fn fill(data: &Path) -> Result<()> {
    let store = SqliteStore::open(data, SqliteOptions::default()).await?;
    let vms = [vm_id(1), vm_id(2), vm_id(3)];
    let mut seq = store.load().await?.seq;
    for first in (0..JOBS).step_by(usize::try_from(JOBS_PER_COMMIT)?) {
        let mut commit = Commit::default();
        for number in first..first + JOBS_PER_COMMIT {
            let at = Timestamp::from_millis(NOON.as_millis() + i64::try_from(number)? * 60_000);
            let (job, tasks) = job(job_id(at, number), &vms, TaskStatus::Succeeded);
            seq += 1;
            let kind = EventKind::JobCreated { job: job.clone(), tasks: tasks.clone() };
            commit.events.push(Event { seq, at, actor: "token:bench".to_owned(), kind });
            commit.writes.extend(put_job(job, tasks));
        }
        store.commit(&commit).await?;
    }
    store.close().await;
    Ok(())
}

/// From sending the request to the first line of its output at a socket that is open, on a connection that is warm.
async fn first_lines(client: &Client, fleet: &Fleet) -> Result<Vec<Duration>> {
    let vms = fleet.add_all(client).await?;
    let mut socket = client.socket().await?;
    let mut took = Vec::new();
    for round in 0..WARM_UP_ROUNDS + ROUNDS {
        let channel = u32::try_from(round)?;
        let begun = Instant::now();
        let job = client.run("echo here", &vms).await?;
        socket.subscribe_log(channel, &job, &vms[0]).await?;
        loop {
            match socket.next(LIMIT).await? {
                Incoming::Lines(frame) if frame.channel == channel => break,
                Incoming::Closed(why) => anyhow::bail!("the socket was closed: {why:?}"),
                _ => {}
            }
        }
        if round >= WARM_UP_ROUNDS {
            took.push(begun.elapsed());
        }
        client.finished(&job, LIMIT).await?;
    }
    Ok(took)
}

fn median(values: &mut [Duration]) -> Duration {
    values.sort_unstable();
    values[values.len() / 2]
}

fn row(what: &'static str, measured: String, to_reach: &'static str, reached: bool) -> Row {
    Row { what, measured, to_reach, reached }
}

fn mib(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}

fn millis(duration: Duration) -> String {
    format!("{:.1} ms", duration.as_secs_f64() * 1e3)
}

fn table(rows: &[Row]) -> String {
    let mut text = "| | measured | to reach | |\n|---|---|---|---|\n".to_owned();
    for row in rows {
        let mark = if row.reached { "✓" } else { "✗" };
        let _ = writeln!(text, "| {} | {} | {} | {mark} |", row.what, row.measured, row.to_reach);
    }
    text
}
