//! Large exports to clients that take their time, and to clients that go away.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use corral_tests::client::Client;
use corral_tests::faults::random::Random;
use corral_tests::fleet::Fleet;
use corral_tests::host::{Host, Site};
use futures::future::try_join_all;
use reqwest::Method;

use crate::exported::{files_of, unpacked};
use crate::numbered::Numbered;
use crate::{LONG, SOON, shared};

/// Some twenty megabytes of text for each of the machines: more than the buffers of a connection hold.
const LINES: u64 = 300_000;
/// Where it need not be more than that.
const SOME_LINES: u64 = 60_000;
const MACHINES: usize = 2;
/// What all exports together may cost the host.
const MEMORY_BYTES: u64 = 64 * 1024 * 1024;
/// Clients that go away, so many at a time.
const GONE: usize = 64;
const AT_ONCE: usize = 16;
/// Files and connections that a host keeps open for the next who asks: those of its readers, of which there are few.
const KEPT_OPEN: usize = 24;

struct Setting {
    client: Client,
    vms: Vec<String>,
    job: String,
    lines: Numbered,
    random: Random,
    host: Host,
    _site: Site,
    _fleet: Fleet,
}

/// A job that wrote much on each machine.
async fn setting(test: &str, count: u64) -> Result<Setting> {
    let (lines, random) = Numbered::of_this_run(test);
    let fleet = Fleet::start(MACHINES).await?;
    let site = Site::new()?;
    let host = site.start()?;
    let client = site.client(&host)?;
    let vms = fleet.add_all(&client).await?;
    let job = client.run(&lines.counted(count), &vms).await?;
    let done = client.finished(&job, LONG).await?;
    ensure!(done["status"] == "succeeded", "{done}");
    Ok(Setting { client, vms, job, lines, random, host, _site: site, _fleet: fleet })
}

impl Setting {
    fn paths(&self) -> Vec<(String, &'static str)> {
        let (job, vm) = (&self.job, &self.vms[0]);
        let log = |packing| (format!("/api/jobs/{job}/tasks/{vm}/log/export?compress={packing}"), packing);
        let all = |packing| (format!("/api/jobs/{job}/export?compress={packing}"), packing);
        vec![log("none"), log("none"), log("none"), log("gzip"), log("zstd"), all("none"), all("none"), all("zstd")]
    }

    /// Asks for a body and takes it piece by piece, with pauses.
    async fn taken_slowly(&self, path: &str, mut random: Random) -> Result<Vec<u8>> {
        let request = self.client.request(Method::GET, path).timeout(LONG);
        let mut response = request.send().await?.error_for_status()?;
        let mut body = Vec::new();
        let mut pause_at = 0;
        while let Some(piece) = response.chunk().await? {
            body.extend_from_slice(&piece);
            if body.len() >= pause_at {
                pause_at = body.len() + random.between(1, 8_000_000) as usize;
                tokio::time::sleep(Duration::from_millis(random.between(100, 600))).await;
            }
        }
        Ok(body)
    }

    /// The most memory that the host holds until something is done.
    async fn watched<T>(&self, work: impl Future<Output = Result<T>>) -> Result<(T, u64)> {
        let mut work = std::pin::pin!(work);
        let mut peak = 0;
        loop {
            tokio::select! {
                done = &mut work => return Ok((done?, peak)),
                () = tokio::time::sleep(Duration::from_millis(20)) => peak = peak.max(self.host.resident_bytes()?),
            }
        }
    }

    fn open_files(&self) -> Result<usize> {
        Ok(std::fs::read_dir(format!("/proc/{}/fd", self.host.ready.pid))?.count())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_clients_get_all_of_a_large_export_and_cost_the_host_little() -> Result<()> {
    let _machine = shared().await;
    let set = setting("slow exports", LINES).await?;
    let paths = set.paths();
    let before = set.host.resident_bytes()?;
    let slow = (0..).zip(&paths).map(|(at, (path, _))| {
        let random = Random::part(set.random.clone().number(), at);
        set.taken_slowly(path, random)
    });
    let (bodies, peak) = set.watched(try_join_all(slow)).await?;
    let more = peak.saturating_sub(before);
    ensure!(more < MEMORY_BYTES, "{} exports cost the host {more} bytes", paths.len());
    let text = set.lines.text(LINES);
    for ((path, packing), body) in paths.iter().zip(bodies) {
        let plain = unpacked(&body, packing)?;
        if path.contains("/tasks/") {
            ensure!(plain == text, "{path}: {} bytes, not {}", plain.len(), text.len());
            continue;
        }
        let mut files = files_of(&plain)?;
        ensure!(files.remove("job.json").is_some() && files.len() == MACHINES, "{path}: {:?}", files.keys());
        for (name, log) in files {
            ensure!(log == text, "{path}: {name} has {} bytes, not {}", log.len(), text.len());
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_go_away_in_the_middle_of_an_export_leave_nothing_behind() -> Result<()> {
    let _machine = shared().await;
    let mut set = setting("exports left", SOME_LINES).await?;
    let paths = set.paths();
    let (files, memory) = (set.open_files()?, set.host.resident_bytes()?);
    for round in 0..GONE / AT_ONCE {
        let pieces = set.random.between(1, 4);
        let begun = (0..AT_ONCE).map(async |at| {
            let (path, _) = &paths[(round + at) % paths.len()];
            let mut response = set.client.request(Method::GET, path).send().await?.error_for_status()?;
            for _ in 0..pieces {
                response.chunk().await?.context("there is more")?;
            }
            // Dropped with most of it to come, which closes the connection.
            anyhow::Ok(response)
        });
        let begun = try_join_all(begun).await?;
        ensure!(set.open_files()? >= files + AT_ONCE, "each has a connection");
        drop(begun);
    }
    let begun = tokio::time::Instant::now();
    while set.open_files()? > files + KEPT_OPEN {
        let open = set.open_files()?;
        ensure!(begun.elapsed() < SOON, "{open} files and connections are open, {files} were before");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let more = set.host.resident_bytes()?.saturating_sub(memory);
    ensure!(more < MEMORY_BYTES, "the host holds {more} bytes more than before");
    // Nobody is left for whom a host that stops would wait.
    ensure!(set.host.stop()?.success());
    Ok(())
}
