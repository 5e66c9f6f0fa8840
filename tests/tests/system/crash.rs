//! The host is killed in the middle of its work.

use anyhow::{Context, Result, ensure};
use corral_tests::client::Incoming;
use corral_tests::fleet::Fleet;
use corral_tests::host::Site;
use serde_json::json;

use crate::{SOON, shared};

/// Lines that a viewer must have seen of each machine before the host is killed.
const SEEN_AT_LEAST: usize = 2_000;
const SCRIPT: &str = "i=0; while :; do i=$((i+1)); echo \"line $i\"; [ $((i % 200)) -ne 0 ] || sleep 0.01; done";

#[tokio::test(flavor = "multi_thread")]
async fn after_kill_9_nothing_is_running_and_every_line_that_was_shown_is_still_there() -> Result<()> {
    let _machine = shared().await;
    let fleet = Fleet::start(3).await?;
    let site = Site::new()?;
    let mut host = site.start()?;
    let client = site.client(&host)?;
    let vms = fleet.add_all(&client).await?;
    // Two run, the third waits: all three states of a task at the moment of the crash.
    let request = json!({"command": {"script": SCRIPT}, "targets": {"vms": vms}, "parallelism": 2, "mode": "direct"});
    let job = client.start_job(&request).await?;

    let mut socket = client.socket().await?;
    let mut seen: Vec<Vec<Vec<u8>>> = vec![Vec::new(); vms.len()];
    for (channel, vm) in (0_u32..).zip(&vms) {
        socket.subscribe_log(channel, &job, vm).await?;
    }
    while seen.iter().filter(|lines| lines.len() >= SEEN_AT_LEAST).count() < 2 {
        if let Incoming::Lines(frame) = socket.next(SOON).await? {
            let lines = seen.get_mut(frame.channel as usize).context("a channel that nobody opened")?;
            ensure!(frame.first_line == lines.len() as u64, "a gap or a double");
            lines.extend(frame.texts);
        }
    }
    host.kill_9()?;

    let host = site.start()?;
    let client = site.client(&host)?;
    let settled = client
        .job_when(&job, SOON, |job| {
            let tasks = job["tasks"].as_array().map(Vec::as_slice).unwrap_or_default();
            tasks.iter().filter(|task| task["status"] == "unknown").count() == 2
        })
        .await?;
    for (vm, seen) in vms.iter().zip(&seen) {
        let stored = client.texts(&job, vm).await?;
        ensure!(stored.len() >= seen.len(), "{} lines were shown, {} are stored", seen.len(), stored.len());
        for (at, text) in stored.iter().enumerate() {
            ensure!(*text == format!("line {}", at + 1), "line {at} is `{text}`");
        }
    }
    let lost: Vec<_> =
        settled["tasks"].as_array().into_iter().flatten().filter(|task| task["status"] == "unknown").collect();
    for task in lost {
        ensure!(task["message"].as_str().is_some_and(|text| !text.is_empty()), "says why: {task}");
        ensure!(!task["finished_at"].is_null(), "has an end: {task}");
    }

    // The third had not begun, so it may run now; it is an endless one, and a person can end it.
    client.post(&format!("/api/jobs/{job}/cancel"), &json!({})).await?.ok()?;
    let done = client.finished(&job, SOON).await?;
    ensure!(done["counts"]["running"] == 0 && done["counts"]["queued"] == 0, "{done}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_asked_to_stop_stops_and_says_what_became_of_its_tasks() -> Result<()> {
    let _machine = shared().await;
    let fleet = Fleet::start(1).await?;
    let site = Site::new()?.with_env("CORRAL_LIMITS_STOP_GRACE_SECONDS", "1");
    let mut host = site.start()?;
    let client = site.client(&host)?;
    let vms = fleet.add_all(&client).await?;
    let script = json!({"script": "echo begun; sleep 60"});
    let mut jobs = Vec::new();
    for mode in ["direct", "durable"] {
        let job = client.start_job(&json!({"command": script, "targets": {"vms": vms}, "mode": mode})).await?;
        client.job_when(&job, SOON, |job| job["tasks"][0]["lines"] == 1).await?;
        jobs.push(job);
    }
    let status = host.stop()?;
    ensure!(status.success(), "a soft stop is no failure: {status}");

    let host = site.start()?;
    let client = site.client(&host)?;
    let done = client.finished(&jobs[0], SOON).await?;
    ensure!(done["tasks"][0]["status"] == "unknown", "{done}");
    ensure!(done["tasks"][0]["message"].as_str().is_some_and(|text| !text.is_empty()), "{done}");
    // What runs in a capsule runs on, and is followed on.
    let job = client.job(&jobs[1]).await?;
    ensure!(job["status"] == "running", "{job}");
    client.post(&format!("/api/jobs/{}/cancel", jobs[1]), &json!({})).await?.ok()?;
    let done = client.finished(&jobs[1], SOON).await?;
    ensure!(done["tasks"][0]["receipt"]["gone"].as_u64().is_some_and(|gone| gone > 0), "{done}");
    Ok(())
}
