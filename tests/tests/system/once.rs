//! A request that is sent again with its `Idempotency-Key`, because the host was killed, makes no second job.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use corral_tests::client::{Answer, Client};
use corral_tests::faults::random::{Random, seed_of_this_run};
use corral_tests::fleet::Fleet;
use corral_tests::host::{Host, Site};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{LONG, shared};

/// What a command does beside the host's back: a line for each time that it was started, and it waits for leave to end.
struct Account {
    starts: PathBuf,
    leave: PathBuf,
}

impl Account {
    fn new(site: &Site, name: &str) -> Self {
        Self { starts: site.path(&format!("{name}-starts")), leave: site.path(&format!("{name}-leave")) }
    }

    fn job(&self, vms: &[String], mode: &str) -> Value {
        let quoted = |path: &Path| format!("'{}'", path.display());
        let (starts, leave) = (quoted(&self.starts), quoted(&self.leave));
        let script =
            format!("echo started >>{starts}; echo begun; until [ -e {leave} ]; do sleep 0.02; done; echo done");
        json!({"command": {"script": script}, "targets": {"vms": vms}, "mode": mode})
    }

    fn starts(&self) -> usize {
        std::fs::read_to_string(&self.starts).unwrap_or_default().lines().count()
    }

    fn let_it_end(&self) -> Result<()> {
        Ok(std::fs::write(&self.leave, "")?)
    }
}

async fn ask(client: &Client, key: &str, job: &Value) -> Result<Answer> {
    let request = client.request(Method::POST, "/api/jobs").header("Idempotency-Key", key).json(job);
    let response = request.send().await.context("asking for a job")?;
    let status = response.status();
    Ok(Answer { status, body: serde_json::from_slice(&response.bytes().await?).unwrap_or(Value::Null) })
}

/// Kills the host and starts another. The token stays the same: keys of different tokens are different keys.
fn killed(host: &mut Host, site: &Site, client: &mut Client) -> Result<()> {
    host.kill_9()?;
    *host = site.start()?;
    *client = Client::new(&host.ready.url, client.token())?;
    Ok(())
}

async fn jobs(client: &Client) -> Result<usize> {
    Ok(client.get("/api/jobs").await?.ok()?["items"].as_array().context("a list")?.len())
}

#[tokio::test(flavor = "multi_thread")]
async fn after_kill_9_the_same_key_gives_the_same_job_and_its_command_ran_once() -> Result<()> {
    let _machine = shared().await;
    let fleet = Fleet::start(1).await?;
    let site = Site::new()?;
    let mut host = site.start()?;
    let mut client = site.client(&host)?;
    let vms = fleet.add_all(&client).await?;
    for (n, (mode, end)) in [("durable", "succeeded"), ("direct", "unknown")].into_iter().enumerate() {
        let account = Account::new(&site, mode);
        let request = account.job(&vms, mode);
        let id = ask(&client, mode, &request).await?.ok()?["id"].clone();
        let job = id.as_str().context("an id")?;
        client.job_when(job, LONG, |job| job["tasks"][0]["lines"] == 1).await?;
        killed(&mut host, &site, &mut client)?;

        let again = ask(&client, mode, &request).await?.ok()?;
        ensure!(again["id"] == id, "{mode}: while it is at work: {again}");
        let mut other = request.clone();
        other["timeout_seconds"] = json!(77);
        let refused = ask(&client, mode, &other).await?.problem(409)?;
        ensure!(refused["detail"].as_str().is_some_and(|text| text.contains("Idempotency-Key")), "{refused}");
        account.let_it_end()?;
        let done = client.finished(job, LONG).await?;
        ensure!(done["tasks"][0]["status"] == end, "{mode}: {done}");

        killed(&mut host, &site, &mut client)?;
        let again = ask(&client, mode, &request).await?.ok()?;
        ensure!(again["id"] == id && again["tasks"][0]["status"] == end, "{mode}: after its end: {again}");
        ensure!(jobs(&client).await? == n + 1, "{mode}: there is one job for each key");
        ensure!(account.starts() == 1, "{mode}: it was started {} times", account.starts());
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_answer_a_kill_9_took_is_sent_again_and_its_command_runs_once() -> Result<()> {
    const TIMES: usize = 6;
    let _machine = shared().await;
    let seed = seed_of_this_run();
    writeln!(std::io::stderr(), "seed {seed}; give it back with CORRAL_SEED={seed}")?;
    let mut random = Random::new(seed);
    let fleet = Fleet::start(1).await?;
    let site = Site::new()?;
    let mut host = site.start()?;
    let mut client = site.client(&host)?;
    let vms = fleet.add_all(&client).await?;
    for time in 0..TIMES {
        let key = format!("key-{time}");
        let account = Account::new(&site, &key);
        account.let_it_end()?;
        let request = account.job(&vms, "durable");
        // From before the request is read to after the command was started.
        let moment = Duration::from_millis(random.between(0, 60));
        let asking = tokio::spawn({
            let (client, key, request) = (client.clone(), key.clone(), request.clone());
            async move { ask(&client, &key, &request).await }
        });
        tokio::time::sleep(moment).await;
        killed(&mut host, &site, &mut client)?;
        let first = asking.await?.and_then(Answer::ok).ok();

        let again = ask(&client, &key, &request).await?.ok()?;
        let told = format!("seed {seed}, time {time}, killed after {moment:?}: first {first:?}, then {again}");
        ensure!(first.is_none_or(|first| first["id"] == again["id"]), "another job: {told}");
        ensure!(jobs(&client).await? == time + 1, "a second job: {told}");
        let done = client.finished(again["id"].as_str().context("an id")?, LONG).await?;
        ensure!(done["status"] == "succeeded", "{done}; {told}");
        ensure!(account.starts() == 1, "started {} times: {told}", account.starts());
    }
    Ok(())
}
