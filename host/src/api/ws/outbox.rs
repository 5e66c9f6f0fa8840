//! What waits to be sent to one client, bounded in bytes, and the task that sends it.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use futures::stream::SplitSink;
use futures::{SinkExt, StreamExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::message::ServerMessage;

/// Bytes that may wait. A single larger message takes all of it.
const QUEUED_MAX: usize = 1024 * 1024;
/// What a small message counts at least, for what it costs besides its text.
const COST_MIN: usize = 64;
/// A client that takes nothing for this long is not there any more.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a state channel waits for room before the client counts as slow.
const ROOM_TIMEOUT: Duration = Duration::from_secs(20);
/// What is queued and the close frame are sent within this time at the end.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);
/// Longest reason that fits into a close frame.
const REASON_MAX: usize = 120;

/// Why a socket is closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CloseCode {
    /// 1001: the host stops, or nothing came from the client.
    Away,
    /// 1009: the client's frame is too large.
    TooBig,
    /// 4008: the client takes too little.
    Slow,
    /// 4400: the client's frame is no message.
    Malformed,
    /// 4401: the client's session or token has ended.
    Rights,
}

impl CloseCode {
    fn code(self) -> u16 {
        match self {
            Self::Away => 1001,
            Self::TooBig => 1009,
            Self::Slow => 4008,
            Self::Malformed => 4400,
            Self::Rights => 4401,
        }
    }
}

/// The socket is closed or about to be: nothing can be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed;

/// Where everything goes that is to be sent. Cheap to clone.
#[derive(Clone)]
pub struct Outbox {
    queue: mpsc::UnboundedSender<Queued>,
    room: Arc<Semaphore>,
    closing: Arc<Closing>,
}

struct Queued {
    message: Message,
    _room: OwnedSemaphorePermit,
}

struct Closing {
    token: CancellationToken,
    reason: OnceLock<(CloseCode, String)>,
}

/// Reads from the outbox.
pub struct Writer {
    queue: mpsc::UnboundedReceiver<Queued>,
    closing: Arc<Closing>,
}

/// An empty outbox and its reader. `stop` ends both.
pub fn outbox() -> (Outbox, Writer) {
    // Unbounded in length, bounded in bytes by the permits that each message holds.
    let (sender, queue) = mpsc::unbounded_channel();
    let closing = Arc::new(Closing { token: CancellationToken::new(), reason: OnceLock::new() });
    let room = Arc::new(Semaphore::new(QUEUED_MAX));
    (Outbox { queue: sender, room, closing: closing.clone() }, Writer { queue, closing })
}

impl Outbox {
    /// Sends a message of a state channel: waits a while for room; a client that has none by then is slow.
    pub async fn send(&self, message: &ServerMessage) -> Result<(), Closed> {
        let message = text(message);
        let room = self.room.clone().acquire_many_owned(cost(&message));
        match tokio::time::timeout(ROOM_TIMEOUT, room).await {
            Ok(Ok(room)) => self.push(message, room),
            Ok(Err(_)) => Err(Closed),
            Err(_) => {
                self.close(CloseCode::Slow, "slow");
                Err(Closed)
            }
        }
    }

    /// Sends a message of a log channel or log lines: waits for room as long as it takes.
    pub async fn send_patiently(&self, message: Message) -> Result<(), Closed> {
        let room = self.room.clone().acquire_many_owned(cost(&message)).await.map_err(|_| Closed)?;
        self.push(message, room)
    }

    /// Answers the client: a client that asks and takes no answers is slow.
    pub fn answer(&self, message: &ServerMessage) -> Result<(), Closed> {
        self.answer_raw(text(message))
    }

    /// The same for any message.
    pub fn answer_raw(&self, message: Message) -> Result<(), Closed> {
        if let Ok(room) = self.room.clone().try_acquire_many_owned(cost(&message)) {
            return self.push(message, room);
        }
        self.close(CloseCode::Slow, "slow");
        Err(Closed)
    }

    /// Closes the socket. The first reason counts.
    pub fn close(&self, code: CloseCode, reason: &str) {
        let end = reason.floor_char_boundary(REASON_MAX);
        let _first_counts = self.closing.reason.set((code, reason[..end].to_owned()));
        self.closing.token.cancel();
    }

    /// Why it was closed.
    pub fn closed_because(&self) -> Option<CloseCode> {
        self.closing.reason.get().map(|(code, _)| *code)
    }

