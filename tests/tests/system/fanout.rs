//! A job over many machines by real sshd: canary, batches, limits, another account, what was written alike.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Result, ensure};
use corral_tests::client::Client;
use corral_tests::fleet::Fleet;
use corral_tests::host::{Host, Site};
use serde_json::{Value, json};

use crate::{SOON, shared};

const MACHINES: usize = 6;

struct World {
    client: Client,
    vms: Vec<String>,
    // The host ends before its folder and its machines are gone.
    _host: Host,
    _fleet: Fleet,
    site: Site,
}

impl World {
    async fn start() -> Result<Self> {
        let fleet = Fleet::start(MACHINES).await?;
        let site = Site::new()?;
        let host = site.start()?;
        let client = site.client(&host)?;
        let vms = fleet.add_all(&client).await?;
        Ok(Self { client, vms, site, _fleet: fleet, _host: host })
    }

    /// A job of this script with these settings, on all machines, to its end.
    async fn run(&self, script: &str, more: Value) -> Result<Value> {
        let mut body = json!({"command": {"script": script}, "targets": {"vms": self.vms}});
        if let (Some(body), Some(more)) = (body.as_object_mut(), more.as_object()) {
            body.extend(more.clone());
        }
        let job = self.client.start_job(&body).await?;
        self.client.finished(&job, SOON).await
    }

    async fn post(&self, job: &Value, what: &str, body: Value) -> Result<Value> {
        let id = job["id"].as_str().unwrap_or_default();
        self.client.post(&format!("/api/jobs/{id}/{what}"), &body).await?.ok()
    }
}

