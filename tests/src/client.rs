//! A small client of the HTTP API and of the socket, written against `docs/protocol.md` alone.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use futures::{SinkExt, StreamExt};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// How long any one answer may take.
const ANSWER_LIMIT: Duration = Duration::from_mins(1);
/// How often a state is asked for while waiting for it.
const ASK_EVERY: Duration = Duration::from_millis(20);
/// Lines asked for at once.
const PAGE_LINES: u64 = 4096;

/// Speaks HTTP with one host, with one token.
#[derive(Debug, Clone)]
pub struct Client {
    base: String,
    token: String,
    http: reqwest::Client,
}

/// An answer: its status and, where there is one, its JSON.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status code.
    pub status: StatusCode,
    /// Body; null if it is not JSON.
    pub body: Value,
}

impl Answer {
    /// The body of an answer that says yes.
    pub fn ok(self) -> Result<Value> {
        if self.status.is_success() { Ok(self.body) } else { bail!("{}: {}", self.status, self.body) }
    }

    /// The body of an answer that must be a problem document with this status.
    pub fn problem(self, status: u16) -> Result<Value> {
        ensure!(self.status.as_u16() == status, "expected {status}, got {}: {}", self.status, self.body);
        for field in ["title", "status", "detail"] {
            ensure!(!self.body[field].is_null(), "a problem document says its {field}: {}", self.body);
        }
        Ok(self.body)
    }
}

impl Client {
    /// A client of the host at `base`.
    pub fn new(base: &str, token: &str) -> Result<Self> {
        // Another test of the same process may have done it before: then it is done.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().timeout(ANSWER_LIMIT).tcp_nodelay(true).build()?;
        Ok(Self { base: base.trim_end_matches('/').to_owned(), token: token.to_owned(), http })
    }

    /// Where the host listens, without a slash at the end.
    pub fn base(&self) -> &str {
        &self.base
    }

    /// The token.
    pub fn token(&self) -> &str {
        &self.token
    }

