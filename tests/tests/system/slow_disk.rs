//! The disk with the output is slow, and stands still for a while.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use corral_tests::client::{Client, Socket};
use serde_json::json;

use crate::day_file::{day_file, open};
use crate::numbered::Numbered;
use crate::preload::Preload;
use crate::{LONG, SOON, shared};

/// What each sync takes longer.
const SYNC_MS: i64 = 60;
/// Enough that the host may not keep all of it in memory.
const LINES: u64 = 600_000;
/// Lines that are shown before the disk stands still.
const SHOWN: u64 = 20_000;
/// What the host may hold of memory more than before, with all that it wrote held back.
const MEMORY_BYTES: u64 = 96 * 1024 * 1024;
/// Looks at what stands still.
const LOOKS: u64 = 20;

#[tokio::test(flavor = "multi_thread")]
async fn on_a_slow_disk_a_line_is_stored_before_it_is_shown_and_all_else_goes_on() -> Result<()> {
    let _machine = shared().await;
    let (lines, _) = Numbered::of_this_run("slow disk");
    let (disk, site) = Preload::new()?;
    let host = site.start()?;
    let client = site.client(&host)?;
    let vm = client.add_vm(&json!({"name": "here", "transport": "local"})).await?;
    // Somebody else's job of before, so that the file is there.
    let job = client.run("echo before", std::slice::from_ref(&vm)).await?;
    client.finished(&job, SOON).await?;
    let memory = host.resident_bytes()?;
    disk.slow_syncs(SYNC_MS)?;
    let job = client.run(&lines.counted(LINES), std::slice::from_ref(&vm)).await?;
    let mut file = open(&day_file(&site, &job)?).await?;
    let mut stored = async || -> Result<u64> {
        let query = sqlx::query_scalar("SELECT lines FROM log_stream ORDER BY id DESC LIMIT 1");
        let lines: i64 = query.fetch_one(&mut file).await?;
        Ok(lines as u64)
    };
    let mut socket = client.socket().await?;
    socket.subscribe_log_from(1, (&job, &vm), 0, 1_000_000).await?;
    let mut shown = 0;
    while shown < SHOWN {
        shown = next_shown(&mut socket, lines, shown).await?;
        let stored = stored().await?;
        ensure!(stored >= shown, "{shown} lines are shown, {stored} are stored");
    }
    drop(socket);

    disk.stand_still(true)?;
    let held = held_back(&client, &job).await?;
    // Everything else is answered, and what is stored can be read, while nothing more is shown than that.
    let log = format!("/api/jobs/{job}/tasks/{vm}/log");
    for look in 0..LOOKS {
        client.add_vm(&json!({"name": format!("later-{look}"), "transport": "local"})).await?;
        let page = client.get(&format!("{log}?from=100&count=50")).await?.ok()?;
        ensure!(page["lines"][0]["text"] == String::from_utf8(lines.from(100).next().context("line 100")?)?, "{page}");
        ensure!(page["total"].as_u64() <= Some(stored().await?), "what is shown is stored: {}", page["total"]);
        let used = host.resident_bytes()?.saturating_sub(memory);
        ensure!(used < MEMORY_BYTES, "the host holds {used} bytes more than before");
    }
    ensure!(stored().await? < LINES && held < LINES, "the command is held back: {held} lines were received");
    ensure!(client.job(&job).await?["finished_at"].is_null());

    disk.stand_still(false)?;
    disk.slow_syncs(0)?;
    let done = client.finished(&job, LONG).await?;
    ensure!(done["status"] == "succeeded" && done["tasks"][0]["lines"] == LINES, "{done}");
    let mut socket = client.socket().await?;
    socket.subscribe_log_from(1, (&job, &vm), i64::try_from(shown)?, 1_000_000).await?;
    while shown < LINES {
        shown = next_shown(&mut socket, lines, shown).await?;
    }
    Ok(())
}

/// Takes the next lines, which follow on those that were shown; how many are shown then.
async fn next_shown(socket: &mut Socket, lines: Numbered, shown: u64) -> Result<u64> {
    let frame = socket.next_lines(LONG).await?;
    ensure!(frame.first_line == shown, "expected line {shown}, got {}", frame.first_line);
    lines.check(shown, &frame.texts)?;
    Ok(shown + frame.texts.len() as u64)
}

/// Waits until no more lines are received; how many that are.
async fn held_back(client: &Client, job: &str) -> Result<u64> {
    // Longer than the pause between two reports of progress.
    const PAUSE: Duration = Duration::from_millis(1_200);
    let begun = tokio::time::Instant::now();
    let mut before = None;
    loop {
        let job = client.job(job).await?;
        ensure!(job["finished_at"].is_null(), "a command ended whose output cannot be stored: {job}");
        let lines = job["tasks"][0]["lines"].as_u64();
        if lines == before {
            return lines.context("a task has lines");
        }
        before = lines;
        ensure!(begun.elapsed() < LONG, "the output is never held back");
        tokio::time::sleep(PAUSE).await;
    }
}
