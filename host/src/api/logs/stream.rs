//! A log as one long body, window by window: memory does not depend on its length, and nothing is read before it is asked for.

use std::io::{Error, Write};

use axum::body::{Body, Bytes};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use corral_domain::{LineRef, OutputStream, TaskKey};
use corral_engine::LogWindow;
use futures::stream;
use serde::Serialize;

use super::LogLine;
use super::ansi::Stripper;
use crate::api::App;
use crate::api::request::within;

/// Lines read at once.
const WINDOW: u64 = 4_096;

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// The bytes as they came.
    Text,
    /// A JSON object a line.
    Ndjson,
}

impl Format {
    /// Its media type. Bytes of a command may be anything; browsers must not guess.
    pub fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; charset=utf-8",
            Self::Ndjson => "application/x-ndjson",
        }
    }
}

/// Reads a log from one line to another and writes it in a format.
pub struct LogReader {
    app: App,
    key: TaskKey,
    next: u64,
    until: u64,
    format: Format,
    /// One for each of the two outputs, where escape sequences are left out.
    strippers: Option<[Stripper; 2]>,
}

impl LogReader {
    /// Lines from `from` to before `until`.
    pub fn new(app: App, key: TaskKey, from: u64, until: u64, format: Format) -> Self {
        Self { app, key, next: from, until, format, strippers: None }
    }

    /// Leaves escape sequences out.
    pub fn without_ansi(mut self) -> Self {
        self.strippers = Some(<[Stripper; 2]>::default());
        self
    }

    /// The next piece; none at the end. An error is logged here.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        if self.next >= self.until {
            return Ok(None);
        }
        let count = WINDOW.min(self.until - self.next);
        let window = match self.app.engine().read_log(self.key, self.next, count).await {
            Ok(Some(window)) => window,
            Ok(None) => return Err(Error::other("the output was removed while it was read")),
            Err(error) => {
                // The status line was sent long ago: the body breaks off, which the client notices.
                let TaskKey { job, vm } = self.key;
                tracing::error!(%job, %vm, %error, "a log could not be read to its end");
                return Err(Error::other("the log could not be read"));
            }
        };
        let after = window.damaged.map_or(self.next + window.lines.len() as u64, |(first, count)| first + count);
        // A store that has fewer lines than it says must not keep this going for ever.
        if after <= self.next {
            return Ok(None);
        }
        self.next = after;
        Ok(Some(self.write(&window)))
    }

    fn write(&mut self, window: &LogWindow) -> Bytes {
        let mut out = Vec::with_capacity(window.lines.text().len() + window.lines.len());
        if let Some((first, count)) = window.damaged {
            damaged(&mut out, self.format, first, count);
        }
        let mut plain = Vec::new();
        for (n, mut line) in (window.first..).zip(window.lines.iter()) {
            if let Some(strippers) = &mut self.strippers {
                plain.clear();
                let stripper = &mut strippers[usize::from(line.head.stream == OutputStream::Stderr)];
                stripper.strip(line.text, &mut plain);
                if !line.head.partial {
                    stripper.end_line();
                }
                line.text = &plain;
            }
            match self.format {
                Format::Text => {
                    out.extend_from_slice(line.text);
                    if !line.head.partial {
                        out.push(b'\n');
                    }
                }
                Format::Ndjson => {
                    // Writing into memory cannot fail, and these types always serialise.
                    let _infallible = serde_json::to_writer(&mut out, &WrittenLine::new(n, line));
                    let _infallible = out.write_all(b"\n");
                }
            }
        }
        out.into()
    }
}

/// A line with its bytes where they are not UTF-8.
#[derive(Serialize)]
struct WrittenLine {
    #[serde(flatten)]
    line: LogLine,
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

impl WrittenLine {
    fn new(n: u64, line: LineRef<'_>) -> Self {
        let base64 = std::str::from_utf8(line.text).is_err().then(|| BASE64.encode(line.text));
        Self { line: LogLine::new(n, line), base64 }
    }
}

fn damaged(out: &mut Vec<u8>, format: Format, first: u64, count: u64) {
    let text = match format {
        Format::Text => format!("[corral: lines {} to {} are damaged on disk]", first + 1, first + count),
        Format::Ndjson => serde_json::json!({"damaged": {"first": first, "count": count}}).to_string(),
    };
    out.extend_from_slice(text.as_bytes());
    out.push(b'\n');
}

/// A reader as a body.
pub fn body(reader: LogReader) -> Body {
    Body::from_stream(stream::try_unfold(reader, |mut reader| {
        within(async move { Ok::<_, Error>(reader.next().await?.map(|bytes| (bytes, reader))) })
    }))
}
