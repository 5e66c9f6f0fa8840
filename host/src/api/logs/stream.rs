//! A log as one long body, window by window: memory does not depend on its length.

use std::io::Write;

use axum::body::{Body, Bytes};
use corral_domain::TaskKey;
use corral_engine::LogWindow;
use futures::{Stream, stream};

use super::LogLine;
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

/// Lines from `from` to before `until`.
pub fn stream(app: App, key: TaskKey, from: u64, until: u64, format: Format) -> Body {
    Body::from_stream(windows(app, key, from, until, format))
}

fn windows(
    app: App,
    key: TaskKey,
    from: u64,
    until: u64,
    format: Format,
) -> impl Stream<Item = Result<Bytes, std::io::Error>> {
    stream::try_unfold(from, move |next| {
        let app = app.clone();
        within(async move {
            if next >= until {
                return Ok(None);
            }
            let window = match app.engine().read_log(key, next, WINDOW.min(until - next)).await {
                Ok(Some(window)) => window,
                Ok(None) => return Ok(None),
                Err(error) => {
                    // The status line was sent long ago: the body breaks off, which the client notices.
                    tracing::error!(job = %key.job, vm = %key.vm, %error, "a log could not be read to its end");
                    return Err(std::io::Error::other("the log could not be read"));
                }
            };
            let after = window.damaged.map_or(next + window.lines.len() as u64, |(first, count)| first + count);
            // A store that has fewer lines than it says must not keep this going for ever.
            Ok((after > next).then(|| (write(&window, format), after)))
        })
    })
}

fn write(window: &LogWindow, format: Format) -> Bytes {
    let mut out = Vec::with_capacity(window.lines.text().len() + window.lines.len());
    match (window.damaged, format) {
        (Some((first, count)), Format::Text) => {
            let last = first + count - 1;
            out.extend_from_slice(format!("[corral: lines {first} to {last} are damaged on disk]\n").as_bytes());
        }
        (Some((first, count)), Format::Ndjson) => {
            let line = serde_json::json!({"damaged": {"first": first, "count": count}});
            out.extend_from_slice(format!("{line}\n").as_bytes());
        }
        (None, _) => {}
    }
    for (n, line) in (window.first..).zip(window.lines.iter()) {
        match format {
            Format::Text => {
                out.extend_from_slice(line.text);
                if !line.head.partial {
                    out.push(b'\n');
                }
            }
            Format::Ndjson => {
                // Writing into memory cannot fail, and these types always serialise.
                let _infallible = serde_json::to_writer(&mut out, &LogLine::new(n, line));
                let _infallible = out.write_all(b"\n");
            }
        }
    }
    out.into()
}
