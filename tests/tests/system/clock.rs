//! Somebody sets the host's clock while jobs run: over midnight, and back by a day.

use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use corral_tests::client::Client;
use corral_tests::host::Site;
use reqwest::Method;
use serde_json::{Value, json};

use crate::day_file::{day_files, in_the_file, logs_of_copy};
use crate::numbered::{Numbered, Stop};
use crate::preload::Preload;
use crate::{LONG, SOON, shared};

const DAY_MS: i64 = 24 * 3600 * 1000;
/// Before and after midnight.
const MOMENT_MS: i64 = 60_000;
/// Lines that a command writes at once.
const BURST: u64 = 10;

struct World {
    client: Client,
    vms: [String; 1],
    lines: Numbered,
}

impl World {
    /// Waits until a job has written more than now.
    async fn writes_on(&self, job: &str) -> Result<()> {
        let path = format!("/api/jobs/{job}/tasks/{}/log?from=-1&count=1", self.vms[0]);
        let total =
            async || -> Result<u64> { self.client.get(&path).await?.ok()?["total"].as_u64().context("a total") };
        let (before, begun) = (total().await?, tokio::time::Instant::now());
        while total().await? < before + 4 * BURST {
            ensure!(begun.elapsed() < SOON, "it wrote {before} lines and writes no more");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// A job's whole log, each line as it was written and in its place.
    async fn log(&self, job: &str) -> Result<Vec<Value>> {
        let path = format!("/api/jobs/{job}/tasks/{}/log/export?format=ndjson", self.vms[0]);
        let text = self.client.request(Method::GET, &path).send().await?.text().await?;
        let lines = text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect::<Result<Vec<Value>>>()?;
        for (n, line) in lines.iter().enumerate() {
            ensure!(line["n"] == n, "expected line {n}, got {line}");
        }
        let texts: Vec<_> = lines.iter().map(|line| line["text"].as_str().unwrap_or_default()).collect();
        self.lines.check(0, &texts)?;
        Ok(lines)
    }

    /// Numbers of a job's lines that end in 7 and that a search with these words in its query finds, as they come.
    async fn found(&self, job: &str, range: &str) -> Result<Vec<u64>> {
        let path = format!("/api/search/logs?limit=100000&regex=true&q=%5E%5B0-9%5D*7%20&{range}");
        let text = self.client.request(Method::GET, &path).send().await?.error_for_status()?.text().await?;
        let messages = text.lines().map(|line| Ok(serde_json::from_str(line)?)).collect::<Result<Vec<Value>>>()?;
        let end = messages.last().context("a search has an end")?;
        ensure!(end["type"] == "end" && end["error"].is_null() && end["limited"] == false, "{end}");
        let hits = messages.iter().filter(|message| message["type"] == "hit" && message["job_id"] == job);
        Ok(hits.filter_map(|hit| hit["line"]["n"].as_u64()).collect())
    }

    /// Time ranges mean the time that a line shows, also where that is before its job was made or after it ended.
    async fn time_ranges_hold(&self, job: &str) -> Result<()> {
        let log = self.log(job).await?;
        for at in [log.len() / 3, log.len() - 1] {
            let at = log[at]["at"].as_str().context("a time")?;
            // Times of one form are in the order of their texts.
            let numbers = |wanted: &dyn Fn(&str) -> bool| -> Vec<u64> {
                let lines =
                    (0_u64..).zip(&log).filter(|(n, line)| n % 10 == 7 && line["at"].as_str().is_some_and(wanted));
                lines.map(|(n, _)| n).collect()
            };
            ensure!(self.found(job, &format!("since={at}")).await? == numbers(&|line| line >= at), "since {at}");
            ensure!(self.found(job, &format!("until={at}")).await? == numbers(&|line| line < at), "until {at}");
        }
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_keep_their_order_and_jobs_their_day_whatever_the_clock_does() -> Result<()> {
    let _machine = shared().await;
    let (lines, _) = Numbered::of_this_run("clock");
    let (system, site) = Preload::new()?;
    let now = machine_time(&site)?;
    let midnight = (now / DAY_MS + 1) * DAY_MS;
    // It is a minute to midnight, by this host's clock.
    system.set_clock(midnight - MOMENT_MS - now)?;
    let mut host = site.start()?;
    let client = site.client(&host)?;
    let vms = [client.add_vm(&json!({"name": "here", "transport": "local"})).await?];
    let mut world = World { client, vms, lines };
    let stop = Stop::at(site.path("stop"));
    let script = lines.until(&stop, BURST, false);
    let evening = world.client.run(&script, &world.vms).await?;
    world.writes_on(&evening).await?;
    system.set_clock(midnight + MOMENT_MS - now)?;
    world.writes_on(&evening).await?;
    let morning = world.client.run(&script, &world.vms).await?;
    world.writes_on(&morning).await?;
    // Back by a day: the morning's job goes on the day before it began.
    system.set_clock(midnight + MOMENT_MS - DAY_MS - now)?;
    world.writes_on(&morning).await?;
    let yesterday = world.client.run(&script, &world.vms).await?;
    world.writes_on(&yesterday).await?;
    host.kill_9()?;
    let host = site.start()?;
    world.client = site.client(&host)?;
    for job in [&evening, &morning, &yesterday] {
        world.writes_on(job).await?;
    }
    stop.now()?;
    for job in [&evening, &morning, &yesterday] {
        let done = world.client.finished(job, LONG).await?;
        ensure!(done["status"] == "succeeded", "{done}");
    }

    files_are_those_of_the_days(&site, &[&evening, &yesterday], &[&morning]).await?;
    for job in [&evening, &morning, &yesterday] {
        world.time_ranges_hold(job).await?;
    }
    let log = world.log(&morning).await?;
    let fell = log.windows(2).filter(|two| two[1]["at"].as_str() < two[0]["at"].as_str()).count();
    ensure!(fell == 1, "the clock was set back once while it wrote: {fell}");
    Ok(())
}

/// The machine's time, as its file system tells it.
fn machine_time(site: &Site) -> Result<i64> {
    let file = std::fs::File::create(site.path("now"))?;
    Ok(i64::try_from(file.metadata()?.modified()?.duration_since(UNIX_EPOCH)?.as_millis())?)
}

/// Jobs' lines are in the files of the days on which the jobs were made, and nowhere else.
async fn files_are_those_of_the_days(site: &Site, first: &[&String], second: &[&String]) -> Result<()> {
    let files = day_files(site)?;
    ensure!(files.len() == 2, "two days have two files: {files:?}");
    for (file, jobs) in files.iter().zip([first, second]) {
        let logs = logs_of_copy(file).await?;
        let mut wanted: Vec<_> = jobs.iter().map(|job| in_the_file(job)).collect();
        wanted.sort();
        ensure!(logs.keys().eq(&wanted), "{} has {:?}, not {wanted:?}", file.display(), logs.keys());
    }
    Ok(())
}
