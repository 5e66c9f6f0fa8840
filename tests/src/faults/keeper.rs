//! A host that is killed and comes back at the same address, and how those who speak with it live with that.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::client::Client;
use crate::host::{Host, Site};

/// How long an answer may take, restarts of the host among it.
const ANSWER_LIMIT: Duration = Duration::from_mins(2);
/// Pause before what was not answered is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(50);
/// How often a job is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(60);
/// A host that was started again is left in peace for so long: it must get something done in between.
const PEACE: Duration = Duration::from_millis(1_500);
/// The host's settings: what waits, waits shortly.
const CONFIG: &str = "[ssh]\nkeepalive_interval_seconds = 1\nkeepalive_misses = 2\nbreaker_pause_seconds = 1\n\
                      breaker_pause_max_seconds = 2\n\
                      [limits]\nhealth_interval_seconds = 2\nstop_grace_seconds = 1\n";

/// How a host ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blow {
    /// `kill -9`.
    Killed,
    /// It is asked to stop.
    Stopped,
}

impl Blow {
    /// What it is called in a summary.
    pub fn name(self) -> &'static str {
        match self {
            Self::Killed => "host killed",
            Self::Stopped => "host stopped",
        }
    }
}

/// The host, whichever process that is at the moment.
#[derive(Debug)]
pub struct Keeper {
    site: Site,
    listen: String,
    running: Mutex<Running>,
    /// Speaks with it.
    pub client: Client,
}

#[derive(Debug)]
struct Running {
    host: Host,
    since: Instant,
}

impl Keeper {
    /// Starts one at an address of its own: 127.4.`number`.1.
    pub fn start(number: u8) -> Result<Self> {
        Self::start_with(number, "")
    }

    /// The same with more lines in `[limits]`.
    pub fn start_with(number: u8, limits: &str) -> Result<Self> {
        tokio::task::block_in_place(|| {
            let site = Site::new()?;
            let config = site.path("corral.toml");
            std::fs::write(&config, format!("{CONFIG}{limits}\n"))?;
            let site = site.with_args(&["--config", &config.display().to_string()]);
            let host = site.start_at(&format!("127.4.{number}.1:0"))?;
            let client = site.client(&host)?;
            let listen = host.ready.url.trim_start_matches("http://").trim_end_matches('/').to_owned();
            let running = Mutex::new(Running { host, since: Instant::now() });
            Ok(Self { site, listen, running, client })
        })
    }

    /// Ends the host and starts it again after a pause. False if it was let be, because it has only just come.
    pub async fn strike(&self, blow: Blow, pause: Duration) -> Result<bool> {
        let Ok(mut running) = self.running.try_lock() else { return Ok(false) };
        if running.since.elapsed() < PEACE {
            return Ok(false);
        }
        end(&mut running.host, blow)?;
        tokio::time::sleep(pause).await;
        running.host = tokio::task::block_in_place(|| self.site.start_at(&self.listen))?;
        running.since = Instant::now();
        Ok(true)
    }

    /// Ends the host, does something meanwhile, and starts it again.
    pub async fn without_host<T>(&self, blow: Blow, meanwhile: impl Future<Output = Result<T>>) -> Result<T> {
        let mut running = self.running.lock().await;
        end(&mut running.host, blow)?;
        let done = meanwhile.await?;
        running.host = tokio::task::block_in_place(|| self.site.start_at(&self.listen))?;
        running.since = Instant::now();
        Ok(done)
    }

    /// Fails if the host ended by itself.
    pub async fn check(&self) -> Result<()> {
        let mut running = self.running.lock().await;
        if running.host.is_alive()? { Ok(()) } else { bail!("the host ended by itself:\n{}", running.host.log_tail()) }
    }

    /// The last lines that the host wrote.
    pub async fn log_tail(&self) -> String {
        self.running.lock().await.host.log_tail()
    }

