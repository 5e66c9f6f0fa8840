//! Corral itself: the built binary and its API.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use corral_tests::bench::machines::Machines;
use corral_tests::bench::process;
use corral_tests::client::Client;
use corral_tests::host::{Host, Site};
use serde_json::json;

use crate::{AT_ONCE, Sample};

const LIMIT: Duration = Duration::from_mins(5);
const PLUGINS_LIMIT: Duration = Duration::from_mins(5);
/// How often it is asked whether the job has ended. Its answer is short: the job without its tasks.
const ASK_EVERY: Duration = Duration::from_millis(20);
/// How long the host is left alone with its connections before its memory is read.
const IDLE: Duration = Duration::from_secs(5);

/// Each mode on fresh connections and on those that are there; and the host's memory when idle with all of them.
pub async fn measure(machines: &Machines, n: usize) -> Result<(Vec<(&'static str, Sample)>, u64)> {
    // Looks at machines would open connections before the job does.
    let site = Site::new()?.with_env("CORRAL_HEALTH_INTERVAL_SECONDS", "0");
    let mut host = site.start()?;
    let client = site.client(&host)?;
    client.plugins_settled(PLUGINS_LIMIT).await?;
    let mut vms = Vec::with_capacity(n);
    for index in 0..n {
        vms.push(client.add_vm(&machines.vm(index)).await?);
    }
    let mut samples = Vec::new();
    let direct = run(machines, &client, &host, &vms, "direct").await?;
    samples.push(("cold, direct", direct));
    samples.push(("warm, direct", run(machines, &client, &host, &vms, "direct").await?));
    samples.push(("warm, durable", run(machines, &client, &host, &vms, "durable").await?));
    tokio::time::sleep(IDLE).await;
    let memory = host.resident_bytes()?;
    host.stop()?;

    let mut host = site.start()?;
    let client = site.client(&host)?;
    client.plugins_settled(PLUGINS_LIMIT).await?;
    samples.push(("cold, durable", run(machines, &client, &host, &vms, "durable").await?));
    host.stop()?;
    Ok((samples, memory))
}

async fn run(machines: &Machines, client: &Client, host: &Host, vms: &[String], mode: &str) -> Result<Sample> {
    let pid = host.ready.pid;
    let job = json!({"command": {"argv": ["true"]}, "targets": {"vms": vms}, "mode": mode, "parallelism": AT_ONCE});
    process::forget_peak(pid)?;
    let (client_before, sshd_before) = (process::own_cpu(pid), machines.cpu());
    let begun = Instant::now();
    let id = client.start_job(&job).await?;
    while !has_ended(client, &id).await? {
        ensure!(begun.elapsed() < LIMIT, "the job has not ended within {LIMIT:?}");
        tokio::time::sleep(ASK_EVERY).await;
    }
    let wall = begun.elapsed().as_secs_f64();
    let sample = Sample {
        wall,
        client_cpu: process::own_cpu(pid) - client_before,
        sshd_cpu: machines.cpu() - sshd_before,
        memory: process::peak(pid)?,
    };
    println!("    corral, {mode}: {wall:.2} s");
    let job = client.job(&id).await?;
    ensure!(job["counts"]["succeeded"] == vms.len(), "not all succeeded: {}", job["counts"]);
    Ok(sample)
}

async fn has_ended(client: &Client, id: &str) -> Result<bool> {
    let page = client.get("/api/jobs?limit=1").await?.ok()?;
    let newest = &page["items"][0];
    Ok(newest["id"] == id && !newest["finished_at"].is_null())
}
