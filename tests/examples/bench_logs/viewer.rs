//! Somebody who looks at a log over the socket while it is written, and compares every line that comes.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use corral_tests::client::Socket;
use serde_json::{Value, json};
use tokio::time::MissedTickBehavior;
use tokio_tungstenite::tungstenite::Message;

use crate::text::Book;

/// How long nothing may come.
const LIMIT: Duration = Duration::from_mins(2);
/// Lines that a page has room for at first, as docs/protocol.md says.
const CREDIT: u64 = 4_000;
/// Time between two pictures of a page, which gives credit back with each.
const PICTURE: Duration = Duration::from_millis(16);
/// Lines before the end with which a page begins.
const PAGE_LINES: i64 = 200;
/// All the credit that there can be.
const CREDIT_MAX: u64 = 1_000_000;
const HEAD: usize = 28;
const LINE_HEAD: usize = 9;
const CHANNEL: u32 = 7;

/// How somebody looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// As a page does that follows: credit for what it took, once a picture; skipped ahead if it falls behind.
    Follows,
    /// Takes every line, as fast as it can.
    TakesAll,
}

/// What came.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seen {
    /// Lines that came, each as it was written.
    pub lines: u64,
    /// Lines that the host left out because the viewer had no room for them.
    pub skipped: u64,
}

/// A frame of lines, not copied.
pub struct Frame<'a> {
    /// Number of its first line.
    pub first: u64,
    /// Lengths of the texts, 9 bytes a line.
    heads: &'a [u8],
    /// Texts end to end.
    pub texts: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Takes a frame apart as docs/protocol.md says. None of its lines has extras.
    pub fn parse(bytes: &'a [u8]) -> Result<Self> {
        ensure!(bytes.len() >= HEAD && bytes[0] == 1, "not a frame of log lines");
        let lines = u32::from_le_bytes(bytes[16..20].try_into()?) as usize;
        let texts_at = HEAD + lines * LINE_HEAD;
        let (heads, texts) = (bytes.get(HEAD..texts_at).context("cut off")?, bytes.get(texts_at..).context("cut off")?);
        Ok(Self { first: u64::from_le_bytes(bytes[8..16].try_into()?), heads, texts })
    }

    /// Length of each line.
    pub fn lengths(&self) -> impl ExactSizeIterator<Item = usize> {
        let length = |head: &[u8]| u32::from_le_bytes([head[0], head[1], head[2], head[3]]) as usize;
        self.heads.chunks_exact(LINE_HEAD).map(length)
    }
}

/// Subscribes to a log.
pub async fn subscribe(socket: &mut Socket, channel: u32, job: &str, vm: &str, from: i64, credit: u64) -> Result<()> {
    let subscribe = json!({"t": "subscribe", "ch": channel, "topic": "log", "job": job, "vm": vm, "from": from});
    socket.send(&subscribe).await?;
    socket.send(&json!({"t": "credit", "ch": channel, "lines": credit})).await
}

/// Looks until the log ends.
pub async fn look(mut socket: Socket, job: String, vm: String, look: Look, book: Arc<Book>) -> Result<Seen> {
    let (from, credit) = if look == Look::Follows { (-PAGE_LINES, CREDIT) } else { (0, CREDIT_MAX) };
    subscribe(&mut socket, CHANNEL, &job, &vm, from, credit).await?;
    let mut pictures = tokio::time::interval(PICTURE);
    pictures.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut seen, mut next, mut taken) = (Seen::default(), 0, 0);
    loop {
        let message = tokio::select! {
            message = socket.next_raw(LIMIT) => message?.context("the socket was closed")?,
            _ = pictures.tick(), if taken > 0 => {
                socket.send(&json!({"t": "credit", "ch": CHANNEL, "lines": taken})).await?;
                taken = 0;
                continue;
            }
        };
        match message {
            Message::Binary(bytes) => {
                let frame = Frame::parse(&bytes)?;
                ensure!(frame.first == next, "expected line {next}, got {}", frame.first);
                book.compare(next, frame.lengths(), frame.texts)?;
                let lines = frame.lengths().len() as u64;
                (next, taken, seen.lines) = (next + lines, taken + lines, seen.lines + lines);
            }
            Message::Text(text) => {
                let message: Value = serde_json::from_str(&text)?;
                match message["t"].as_str() {
                    Some("lag") => {
                        let skipped = message["skipped"].as_u64().context("a number")?;
                        (next, seen.skipped) = (next + skipped, seen.skipped + skipped);
                    }
                    Some("end") => {
                        ensure!(message["total"] == next && next == book.lines(), "{message}, and {next} lines came");
                        return Ok(seen);
                    }
                    Some("error" | "damaged") => bail!("the host said {message}"),
                    _ => {}
                }
            }
            Message::Close(why) => bail!("the socket was closed: {why:?}"),
            _ => {}
        }
    }
}
