//! What a plugin says: `log.write`, standard output and standard error. Kept in a bounded ring for its panel and
//! passed to the host's own log at a bounded rate: a chatty plugin must not drown the rest.

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
        Self { log, level, pending: Arc::default() }
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
        let line = String::from_utf8_lossy(&bytes);
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