    /// GET, again and again until the host is there to answer.
    pub async fn get(&self, path: &str) -> Result<Value> {
        self.ask(Method::GET, path, None).await
    }

    /// POST, likewise; only for what may be asked for twice.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.ask(Method::POST, path, Some(body)).await
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let begun = Instant::now();
        loop {
            let mut request = self.client.request(method.clone(), path);
            if let Some(body) = body {
                request = request.json(body);
            }
            match answer(request).await {
                Ok((status, body)) if status.is_success() => return Ok(body),
                // It is stopping, or gone.
                Ok((StatusCode::SERVICE_UNAVAILABLE, _)) | Err(_) => {}
                Ok((status, body)) => bail!("{method} {path}: {status}: {body}"),
            }
            if begun.elapsed() > ANSWER_LIMIT {
                self.check().await?;
                bail!("{method} {path}: no answer within {ANSWER_LIMIT:?}");
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
    }

    /// Adds a machine; returns its id.
    pub async fn add(&self, vm: &Value) -> Result<String> {
        id_of(&self.post("/api/vms", vm).await?)
    }

    /// Starts a script on a machine; returns the job's id.
    pub async fn run(&self, script: &str, vm: &str) -> Result<String> {
        self.run_in("durable", script, vm).await
    }

    /// The same in a mode.
    pub async fn run_in(&self, mode: &str, script: &str, vm: &str) -> Result<String> {
        let request = json!({"command": {"script": script}, "targets": {"vms": [vm]}, "mode": mode});
        let begun = Instant::now();
        loop {
            match answer(self.client.request(Method::POST, "/api/jobs").json(&request)).await {
                Ok((status, job)) if status.is_success() => return id_of(&job),
                Ok((StatusCode::SERVICE_UNAVAILABLE, _)) | Err(_) if begun.elapsed() < ANSWER_LIMIT => {}
                Ok((status, body)) => bail!("POST /api/jobs: {status}: {body}"),
                Err(error) => return Err(error.context("starting a job")),
            }
            // The host may have taken it and died before it could say so.
            let jobs = self.get("/api/jobs?limit=100").await?;
            let mut jobs = jobs["items"].as_array().into_iter().flatten();
            if let Some(job) = jobs.find(|job| job["command"]["script"] == script) {
                return id_of(job);
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
    }

    /// Does something to a job: `cancel`, `check`, `close`.
    pub async fn act(&self, job: &str, what: &str) -> Result<Value> {
        self.post(&format!("/api/jobs/{job}/{what}"), &json!({})).await
    }

    /// Waits until the only task of a job is as wanted; returns the task.
    pub async fn task_when(&self, job: &str, limit: Duration, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        let begun = Instant::now();
        loop {
            let task = self.get(&format!("/api/jobs/{job}")).await?["tasks"][0].clone();
            if wanted(&task) {
                return Ok(task);
            }
            if begun.elapsed() > limit {
                bail!("after {limit:?} the task is still not as wanted: {task}");
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until the only task of a job has ended.
    pub async fn ended(&self, job: &str, limit: Duration) -> Result<Value> {
        self.task_when(job, limit, |task| !task["finished_at"].is_null()).await
    }
}

fn end(host: &mut Host, blow: Blow) -> Result<()> {
    tokio::task::block_in_place(|| match blow {
        Blow::Killed => host.kill_9(),
        Blow::Stopped => {
            let status = host.stop()?;
            if status.success() { Ok(()) } else { bail!("a host that was asked to stop ended with {status}") }
        }
    })
}

fn id_of(body: &Value) -> Result<String> {
    Ok(body["id"].as_str().with_context(|| format!("no id in {body}"))?.to_owned())
}

async fn answer(request: reqwest::RequestBuilder) -> Result<(StatusCode, Value)> {
    let response = request.send().await?;
    let status = response.status();
    let bytes = response.bytes().await?;
    Ok((status, serde_json::from_slice(&bytes).unwrap_or(Value::Null)))
}
