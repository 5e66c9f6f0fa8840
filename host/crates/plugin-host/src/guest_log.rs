//! What a plugin says: `log.write`, standard output and standard error. Kept in a bounded ring for its panel and
//! passed to the host's own log at a bounded rate: a chatty plugin must not drown the rest.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use corral_domain::{Clock, Timestamp};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// Lines that are kept for each plugin.
const LINES_MAX: usize = 512;
/// Longest line that is kept, in bytes.
const LINE_MAX: usize = 2048;
/// Lines that are passed on in one second.
const RATE_MAX: u32 = 50;
/// Bytes of an unfinished line of standard output that wait for their end.
const PENDING_MAX: usize = LINE_MAX;

/// How important a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Fine detail.
    Trace,
    /// Detail.
    Debug,
    /// Ordinary.
    Info,
    /// Something is odd.
    Warn,
    /// Something failed.
    Error,
}

impl LogLevel {
    /// As it is written in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
        }
    }
}

/// One line of a plugin's log.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct LogEntry {
    /// When.
    pub at: Timestamp,
    /// How important.
    pub level: LogLevel,
    /// What.
    pub text: String,
}

/// The log of one plugin, shared by all its instances.
pub struct GuestLog {
    plugin: String,
    clock: Arc<dyn Clock>,
    ring: Mutex<Ring>,
}

#[derive(Default)]
struct Ring {
    lines: VecDeque<LogEntry>,
    second: i64,
    passed: u32,
    suppressed: u64,
    suppressed_ever: u64,
}

impl GuestLog {
    /// An empty log.
    pub fn new(plugin: &str, clock: Arc<dyn Clock>) -> Self {
        Self { plugin: plugin.to_owned(), clock, ring: Mutex::default() }
    }

    /// Adds what a plugin said; every line of it is one entry.
    pub fn write(&self, level: LogLevel, message: &str) {
        for line in message.lines().take(LINES_MAX) {
            self.write_line(level, line);
        }
    }

    /// The lines that are kept, oldest first.
    pub fn entries(&self) -> Vec<LogEntry> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner).lines.iter().cloned().collect()
    }

    /// Lines that were too many to be passed on to the host's own log.
    pub fn suppressed_ever(&self) -> u64 {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner).suppressed_ever
    }

    fn write_line(&self, level: LogLevel, line: &str) {
        let text: String = line[..line.floor_char_boundary(LINE_MAX)]
            .chars()
            .map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c })
            .collect();
        let at = self.clock.now();
        let (pass, suppressed) = {
            let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
            if ring.lines.len() == LINES_MAX {
                ring.lines.pop_front();
            }
            ring.lines.push_back(LogEntry { at, level, text: text.clone() });
            ring.pass(at)
        };
        if suppressed > 0 {
            tracing::warn!(plugin = self.plugin, "{suppressed} lines of this plugin's log were not shown here");
        }
        if !pass {
            return;
        }
        match level {
            LogLevel::Trace => tracing::trace!(plugin = self.plugin, "{text}"),
            LogLevel::Debug => tracing::debug!(plugin = self.plugin, "{text}"),
            LogLevel::Info => tracing::info!(plugin = self.plugin, "{text}"),
            LogLevel::Warn => tracing::warn!(plugin = self.plugin, "{text}"),
            LogLevel::Error => tracing::error!(plugin = self.plugin, "{text}"),
        }
    }
}

impl Ring {
    /// Whether one more line may go to the host's log, and how many did not since the last that could.
    fn pass(&mut self, at: Timestamp) -> (bool, u64) {
        let second = at.as_millis().div_euclid(1000);
        if second != self.second {
            self.second = second;
            self.passed = 0;
        }
        if self.passed >= RATE_MAX {
            self.suppressed += 1;
            self.suppressed_ever += 1;
            return (false, 0);
        }
        self.passed += 1;
        (true, std::mem::take(&mut self.suppressed))
    }
}

/// Standard output or error of one instance. Remembers its last words: a panic's message is there and nowhere else.
#[derive(Clone)]
pub struct StdStream {
    log: Arc<GuestLog>,
    level: LogLevel,
    quotes: bool,
    pending: Arc<Mutex<Pending>>,
}

#[derive(Default)]
struct Pending {
    bytes: Vec<u8>,
    last: VecDeque<String>,
}

/// Lines of standard error that a trap's message quotes.
const LAST_WORDS: usize = 3;

