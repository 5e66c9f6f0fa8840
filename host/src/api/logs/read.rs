//! `GET /api/jobs/{id}/tasks/{vm}/log`

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use corral_domain::{JobId, LineRef, OutputStream, TaskKey, Timestamp, VmId};
use corral_engine::LogWindow;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::stream::{Format, LogReader, body};
use crate::api::App;
use crate::api::extract::Params;
use crate::api::problem::Problem;

const COUNT_DEFAULT: u64 = 1_000;
/// Lines of one JSON page; longer stretches go as text or NDJSON.
const COUNT_MAX: u64 = 4_096;

/// Which lines, and how.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct ReadLog {
    /// Number of the first line, from 0; negative: from the end.
    from: Option<i64>,
    /// JSON: at most 4,096, 1,000 without. Text and NDJSON: all without.
    count: Option<u64>,
    /// `json` without.
    #[param(inline)]
    format: Option<LogFormat>,
}

/// How lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// A page.
    #[default]
    Json,
    /// The bytes as they came.
    Text,
    /// A JSON object a line.
    Ndjson,
}

/// A run of lines.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct LogPage {
    /// Whose.
    pub task: LogTask,
    /// Number of the first line asked for.
    pub from: u64,
    /// Lines of the whole log so far.
    pub total: u64,
    /// Nothing will be added.
    pub complete: bool,
    /// Where to read on.
    pub next: u64,
    /// The lines.
    pub lines: Vec<LogLine>,
    /// Runs that cannot be read because their chunk is damaged.
    pub damaged: Vec<DamagedRun>,
}

/// Names a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LogTask {
    /// Its job.
    #[schema(value_type = String)]
    pub job_id: JobId,
    /// Its VM.
    #[schema(value_type = String)]
    pub vm_id: VmId,
}

/// One line.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct LogLine {
    /// Its number, from 0.
    pub n: u64,
    /// When the host received it.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// `stdout` or `stderr`.
    pub stream: LogStream,
    /// Its text; bytes that are not UTF-8 are replaced.
    pub text: String,
    /// It goes on in the next line.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// What filters found out about it.
    pub annotations: BTreeMap<String, String>,
    /// Filters that changed its text.
    pub changed_by: Vec<String>,
}

/// Which of a command's outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A run that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DamagedRun {
    /// Number of its first line.
    pub first: u64,
    /// How many lines.
    pub count: u64,
}

/// Lines of a task's output. Text and NDJSON are streamed, however long they are.
#[utoipa::path(get, path = "/api/jobs/{id}/tasks/{vm}/log", tag = "jobs", operation_id = "read_log",
    params(("id" = String, Path), ("vm" = String, Path), ReadLog), responses(
    (status = 200, description = "Lines", body = LogPage),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn read(
    State(app): State<App>,
    Path((job, vm)): Path<(String, String)>,
    Params(params): Params<ReadLog>,
) -> Result<Response, Problem> {
    let key = TaskKey { job: job.parse()?, vm: vm.parse()? };
    let end = end(&app, key).await?;
    let from = first_line(params.from.unwrap_or(0), end.lines);
    let format = match params.format.unwrap_or_default() {
        LogFormat::Json => return page(&app, key, from, params.count).await,
        LogFormat::Text => Format::Text,
        LogFormat::Ndjson => Format::Ndjson,
    };
    let until = from.saturating_add(params.count.unwrap_or(u64::MAX)).min(end.lines);
    let mut response = body(LogReader::new(app, key, from, until, format)).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    Ok(response)
}

/// Where a task's log ends. A task that never wrote anything has an empty one; that of one whose output was removed is a problem.
pub async fn end(app: &App, key: TaskKey) -> Result<corral_storage::LogEnd, Problem> {
    if let Some(end) = app.engine().watch_log(key).await? {
        return Ok(*end.borrow());
    }
    match app.engine().job(key.job).await? {
        None => Err(Problem::not_found("job", key.job)),
        Some((_, tasks)) => {
            let task = tasks.into_iter().find(|task| task.key == key);
            let task = task.ok_or_else(|| Problem::not_found("task", format!("of {} on VM {}", key.job, key.vm)))?;
            Ok(corral_engine::end_without_log(&task)?)
        }
    }
}

/// A place in the log; negative counts from its end.
pub fn first_line(from: i64, total: u64) -> u64 {
    match u64::try_from(from) {
        Ok(from) => from,
        Err(_) => total.saturating_sub(from.unsigned_abs()),
    }
}

async fn page(app: &App, key: TaskKey, from: u64, count: Option<u64>) -> Result<Response, Problem> {
    let count = count.unwrap_or(COUNT_DEFAULT);
    if count == 0 || count > COUNT_MAX {
        let text = format!("is between 1 and {COUNT_MAX}; for more use format=text or format=ndjson");
        return Err(Problem::bad_parameter("count", text));
    }
    let window = match app.engine().read_log(key, from, count).await? {
        Some(window) => window,
        None => LogWindow { first: from, complete: end(app, key).await?.complete, ..LogWindow::default() },
    };
    let damaged = window.damaged.map(|(first, count)| DamagedRun { first, count });
    let next = damaged.map_or(from + window.lines.len() as u64, |run| run.first + run.count);
    let lines = (window.first..).zip(window.lines.iter()).map(|(n, line)| LogLine::new(n, line)).collect();
    Ok(Json(LogPage {
        task: LogTask { job_id: key.job, vm_id: key.vm },
        from,
        total: window.total,
        complete: window.complete,
        next,
        lines,
        damaged: damaged.into_iter().collect(),
    })
    .into_response())
}

impl LogLine {
    /// A line without text.
    pub fn empty(n: u64, at: Timestamp) -> Self {
        let (annotations, changed_by) = (BTreeMap::new(), Vec::new());
        Self { n, at, stream: LogStream::Stdout, text: String::new(), partial: false, annotations, changed_by }
    }

    /// A line as it is sent.
    pub fn new(n: u64, line: LineRef<'_>) -> Self {
        let stream = match line.head.stream {
            OutputStream::Stdout => LogStream::Stdout,
            OutputStream::Stderr => LogStream::Stderr,
        };
        let extras = line.extras.cloned().unwrap_or_default();
        Self {
            n,
            at: line.head.at,
            stream,
            text: String::from_utf8_lossy(line.text).into_owned(),
            partial: line.head.partial,
            annotations: extras.annotations,
            changed_by: extras.changed_by,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_negative_place_counts_from_the_end_and_stops_at_the_beginning() {
        assert_eq!(first_line(5, 100), 5);
        assert_eq!(first_line(-5, 100), 95);
        assert_eq!(first_line(-500, 100), 0);
        assert_eq!(first_line(i64::MIN, 100), 0);
    }
}