    /// Triggered when the socket closes.
    pub fn closing(&self) -> &CancellationToken {
        &self.closing.token
    }

    fn push(&self, message: Message, room: OwnedSemaphorePermit) -> Result<(), Closed> {
        if self.closing.token.is_cancelled() {
            return Err(Closed);
        }
        self.queue.send(Queued { message, _room: room }).map_err(|_| Closed)
    }
}

/// A control message as it is sent.
pub fn text(message: &ServerMessage) -> Message {
    // These types always serialise.
    Message::Text(serde_json::to_string(message).unwrap_or_default().into())
}

/// Log lines as they are sent.
pub fn binary(bytes: Bytes) -> Message {
    Message::Binary(bytes)
}

fn cost(message: &Message) -> u32 {
    let length = match message {
        Message::Text(text) => text.len(),
        Message::Binary(bytes) | Message::Ping(bytes) | Message::Pong(bytes) => bytes.len(),
        Message::Close(_) => 0,
    };
    u32::try_from(length.clamp(COST_MIN, QUEUED_MAX)).unwrap_or(u32::MAX)
}

impl Writer {
    /// Sends until the socket closes, then says why.
    pub async fn run(mut self, mut sink: SplitSink<WebSocket, Message>) {
        let token = self.closing.token.clone();
        loop {
            let queued = tokio::select! {
                biased;
                () = token.cancelled() => break,
                queued = self.queue.recv() => queued,
            };
            let Some(queued) = queued else { break };
            tokio::select! {
                sent = tokio::time::timeout(SEND_TIMEOUT, sink.send(queued.message)) => match sent {
                    Ok(Ok(())) => {}
                    Ok(Err(_)) => {
                        token.cancel();
                        return;
                    }
                    Err(_) => {
                        let _first_counts = self.closing.reason.set((CloseCode::Slow, "slow".to_owned()));
                        token.cancel();
                    }
                },
                () = token.cancelled() => break,
            }
        }
        let _best_effort = tokio::time::timeout(CLOSE_TIMEOUT, self.finish(&mut sink)).await;
    }

    /// Sends what is queued, unless the client is too slow for that, and the close frame.
    async fn finish(&mut self, sink: &mut SplitSink<WebSocket, Message>) -> Result<(), axum::Error> {
        let (code, reason) = self.closing.reason.get().cloned().unwrap_or((CloseCode::Away, "bye".to_owned()));
        self.queue.close();
        if code != CloseCode::Slow {
            while let Ok(queued) = self.queue.try_recv() {
                sink.feed(queued.message).await?;
            }
        }
        sink.send(Message::Close(Some(CloseFrame { code: code.code(), reason: reason.into() }))).await
    }
}

/// Splits a socket for the reader and the writer.
pub fn split(socket: WebSocket) -> (SplitSink<WebSocket, Message>, futures::stream::SplitStream<WebSocket>) {
    socket.split()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_asks_and_takes_no_answers_is_slow_after_a_mebibyte() {
        let (outbox, _writer) = outbox();
        let pong = ServerMessage::Pong { id: Some(1) };
        let mut sent = 0;
        while outbox.answer(&pong).is_ok() {
            sent += 1;
        }
        assert_eq!(sent, QUEUED_MAX / COST_MIN);
        assert_eq!(outbox.closed_because(), Some(CloseCode::Slow));
        assert!(outbox.closing().is_cancelled());
    }

    #[tokio::test]
    async fn a_log_channel_waits_for_room_and_goes_on_when_there_is_some() {
        let (outbox, mut writer) = outbox();
        let large = || binary(Bytes::from(vec![0; QUEUED_MAX]));
        outbox.send_patiently(large()).await.unwrap();
        let waiting = tokio::spawn({
            let outbox = outbox.clone();
            async move { outbox.send_patiently(large()).await }
        });
        assert!(!waiting.is_finished());
        drop(writer.queue.recv().await);
        assert_eq!(waiting.await.unwrap(), Ok(()));
    }

    #[test]
    fn a_long_reason_is_cut_between_characters() {
        let (outbox, _writer) = outbox();
        outbox.close(CloseCode::Malformed, &"ü".repeat(200));
        assert!(outbox.closing.reason.get().unwrap().1.len() <= REASON_MAX);
    }
}
