//! A host with machines, and jobs on it.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use corral_tests::bench::machines::Machines;
use corral_tests::bench::process;
use corral_tests::client::Client;
use corral_tests::host::{Host, Site};
use reqwest::Method;
use serde_json::{Value, json};

const PLUGINS_LIMIT: Duration = Duration::from_mins(5);
/// How long any job may take beyond what it is meant to take.
const JOB_LIMIT: Duration = Duration::from_mins(5);
/// How long an export may take.
const EXPORT_LIMIT: Duration = Duration::from_mins(10);
/// How often it is asked whether the job has ended. Its answer is short: the job without its tasks.
const ASK_EVERY: Duration = Duration::from_millis(20);

/// One host, and machines that it knows.
pub struct Scene {
    pub host: Host,
    pub client: Client,
    pub machines: Machines,
    pub vms: Vec<String>,
    /// Last: its folder goes when the host is gone.
    _site: Site,
}

/// What a job took.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sample {
    /// From the request to the end, in seconds.
    pub wall: f64,
    /// Processor time of the client, in seconds.
    pub client_cpu: f64,
    /// Processor time of sshd with all that it started, in seconds.
    pub sshd_cpu: f64,
    /// Most memory that the client held at a time, in bytes.
    pub memory: u64,
}

impl Scene {
    /// Starts them. The filter that redacts is on, as it is by default: a password is written, and must not come back.
    pub async fn start(machines: usize) -> Result<Self> {
        let fleet = Machines::start()?;
        // Looks at machines would take part in what is measured.
        let site = Site::new()?.with_env("CORRAL_HEALTH_INTERVAL_SECONDS", "0");
        let host = site.start()?;
        let client = site.client(&host)?;
        client.plugins_settled(PLUGINS_LIMIT).await?;
        let mut vms = Vec::with_capacity(machines);
        for index in 0..machines {
            vms.push(client.add_vm(&fleet.vm(index)).await?);
        }
        let scene = Self { host, client, machines: fleet, vms, _site: site };
        let job = scene.client.run("echo password=hunter2", &scene.vms[..1]).await?;
        scene.client.finished(&job, JOB_LIMIT).await?;
        let texts = scene.client.texts(&job, &scene.vms[0]).await?;
        ensure!(texts.len() == 1 && !texts[0].contains("hunter2"), "nothing is redacted: {texts:?}");
        Ok(scene)
    }

    /// A folder for files of the machines and of the tools.
    pub fn scratch(&self) -> &Path {
        self.machines.scratch()
    }

    /// Starts a command on the first `n` machines.
    pub async fn begin(&self, command: &Value, n: usize, mode: &str) -> Result<String> {
        let vms = &self.vms[..n];
        let job = json!({"command": command, "targets": {"vms": vms}, "mode": mode, "parallelism": n});
        self.client.start_job(&job).await
    }

    /// Waits until the newest job has ended well, which is after all of its output was stored.
    pub async fn ended(&self, job: &str, meant: Duration) -> Result<()> {
        let begun = Instant::now();
        while !self.has_ended(job).await? {
            ensure!(begun.elapsed() < meant + JOB_LIMIT, "the job has not ended within {:?}", meant + JOB_LIMIT);
            tokio::time::sleep(ASK_EVERY).await;
        }
        let job = self.client.job(job).await?;
        let failed = job["tasks"].as_array().and_then(|tasks| tasks.iter().find(|task| task["status"] != "succeeded"));
        ensure!(job["status"] == "succeeded", "not all succeeded: {}; one of them: {failed:?}", job["counts"]);
        Ok(())
    }

    async fn has_ended(&self, job: &str) -> Result<bool> {
        let page = self.client.get("/api/jobs?limit=1").await?.ok()?;
        let newest = &page["items"][0];
        ensure!(newest["id"] == job, "another job is the newest");
        Ok(!newest["finished_at"].is_null())
    }

    /// Begins to count what host and sshd take.
    pub fn meter(&self) -> Result<Meter<'_>> {
        process::forget_peak(self.host.ready.pid)?;
        Ok(Meter { scene: self, begun: Instant::now(), before: self.cpu() })
    }

    fn cpu(&self) -> (f64, f64) {
        (process::own_cpu(self.host.ready.pid), self.machines.cpu())
    }

    /// All stored text of a task, piece by piece.
    pub async fn export(&self, job: &str, vm: &str, mut take: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        let path = format!("/api/jobs/{job}/tasks/{vm}/log/export?format=text");
        let mut answer =
            self.client.request(Method::GET, &path).timeout(EXPORT_LIMIT).send().await?.error_for_status()?;
        while let Some(piece) = answer.chunk().await.context("the export broke off")? {
            take(&piece)?;
        }
        Ok(())
    }

    /// Compares all stored text of a task with what was written.
    pub async fn compare(&self, job: &str, vm: &str, expected: &[u8]) -> Result<()> {
        let mut at = 0;
        self.export(job, vm, |piece| {
            let same = expected.get(at..at + piece.len()) == Some(piece);
            ensure!(same, "what is stored is not what was written, within {} bytes from byte {at} on", piece.len());
            at += piece.len();
            Ok(())
        })
        .await?;
        ensure!(at == expected.len(), "{at} bytes are stored of {}", expected.len());
        Ok(())
    }
}

/// Counts what host and sshd take.
pub struct Meter<'a> {
    scene: &'a Scene,
    begun: Instant,
    before: (f64, f64),
}

impl Meter<'_> {
    /// What they took until now.
    pub fn read(&self) -> Result<Sample> {
        let wall = self.begun.elapsed().as_secs_f64();
        let now = self.scene.cpu();
        Ok(Sample {
            wall,
            client_cpu: now.0 - self.before.0,
            sshd_cpu: now.1 - self.before.1,
            memory: process::peak(self.scene.host.ready.pid)?,
        })
    }
}
