//! Another process holds a database for longer than the host waits for it.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use corral_tests::client::Client;
use corral_tests::host::{Host, Site};
use serde_json::{Value, json};
use sqlx::{Connection, SqliteConnection};

use crate::day_file::{day_file, in_the_file, logs_of_copy, open};
use crate::numbered::{Numbered, Stop};
use crate::{LONG, SOON, shared};

/// Lines that a command writes at once.
const BURST: u64 = 50;

struct World {
    client: Client,
    vms: [String; 1],
    job: String,
    stop: Stop,
    lines: Numbered,
    host: Host,
    site: Site,
}

impl World {
    /// A host with a job that writes.
    async fn start(test: &str) -> Result<Self> {
        let (lines, _) = Numbered::of_this_run(test);
        let site = Site::new()?;
        let host = site.start()?;
        let client = site.client(&host)?;
        let vms = [client.add_vm(&json!({"name": "here", "transport": "local"})).await?];
        let stop = Stop::at(site.path("stop"));
        let job = client.run(&lines.until(&stop, BURST, false), &vms).await?;
        let world = Self { client, vms, job, stop, lines, host, site };
        world.stored_beyond(0).await?;
        Ok(world)
    }

    /// Lines that are shown of the job.
    async fn shown(&self) -> Result<u64> {
        let path = format!("/api/jobs/{}/tasks/{}/log?from=-1&count=1", self.job, self.vms[0]);
        self.client.get(&path).await?.ok()?["total"].as_u64().context("a total")
    }

    async fn stored_beyond(&self, lines: u64) -> Result<()> {
        let begun = tokio::time::Instant::now();
        while self.shown().await? <= lines {
            ensure!(begun.elapsed() < SOON, "{lines} lines are stored, and no more come");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// Waits until the host has told of something.
    async fn told(&self, words: &str) -> Result<()> {
        let begun = tokio::time::Instant::now();
        while !self.host.log_tail().contains(words) {
            ensure!(begun.elapsed() < SOON, "the host does not say `{words}`: {}", self.host.log_tail());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    async fn add(&self, name: &str) -> Result<corral_tests::client::Answer> {
        self.client.post("/api/vms", &json!({"name": name, "transport": "local"})).await
    }

    /// The job ends, and every line of it is there once.
    async fn ends_whole(&self) -> Result<()> {
        self.stop.now()?;
        let done = self.client.finished(&self.job, LONG).await?;
        self.is_whole(&done).await
    }

    async fn is_whole(&self, done: &Value) -> Result<()> {
        let texts = self.client.texts(&self.job, &self.vms[0]).await?;
        self.lines.check(0, &texts)?;
        let total = texts.len() as u64;
        ensure!(done["status"] == "succeeded" && done["tasks"][0]["lines"] == total, "{total} lines: {done}");
        ensure!(total.is_multiple_of(BURST), "{total} lines are not all that it wrote");
        let logs = logs_of_copy(&day_file(&self.site, &self.job)?).await?;
        logs.get(&in_the_file(&self.job)).context("the log")?.is_taken_in_as_far_as_it_is_stored()
    }
}

async fn lock(conn: &mut SqliteConnection) -> Result<()> {
    sqlx::raw_sql("PRAGMA busy_timeout = 20000; BEGIN EXCLUSIVE").execute(conn).await.context("taking the lock")?;
    Ok(())
}

async fn release(mut conn: SqliteConnection) -> Result<()> {
    sqlx::raw_sql("ROLLBACK").execute(&mut conn).await?;
    Ok(conn.close().await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_output_is_locked_lines_wait_and_none_is_lost_or_doubled() -> Result<()> {
    let _machine = shared().await;
    let world = World::start("locked output").await?;
    let mut other = open(&day_file(&world.site, &world.job)?).await?;
    lock(&mut other).await?;
    let before = world.shown().await?;
    world.told("it waits").await?;
    ensure!(world.host.log_tail().contains("locked by another process"), "{}", world.host.log_tail());
    // What is stored is shown, everything else goes on, and the job waits with what it wrote.
    ensure!(world.shown().await? == before);
    world.add("meanwhile").await?.ok()?;
    world.stop.now()?;
    let second = world.client.run("echo beside", &world.vms).await?;
    world.client.job_when(&second, SOON, |job| job["tasks"][0]["status"] == "running").await?;
    ensure!(
        world.client.job(&world.job).await?["finished_at"].is_null(),
        "its output is not stored, so it has not ended"
    );
    release(other).await?;
    world.ends_whole().await?;
    let done = world.client.finished(&second, LONG).await?;
    ensure!(done["status"] == "succeeded" && done["tasks"][0]["lines"] == 1, "{done}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_state_is_locked_changes_are_refused_with_the_reason_and_output_goes_on() -> Result<()> {
    let _machine = shared().await;
    let world = World::start("locked state").await?;
    let mut other = open(&world.site.data().join("state.db")).await?;
    lock(&mut other).await?;
    let before = world.shown().await?;
    let refused = world.add("refused").await?.problem(503)?;
    ensure!(refused["detail"].as_str().is_some_and(|text| text.contains("busy")), "{refused}");
    ensure!(world.client.get("/api/vms").await?.ok()?["items"].as_array().is_some_and(|vms| vms.len() == 1));
    world.stored_beyond(before).await?;
    // It ends meanwhile; that is told once it can be stored.
    world.stop.now()?;
    world.told("a change of state could not be stored").await?;
    ensure!(world.client.job(&world.job).await?["finished_at"].is_null());
    release(other).await?;
    world.add("later").await?.ok()?;
    world.ends_whole().await
}
