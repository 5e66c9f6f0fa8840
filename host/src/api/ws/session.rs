//! One socket: reads what the client wants and keeps its channels.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::{Message, WebSocket};
use corral_domain::TaskKey;
use futures::StreamExt;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::log::{Credit, LogChannel};
use super::message::{ClientMessage, ServerMessage, parse};
use super::outbox::{CloseCode, Closed, Outbox, outbox, split};
use super::state;
use crate::api::App;
use crate::auth::Identity;

/// Channels of one socket.
const CHANNELS_MAX: usize = 64;
/// Between two pings of the host.
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// A client from which nothing came for this long is gone.
const IDLE_MAX: Duration = Duration::from_secs(60);
/// Between two looks at the client's rights.
const RIGHTS_INTERVAL: Duration = Duration::from_secs(30);

/// Serves a socket to its end.
pub async fn run(app: App, identity: Identity, socket: WebSocket) {
    let (sink, mut stream) = split(socket);
    let (outbox, writer) = outbox();
    let tasks = TaskTracker::new();
    let writing = tokio::spawn(writer.run(sink));
    let mut session = Session { app, identity, outbox, channels: HashMap::new(), tasks };
    session.read(&mut stream).await;
    session.end().await;
    // The writer ends by itself: it is bounded in time once the outbox is closing.
    let _panics_are_logged = writing.await;
}

struct Session {
    app: App,
    identity: Identity,
    outbox: Outbox,
    channels: HashMap<u32, Channel>,
    tasks: TaskTracker,
}

struct Channel {
    cancel: CancellationToken,
    /// Set before the last message, so that the client may use the number again when it sees that.
    done: Arc<AtomicBool>,
    credit: Option<Arc<Credit>>,
    task: tokio::task::JoinHandle<()>,
}

impl Session {
    async fn read<S>(&mut self, stream: &mut S)
    where
        S: futures::Stream<Item = Result<Message, axum::Error>> + Unpin,
    {
        let mut ping = ticker(PING_INTERVAL);
        let mut rights = ticker(RIGHTS_INTERVAL);
        let mut heard = Instant::now();
        let (closing, stop) = (self.outbox.closing().clone(), self.app.stop().clone());
        loop {
            let step = tokio::select! {
                () = closing.cancelled() => return,
                () = stop.cancelled() => {
                    self.outbox.close(CloseCode::Away, "stopping");
                    return;
                }
                _ = ping.tick() => self.ping(heard),
                _ = rights.tick() => self.check_rights().await,
                frame = stream.next() => {
                    heard = Instant::now();
                    match frame {
                        Some(Ok(message)) => self.take(message).await,
                        Some(Err(error)) => self.broken(&error),
                        None => Err(Closed),
                    }
                }
            };
            if step.is_err() {
                return;
            }
        }
    }

    /// Ends all channels, so that nothing more is queued, and closes.
    async fn end(&mut self) {
        if self.outbox.closed_because() == Some(CloseCode::Slow) {
            self.app.figures().slow_sockets.fetch_add(1, Ordering::Relaxed);
        }
        for channel in self.channels.values() {
            channel.cancel.cancel();
        }
        self.tasks.close();
        self.tasks.wait().await;
        self.outbox.close(CloseCode::Away, "bye");
    }

    fn ping(&self, heard: Instant) -> Result<(), Closed> {
        if heard.elapsed() > IDLE_MAX {
            self.outbox.close(CloseCode::Away, "idle");
            return Err(Closed);
        }
        self.outbox.answer_raw(Message::Ping(Bytes::new()))
    }

    async fn check_rights(&self) -> Result<(), Closed> {
        match self.app.auth().still_valid(&self.identity).await {
            Ok(true) => Ok(()),
            Ok(false) => {
                self.outbox.close(CloseCode::Rights, "rights ended");
                Err(Closed)
            }
            // The store may be busy for a moment; the next look decides.
            Err(error) => {
                tracing::warn!(%error, "the rights of a socket could not be looked at");
                Ok(())
            }
        }
    }

    fn broken(&self, error: &axum::Error) -> Result<(), Closed> {
        let text = error.to_string();
        if text.to_lowercase().contains("too long") || text.contains("too big") {
            self.outbox.close(CloseCode::TooBig, "a frame has at most 65536 bytes");
        } else {
            tracing::debug!(%error, "a socket broke off");
        }
        Err(Closed)
    }