fn tasks(job: &Value) -> &[Value] {
    job["tasks"].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn statuses(job: &Value) -> Vec<&str> {
    tasks(job).iter().filter_map(|task| task["status"].as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_follow_each_other_and_a_limit_stops_them() -> Result<()> {
    let _machine = shared().await;
    let world = World::start().await?;
    let marks = world.site.dir("marks")?;
    // Every task leaves a mark with the time at which it began and ended.
    let script = format!(
        "echo \"$(date +%s%N) begin\" >>{0}/log; sleep 0.2; echo \"$(date +%s%N) end\" >>{0}/log",
        marks.display()
    );
    let more = json!({"batch": {"size": 2, "pause_seconds": 1}, "parallelism": 2});
    let job = world.run(&script, more).await?;
    ensure!(job["status"] == "succeeded", "{job}");
    let log = std::fs::read_to_string(marks.join("log"))?;
    let mut marks: Vec<(u64, &str)> = Vec::new();
    for line in log.lines() {
        let (at, what) = line.split_once(' ').unwrap_or_default();
        marks.push((at.parse()?, what));
    }
    marks.sort_unstable();
    for wave in marks.chunks(4) {
        let what: Vec<_> = wave.iter().map(|(_, what)| *what).collect();
        ensure!(what[..] == ["begin", "begin", "end", "end"], "two at once and no more: {marks:?}");
    }
    for (one, next) in marks.chunks(4).zip(marks.chunks(4).skip(1)) {
        let pause = Duration::from_nanos(next[0].0 - one[3].0);
        ensure!(pause >= Duration::from_millis(900), "a pause of {pause:?}");
    }

    let job = world.run("exit 1", json!({"max_failures": "30%", "parallelism": 1})).await?;
    ensure!(statuses(&job) == ["failed", "failed", "cancelled", "cancelled", "cancelled", "cancelled"], "{job}");
    let message = tasks(&job)[5]["message"].as_str().unwrap_or_default();
    ensure!(message == "not started: 2 of 6 VMs went wrong (2 failed), and the job stops at 2", "{message}");
    let again = world.post(&job, "retry", json!({"which": "not_started"})).await?;
    ensure!(again["targets"].as_array().map(Vec::len) == Some(4) && again["retry_of"] == job["id"], "{again}");
    world.client.finished(again["id"].as_str().unwrap_or_default(), SOON).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_too_long_is_ended_with_a_receipt_and_no_process_is_left() -> Result<()> {
    let _machine = shared().await;
    let world = World::start().await?;
    let mark = format!("86400.{}", std::process::id());
    for mode in ["durable", "direct"] {
        let more = json!({"job_timeout_seconds": 2, "parallelism": 3, "mode": mode});
        let job = world.run(&format!("sleep {mark} & wait"), more).await?;
        let ended: BTreeSet<_> = statuses(&job).into_iter().collect();
        ensure!(ended == BTreeSet::from(["cancelled", "timed_out"]), "{mode}: {job}");
        for task in tasks(&job).iter().filter(|task| task["status"] == "timed_out") {
            ensure!(task["receipt"]["signalled"].as_u64() >= Some(1), "{task}");
            ensure!(task["receipt"]["survivors"] == json!([]), "{task}");
        }
        let left = corral_tests::sshd::processes_with(mark.as_bytes());
        ensure!(left.is_empty(), "{mode}: processes {left:?} are left");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preview_is_what_runs_and_output_is_grouped_with_a_diff_for_the_outlier() -> Result<()> {
    let _machine = shared().await;
    let world = World::start().await?;
    let marks = world.site.dir("first")?;
    let script = format!("mkdir {0}/it 2>/dev/null && echo I am first; echo \"$WORD in $PWD\"", marks.display());
    let body = json!({"command": {"script": script}, "targets": {"selector": "all"}, "env": {"WORD": "it's"},
        "workdir": "/usr", "dry_run": true, "canary": 1});
    let preview = world.client.post("/api/jobs", &body).await?.ok()?;
    ensure!(preview["dry_run"] == true && preview["total"] == MACHINES, "{preview}");
    ensure!(preview["waves"][1]["vms"].as_array().map(Vec::len) == Some(MACHINES - 1), "{preview}");
    ensure!(!marks.join("it").exists(), "nothing was started");
    let hash = &preview["command_hash"];
    let more = json!({"env": {"WORD": "it's"}, "workdir": "/usr", "canary": 1, "expect_hash": hash});
    let job = world.run(&script, more).await?;
    ensure!(job["status"] == "succeeded" && job["command_hash"] == *hash, "{job}");

    let id = job["id"].as_str().unwrap_or_default();
    let groups = world.client.get(&format!("/api/jobs/{id}/groups")).await?.ok()?;
    let sizes: Vec<_> =
        groups["groups"].as_array().into_iter().flatten().map(|g| g["vms"].as_array().map(Vec::len)).collect();
    ensure!(sizes == [Some(MACHINES - 1), Some(1)], "{groups}");
    ensure!(groups["groups"][0]["text"] == "it's in /usr\n" && groups["groups"][0]["diff"].is_null(), "{groups}");
    let diff = groups["groups"][1]["diff"].as_str().unwrap_or_default();
    ensure!(diff.ends_with("@@ -1 +1,2 @@\n+I am first\n it's in /usr\n"), "{diff}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_cancelled_alone_and_a_job_is_closed_though_its_machines_run_on() -> Result<()> {
    let _machine = shared().await;
    let world = World::start().await?;
    let id = world.client.run("trap '' TERM; sleep 60", &world.vms[..2]).await?;
    let running = |job: &Value| statuses(job) == ["running", "running"];
    world.client.job_when(&id, SOON, running).await?;
    let cancel = format!("/api/jobs/{id}/cancel");
    for _ in 0..2 {
        world.client.post(&cancel, &json!({"vms": [world.vms[0]]})).await?.ok()?;
    }
    let job = world.client.job_when(&id, SOON, |job| statuses(job) == ["cancelled", "running"]).await?;
    ensure!(tasks(&job)[0]["receipt"]["killed"].as_u64() >= Some(1), "{job}");
    let closed = world.client.post(&format!("/api/jobs/{id}/close"), &json!({})).await?.ok()?;
    ensure!(closed["status"] == "unknown", "{closed}");
    let job = world.client.job(&id).await?;
    ensure!(statuses(&job) == ["cancelled", "unknown"], "{job}");
    // It is looked for again, found, and ended.
    world.client.post(&format!("/api/jobs/{id}/check"), &json!({})).await?.ok()?;
    world.client.job_when(&id, SOON, |job| statuses(job) == ["cancelled", "running"]).await?;
    world.client.post(&cancel, &json!({"vms": [world.vms[1]]})).await?.ok()?;
    world.client.job_when(&id, SOON, |job| statuses(job) == ["cancelled", "cancelled"]).await?;
    Ok(())
}