impl StdStream {
    /// A stream into a plugin's log.
    pub fn new(log: Arc<GuestLog>, level: LogLevel) -> Self {
        Self { log, level, quotes: true, pending: Arc::default() }
    }

    /// The standard error of a filter whose lines must not be seen unfiltered. A panic quotes what it choked on, and that is a line: of
    /// what is written only the places of panics are kept.
    pub fn of_places(log: Arc<GuestLog>, level: LogLevel) -> Self {
        Self { quotes: false, ..Self::new(log, level) }
    }

    /// The last lines that were written, joined.
    pub fn last_words(&self) -> String {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        if !pending.bytes.is_empty() {
            self.end_line(&mut pending);
        }
        Vec::from(pending.last.clone()).join(" / ")
    }

    fn take(&self, bytes: &[u8]) {
        let mut pending = self.pending.lock().unwrap_or_else(PoisonError::into_inner);
        for &byte in bytes {
            if byte == b'\n' {
                self.end_line(&mut pending);
            } else if pending.bytes.len() < PENDING_MAX {
                pending.bytes.push(byte);
            }
        }
    }

    fn end_line(&self, pending: &mut Pending) {
        let bytes = std::mem::take(&mut pending.bytes);
        let text = String::from_utf8_lossy(&bytes);
        let line = if self.quotes { Some(text) } else { panic_place(&text).map(Cow::Owned) };
        let Some(line) = line else { return };
        self.log.write(self.level, &line);
        // Rust's advice on how to get a backtrace helps nobody here.
        if !line.trim().is_empty() && !line.starts_with("note: run with") {
            if pending.last.len() == LAST_WORDS {
                pending.last.pop_front();
            }
            pending.last.push_back(line.trim().to_owned());
        }
    }
}

/// `panicked at FILE:LINE:COLUMN`, if this is the line of a panic that says so and nothing else stands in that place.
fn panic_place(line: &str) -> Option<String> {
    let place = line.split_once("panicked at ")?.1.trim_end_matches(':');
    let mut parts = place.rsplitn(3, ':');
    let number =
        |part: Option<&str>| part.is_some_and(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    let numbers = number(parts.next()) && number(parts.next());
    let file = parts.next()?;
    let named = file.strip_suffix(".rs").is_some_and(|file| !file.is_empty())
        && file.chars().all(|c| c.is_ascii_alphanumeric() || "/._-".contains(c));
    (numbers && named).then(|| format!("panicked at {place}"))
}

impl wasmtime_wasi::cli::IsTerminal for StdStream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl wasmtime_wasi::cli::StdoutStream for StdStream {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for StdStream {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.take(&bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(64 * 1024)
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for StdStream {
    async fn ready(&mut self) {}
}

impl tokio::io::AsyncWrite for StdStream {
    fn poll_write(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> std::task::Poll<std::io::Result<usize>> {
        self.take(bytes);
        std::task::Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn poll_shutdown(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<std::io::Result<()>> {
        std::task::Poll::Ready(Ok(()))
    }
}

#[cfg(test)]
mod tests {
    use corral_domain::SystemClock;

    use super::*;

    #[test]
    fn of_a_filter_only_the_places_of_panics_are_kept() {
        let log = Arc::new(GuestLog::new("f", Arc::new(SystemClock)));
        let stream = StdStream::of_places(log.clone(), LogLevel::Warn);
        stream.take(b"\nthread '<unnamed>' (1) panicked at plugins/redact/src/lib.rs:10:5:\nbyte index 3 of `password=hunter2`\n");
        stream.take(b"thread 'main' panicked at 'hunter2', src/main.rs:1:2\nhunter2");
        assert_eq!(stream.last_words(), "panicked at plugins/redact/src/lib.rs:10:5");
        let texts: Vec<_> = log.entries().into_iter().map(|entry| entry.text).collect();
        assert_eq!(texts, ["panicked at plugins/redact/src/lib.rs:10:5"]);
    }

    #[test]
    fn what_does_not_go_to_the_hosts_log_is_counted() {
        let log = GuestLog::new("f", Arc::new(SystemClock));
        (0..10_000).for_each(|n| log.write(LogLevel::Trace, &n.to_string()));
        assert_eq!(log.entries().len(), LINES_MAX);
        // It may take more than a second, so that more than one second's lines pass.
        assert!(
            log.suppressed_ever() > 0 && log.suppressed_ever() <= 10_000 - u64::from(RATE_MAX),
            "{}",
            log.suppressed_ever()
        );
    }
}