    async fn take(&mut self, message: Message) -> Result<(), Closed> {
        match message {
            Message::Text(text) => match parse(text.as_str()) {
                Ok(message) => self.obey(message).await,
                Err(reason) => self.malformed(&reason),
            },
            Message::Binary(_) => self.malformed("clients send text frames only"),
            Message::Ping(_) | Message::Pong(_) => Ok(()),
            Message::Close(_) => Err(Closed),
        }
    }

    fn malformed(&self, reason: &str) -> Result<(), Closed> {
        let reason = reason.chars().take(300).collect::<String>();
        self.error(None, "malformed", &reason)?;
        self.outbox.close(CloseCode::Malformed, &reason);
        Err(Closed)
    }

    async fn obey(&mut self, message: ClientMessage) -> Result<(), Closed> {
        match message {
            ClientMessage::Ping { id } => self.outbox.answer(&ServerMessage::Pong { id }),
            ClientMessage::Credit { ch, lines } => match self.channels.get(&ch) {
                Some(Channel { credit: Some(credit), .. }) => {
                    credit.add(lines);
                    Ok(())
                }
                _ => self.error(Some(ch), "unknown_channel", "no log channel of this number is open"),
            },
            ClientMessage::Unsubscribe { ch } => {
                if let Some(channel) = self.channels.remove(&ch) {
                    channel.cancel.cancel();
                    // Once it has ended nothing of it comes after the answer.
                    let _panics_are_logged = channel.task.await;
                }
                self.outbox.answer(&ServerMessage::Unsubscribed { ch })
            }
            ClientMessage::Subscribe { ch, topic, epoch, seq, job, vm, from, chunks } => {
                self.channels.retain(|_, channel| !channel.done.load(Ordering::Acquire) && !channel.task.is_finished());
                if self.channels.contains_key(&ch) {
                    return self.error(Some(ch), "channel_in_use", "unsubscribe it first, or take another number");
                }
                if self.channels.len() >= CHANNELS_MAX {
                    let text = format!("a socket has at most {CHANNELS_MAX} channels");
                    return self.error(Some(ch), "too_many_channels", &text);
                }
                match (topic.as_str(), job, vm) {
                    ("state", None, None) => {
                        self.subscribe_state(ch, epoch.zip(seq));
                        Ok(())
                    }
                    ("log", Some(job), Some(vm)) => {
                        self.subscribe_log(ch, TaskKey { job, vm }, from.unwrap_or(0), chunks.unwrap_or(false));
                        Ok(())
                    }
                    ("log", ..) => self.malformed("a log is named by `job` and `vm`"),
                    ("state", ..) => self.malformed("`state` has no `job` and no `vm`"),
                    _ => self.error(Some(ch), "unknown_topic", "topics are state and log"),
                }
            }
        }
    }

    fn subscribe_state(&mut self, ch: u32, place: Option<(String, u64)>) {
        let (app, outbox, cancel) = (self.app.clone(), self.outbox.clone(), self.outbox.closing().child_token());
        let run = {
            let cancel = cancel.clone();
            async move { cancel.run_until_cancelled(state::run(app, outbox, ch, place)).await.unwrap_or(()) }
        };
        let task = self.tasks.spawn(run);
        self.channels.insert(ch, Channel { cancel, done: Arc::default(), credit: None, task });
    }

    fn subscribe_log(&mut self, ch: u32, key: TaskKey, from: i64, chunks: bool) {
        let cancel = self.outbox.closing().child_token();
        let (done, credit) = (Arc::<AtomicBool>::default(), Arc::<Credit>::default());
        let log = LogChannel {
            app: self.app.clone(),
            outbox: self.outbox.clone(),
            ch,
            key,
            chunks,
            credit: credit.clone(),
            done: done.clone(),
        };
        let run = {
            let cancel = cancel.clone();
            async move { cancel.run_until_cancelled(log.run(from)).await.unwrap_or(()) }
        };
        let task = self.tasks.spawn(run);
        self.channels.insert(ch, Channel { cancel, done, credit: Some(credit), task });
    }

    fn error(&self, ch: Option<u32>, code: &str, message: &str) -> Result<(), Closed> {
        self.outbox.answer(&ServerMessage::Error { ch, code: code.to_owned(), message: message.to_owned() })
    }
}

fn ticker(period: Duration) -> tokio::time::Interval {
    let mut ticker = interval(period);
    ticker.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticker.reset();
    ticker
}