    /// A request with the token, for what the methods below do not cover.
    pub fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base)).bearer_auth(&self.token)
    }

    /// Sends a request.
    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer> {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.with_context(|| format!("asking {path}"))?;
        let status = response.status();
        let bytes = response.bytes().await?;
        Ok(Answer { status, body: serde_json::from_slice(&bytes).unwrap_or(Value::Null) })
    }

    /// GET.
    pub async fn get(&self, path: &str) -> Result<Answer> {
        self.send(Method::GET, path, None).await
    }

    /// POST.
    pub async fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        self.send(Method::POST, path, Some(body)).await
    }

    /// Adds a VM; returns its id.
    pub async fn add_vm(&self, vm: &Value) -> Result<String> {
        id_of(&self.post("/api/vms", vm).await?.ok().with_context(|| format!("adding {vm}"))?)
    }

    /// Starts a job; returns its id.
    pub async fn start_job(&self, job: &Value) -> Result<String> {
        id_of(&self.post("/api/jobs", job).await?.ok().with_context(|| format!("starting {job}"))?)
    }

    /// Starts a script on VMs; returns the job's id.
    pub async fn run(&self, script: &str, vms: &[String]) -> Result<String> {
        self.start_job(&json!({"command": {"script": script}, "targets": {"vms": vms}})).await
    }

    /// A job with its tasks.
    pub async fn job(&self, id: &str) -> Result<Value> {
        self.get(&format!("/api/jobs/{id}")).await?.ok()
    }

    /// Waits until a job has ended.
    pub async fn finished(&self, id: &str, limit: Duration) -> Result<Value> {
        self.job_when(id, limit, |job| !job["finished_at"].is_null()).await
    }

    /// Waits until a job is as wanted.
    pub async fn job_when(&self, id: &str, limit: Duration, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        let begun = Instant::now();
        loop {
            let job = self.job(id).await?;
            if wanted(&job) {
                return Ok(job);
            }
            ensure!(begun.elapsed() < limit, "after {limit:?} the job is still not as wanted: {job}");
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    /// Waits until no plugin is being loaded any more; returns the list.
    pub async fn plugins_settled(&self, limit: Duration) -> Result<Vec<Value>> {
        let begun = Instant::now();
        loop {
            let listed = self.get("/api/plugins").await?.ok()?;
            let plugins = listed["items"].as_array().cloned().unwrap_or_default();
            if !plugins.iter().any(|plugin| plugin["state"] == "discovered" || plugin["state"] == "compiling") {
                return Ok(plugins);
            }
            ensure!(begun.elapsed() < limit, "after {limit:?} some are still being loaded: {listed}");
            tokio::time::sleep(ASK_EVERY).await;
        }
    }

    /// All lines of a task's log, page by page, each with the number that it must have.
    pub async fn log(&self, job: &str, vm: &str) -> Result<Vec<Value>> {
        let mut lines: Vec<Value> = Vec::new();
        loop {
            let from = lines.len();
            let page =
                self.get(&format!("/api/jobs/{job}/tasks/{vm}/log?from={from}&count={PAGE_LINES}")).await?.ok()?;
            let more = page["lines"].as_array().context("a page has lines")?;
            for (at, line) in more.iter().enumerate() {
                let expected = (from + at) as u64;
                ensure!(line["n"].as_u64() == Some(expected), "expected line {expected}, got {line}");
            }
            if more.is_empty() {
                return Ok(lines);
            }
            lines.extend(more.iter().cloned());
        }
    }

    /// The texts of a task's log.
    pub async fn texts(&self, job: &str, vm: &str) -> Result<Vec<String>> {
        let lines = self.log(job, vm).await?;
        Ok(lines.iter().map(|line| line["text"].as_str().unwrap_or_default().to_owned()).collect())
    }

    /// Opens the socket.
    pub async fn socket(&self) -> Result<Socket> {
        let mut request = format!("{}/api/ws", self.base.replacen("http", "ws", 1)).into_client_request()?;
        let headers = request.headers_mut();
        headers.insert("Sec-WebSocket-Protocol", "corral.v1".parse()?);
        headers.insert("Authorization", format!("Bearer {}", self.token).parse()?);
        let (stream, _) = tokio_tungstenite::connect_async(request).await.context("opening the socket")?;
        if let MaybeTlsStream::Plain(tcp) = stream.get_ref() {
            tcp.set_nodelay(true)?;
        }
        Ok(Socket { stream })
    }
}

fn id_of(body: &Value) -> Result<String> {
    Ok(body["id"].as_str().with_context(|| format!("no id in {body}"))?.to_owned())
}

/// One socket to the host.
#[derive(Debug)]
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

/// What came over the socket.
#[derive(Debug, Clone)]
pub enum Incoming {
    /// A control message.
    Control(Value),
    /// Lines of a log.
    Lines(LogFrame),
    /// The host closed with this code and reason.
    Closed(Option<(u16, String)>),
}

/// A binary frame, taken apart.
#[derive(Debug, Clone)]
pub struct LogFrame {
    /// Its channel.
    pub channel: u32,
    /// Number of its first line.
    pub first_line: u64,
    /// Texts of the lines.
    pub texts: Vec<Vec<u8>>,
    /// Their flags.
    pub flags: Vec<u8>,
    /// Extras by index in the frame.
    pub extras: BTreeMap<usize, Value>,
}

impl Socket {
    /// Sends a control message.
    pub async fn send(&mut self, message: &Value) -> Result<()> {
        self.send_raw(Message::text(message.to_string())).await
    }

    /// Sends any frame, also one that no client should.
    pub async fn send_raw(&mut self, message: Message) -> Result<()> {
        Ok(self.stream.send(message).await?)
    }

    /// The next frame as it came, within `limit`; none if there is no socket any more. May be dropped at any time: nothing is
    /// lost.
    pub async fn next_raw(&mut self, limit: Duration) -> Result<Option<Message>> {
        let next = tokio::time::timeout(limit, self.stream.next()).await;
        Ok(next.map_err(|_| anyhow::anyhow!("nothing came over the socket within {limit:?}"))?.transpose()?)
    }

    /// The next message, within `limit`.
    pub async fn next(&mut self, limit: Duration) -> Result<Incoming> {
        let until = Instant::now() + limit;
        loop {
            let message = tokio::time::timeout_at(until, self.stream.next())
                .await
                .map_err(|_| anyhow::anyhow!("nothing came over the socket within {limit:?}"))?;
            return match message {
                Some(Ok(Message::Text(text))) => Ok(Incoming::Control(serde_json::from_str(&text)?)),
                Some(Ok(Message::Binary(bytes))) => Ok(Incoming::Lines(LogFrame::parse(&bytes)?)),
                Some(Ok(Message::Close(frame))) => {
                    Ok(Incoming::Closed(frame.map(|frame| (frame.code.into(), frame.reason.to_string()))))
                }
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => Ok(Incoming::Closed(None)),
            };
        }
    }

    /// The next lines, within `limit`, where nothing else may come.
    pub async fn next_lines(&mut self, limit: Duration) -> Result<LogFrame> {
        match self.next(limit).await? {
            Incoming::Lines(frame) => Ok(frame),
            other => bail!("expected lines, got {other:?}"),
        }
    }

    /// The next control message that is as wanted, within `limit`; others are passed over.
    pub async fn control_when(&mut self, limit: Duration, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        let until = Instant::now() + limit;
        loop {
            match self.next(until.saturating_duration_since(Instant::now())).await? {
                Incoming::Control(message) if wanted(&message) => return Ok(message),
                Incoming::Closed(why) => bail!("the socket was closed: {why:?}"),
                _ => {}
            }
        }
    }

    /// Subscribes to the state on channel 1; returns the snapshot.
    pub async fn subscribe_state(&mut self, limit: Duration) -> Result<Value> {
        self.send(&json!({"t": "subscribe", "ch": 1, "topic": "state"})).await?;
        self.control_when(limit, |message| message["t"] == "snapshot").await
    }

    /// The next event that is as wanted, within `limit`.
    pub async fn event_when(&mut self, limit: Duration, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        let holds = |message: &Value| message["events"].as_array().is_some_and(|events| events.iter().any(&wanted));
        let message = self.control_when(limit, holds).await?;
        let found = message["events"].as_array().and_then(|events| events.iter().find(|event| wanted(event)));
        found.cloned().context("it was there a moment ago")
    }

    /// Subscribes to a log from its first line on, with all the credit there can be.
    pub async fn subscribe_log(&mut self, channel: u32, job: &str, vm: &str) -> Result<()> {
        self.send(&json!({"t": "subscribe", "ch": channel, "topic": "log", "job": job, "vm": vm, "from": 0})).await?;
        self.send(&json!({"t": "credit", "ch": channel, "lines": 1_000_000})).await
    }

    /// Subscribes to the log of a task of a job from a line on, or from so many before the end, with so much credit.
    pub async fn subscribe_log_from(&mut self, channel: u32, task: (&str, &str), from: i64, credit: u64) -> Result<()> {
        let (job, vm) = task;
        self.send(&json!({"t": "subscribe", "ch": channel, "topic": "log", "job": job, "vm": vm, "from": from}))
            .await?;
        if credit > 0 { self.credit(channel, credit).await } else { Ok(()) }
    }

    /// Says that there is room for more lines.
    pub async fn credit(&mut self, channel: u32, lines: u64) -> Result<()> {
        self.send(&json!({"t": "credit", "ch": channel, "lines": lines})).await
    }

    /// All lines of one subscribed log to its end, each with the number that it must have; other channels are passed
    /// over.
    pub async fn read_log(&mut self, channel: u32, limit: Duration) -> Result<Vec<Vec<u8>>> {
        let until = Instant::now() + limit;
        let mut texts: Vec<Vec<u8>> = Vec::new();
        loop {
            match self.next(until.saturating_duration_since(Instant::now())).await? {
                Incoming::Lines(frame) if frame.channel == channel => {
                    ensure!(frame.first_line == texts.len() as u64, "a gap or a double at {}", frame.first_line);
                    texts.extend(frame.texts);
                    self.send(&json!({"t": "credit", "ch": channel, "lines": 10_000})).await?;
                }
                Incoming::Control(message) if message["ch"] == channel && message["t"] == "end" => {
                    ensure!(message["total"] == texts.len(), "{message}, but {} lines came", texts.len());
                    return Ok(texts);
                }
                Incoming::Control(message) if message["t"] == "error" => bail!("the host said {message}"),
                Incoming::Closed(why) => bail!("the socket was closed: {why:?}"),
                _ => {}
            }
        }
    }
}

impl LogFrame {
    /// Takes a frame apart as `docs/protocol.md` says.
    fn parse(bytes: &[u8]) -> Result<Self> {
        const HEAD: usize = 28;
        const LINE: usize = 9;
        ensure!(bytes.len() >= HEAD && bytes[0] == 1, "not a frame of log lines");
        let number = |at: usize| -> usize {
            u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]) as usize
        };
        let n_lines = number(16);
        let mut at = HEAD + n_lines * LINE;
        ensure!(bytes.len() >= at, "the frame is cut off");
        let mut extras = BTreeMap::new();
        for line in 0..n_lines {
            if bytes[HEAD + line * LINE + 8] & 4 != 0 {
                ensure!(bytes.len() >= at + 4, "the frame is cut off");
                let end = at + 4 + number(at);
                extras.insert(line, serde_json::from_slice(bytes.get(at + 4..end).context("the frame is cut off")?)?);
                at = end;
            }
        }
        let mut texts = Vec::with_capacity(n_lines);
        for line in 0..n_lines {
            let end = at + number(HEAD + line * LINE);
            texts.push(bytes.get(at..end).context("the frame is cut off")?.to_vec());
            at = end;
        }
        ensure!(at == bytes.len(), "{} bytes are left over", bytes.len() - at);
        let first_line = u64::from_le_bytes(bytes[8..16].try_into()?);
        let flags = (0..n_lines).map(|line| bytes[HEAD + line * LINE + 8]).collect();
        Ok(Self { channel: u32::from_le_bytes(bytes[4..8].try_into()?), first_line, texts, flags, extras })
    }
}
