//! A host that is killed and comes back at the same address, and how those who speak with it live with that.

use std::sync::atomic::{AtomicU64, Ordering};
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
const CONFIG: &str = "[limits]\nhealth_interval_seconds = 2\nstop_grace_seconds = 1\n\
                      [ssh]\nkeepalive_seconds = 1\nkeepalive_misses = 2\n";

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
    keys: AtomicU64,
}

#[derive(Debug)]
struct Running {
    host: Host,
    since: Instant,
}

impl Keeper {
    /// Starts one at an address of its own: 127.4.`number`.1.
    pub fn start(number: u8) -> Result<Self> {
        tokio::task::block_in_place(|| {
            let site = Site::new()?;
            let config = site.path("corral.toml");
            std::fs::write(&config, CONFIG)?;
            let site = site.with_args(&["--config", &config.display().to_string()]);
            let host = site.start_at(&format!("127.4.{number}.1:0"))?;
            let client = site.client(&host)?;
            let listen = host.ready.url.trim_start_matches("http://").trim_end_matches('/').to_owned();
            let running = Mutex::new(Running { host, since: Instant::now() });
            Ok(Self { site, listen, running, client, keys: AtomicU64::new(0) })
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

    /// POST, likewise, and with a key by which the host knows that it is the same request.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value> {
        self.ask(Method::POST, path, Some(body)).await
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let key = format!("harness-{}", self.keys.fetch_add(1, Ordering::Relaxed));
        let begun = Instant::now();
        loop {
            let mut request = self.client.request(method.clone(), path);
            if let Some(body) = body {
                request = request.header("Idempotency-Key", &key).json(body);
            }
            match answer(request).await {
                Ok((status, body)) if status.is_success() => return Ok(body),
                Ok((StatusCode::SERVICE_UNAVAILABLE | StatusCode::CONFLICT, body)) if is_passing(&body) => {}
                Ok((status, body)) => bail!("{method} {path}: {status}: {body}"),
                Err(_) => {}
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
        let added = self.post("/api/vms", vm).await?;
        Ok(added["id"].as_str().with_context(|| format!("no id in {added}"))?.to_owned())
    }

    /// Starts a script on a machine; returns the job's id.
    pub async fn run(&self, script: &str, vm: &str) -> Result<String> {
        let request = json!({"command": {"script": script}, "targets": {"vms": [vm]}, "mode": "durable"});
        let job = self.post("/api/jobs", &request).await?;
        Ok(job["id"].as_str().with_context(|| format!("no id in {job}"))?.to_owned())
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

async fn answer(request: reqwest::RequestBuilder) -> Result<(StatusCode, Value)> {
    let response = request.send().await?;
    let status = response.status();
    let bytes = response.bytes().await?;
    Ok((status, serde_json::from_slice(&bytes).unwrap_or(Value::Null)))
}

/// Whether a refusal is only for now: the host is stopping, or the same request is being worked on.
fn is_passing(body: &Value) -> bool {
    let detail = body["detail"].as_str().unwrap_or_default();
    detail.contains("stopp") || detail.contains("ending") || detail.contains("being")
}
