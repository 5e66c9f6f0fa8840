//! `GET /api/search/logs`

use std::str::FromStr;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use corral_domain::{JobId, OutputStream, Timestamp, VmId};
use corral_engine::{AnnotationTerm, Pattern, Scope, SearchEvent, SearchQuery};
use futures::stream;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::api::App;
use crate::api::extract::{Caller, Params};
use crate::api::logs::{LogLine, LogStream};
use crate::api::problem::Problem;
use crate::api::request::{AsItIs, within};

/// Hits after which a search ends that names no limit.
const LIMIT_DEFAULT: u32 = 1_000;
/// Events that wait are sent as one piece, up to this many.
const EVENTS_AT_ONCE: usize = 16;

/// What to search for, and where.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub struct SearchLogs {
    /// What a line holds; any text without.
    q: Option<String>,
    /// `q` is a regular expression (RE2 syntax, linear time).
    #[serde(default)]
    regex: bool,
    /// Upper and lower case are the same.
    #[serde(default)]
    ignore_case: bool,
    /// Only this job.
    job: Option<String>,
    /// Only this VM.
    vm: Option<String>,
    /// Only jobs made from this template.
    template: Option<String>,
    /// Only this output.
    #[param(inline)]
    stream: Option<LogStream>,
    /// What filters found out: `level>=warn,user=ann`. All must hold.
    annotations: Option<String>,
    /// Only lines received at or after this time (RFC 3339).
    since: Option<String>,
    /// Only lines received before this time.
    until: Option<String>,
    /// Lines shown around each hit, at most 50.
    #[serde(default)]
    context: u32,
    /// Hits after which it ends, at most 100,000; 1,000 without.
    limit: Option<u32>,
}

/// One object of the answer, each on a line of its own.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum SearchMessage {
    /// A line was found.
    Hit(SearchHit),
    /// How far it has come.
    Progress { tasks: u64, lines: u64, bytes: u64, hits: u64 },
    /// A run of lines is damaged on disk and was not searched.
    Damaged { job_id: String, vm_id: String, first: u64, count: u64 },
    /// It has ended: at its limit, by an error, or because all is searched.
    End { lines: u64, bytes: u64, hits: u64, removed: u64, limited: bool, error: Option<String> },
}

/// A line that was found.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct SearchHit {
    /// Its job.
    #[schema(value_type = String)]
    pub job_id: JobId,
    /// Its VM.
    #[schema(value_type = String)]
    pub vm_id: VmId,
    /// The VM's name when the job was made.
    pub vm_name: String,
    /// When the job was accepted.
    #[schema(value_type = String, format = DateTime)]
    pub job_created_at: Timestamp,
    /// The line.
    pub line: FoundLine,
    /// Where in the line the pattern was found: pairs of byte offsets into the bytes as they came, the first few.
    pub ranges: Vec<[usize; 2]>,
    /// Lines before it.
    pub before: Vec<FoundLine>,
    /// Lines after it.
    pub after: Vec<FoundLine>,
}

/// A line of a result.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
pub struct FoundLine {
    /// The line; of a long one the 4 KiB around the first match.
    #[serde(flatten)]
    pub line: LogLine,
    /// Which part of it `text` is, if not all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut: Option<LineCut>,
}

/// Which part of a long line is shown.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
pub struct LineCut {
    /// Bytes left out before it.
    pub from: usize,
    /// Bytes of the whole line.
    pub bytes: usize,
}

/// Searches the output of jobs, newest first. The answer is NDJSON: hits as they are found, progress in between, an end. Hanging up
/// ends the search.
#[utoipa::path(get, path = "/api/search/logs", tag = "logs", operation_id = "search_logs", params(SearchLogs), responses(
    (status = 200, description = "A `SearchMessage` a line", body = SearchMessage, content_type = "application/x-ndjson"),
    (status = "default", description = "A problem", body = Problem),
))]
pub async fn search_logs(
    State(app): State<App>,
    caller: Caller,
    Params(params): Params<SearchLogs>,
) -> Result<Response, Problem> {
    let events = app.engine().search(caller.actor(), &params.query()?)?;
    let body = stream::unfold(events, |mut events| {
        within(async move {
            let mut waiting = Vec::with_capacity(EVENTS_AT_ONCE);
            if events.recv_many(&mut waiting, EVENTS_AT_ONCE).await == 0 {
                return None;
            }
            Some((Ok::<_, std::convert::Infallible>(written(waiting)), events))
        })
    });
    let mut response = Body::from_stream(body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    // Compressing would hold results back until enough of them are there.
    response.extensions_mut().insert(AsItIs);
    Ok(response)
}

impl SearchLogs {
    fn query(self) -> Result<SearchQuery, Problem> {
        let annotations = self.annotations.as_deref().unwrap_or_default();
        let terms = annotations.split(',').map(str::trim).filter(|term| !term.is_empty());
        let terms = terms.map(|term| parsed::<AnnotationTerm>("annotations", Some(term)));
        let q = self.q.filter(|q| !q.is_empty());
        Ok(SearchQuery {
            pattern: q.map(|q| if self.regex { Pattern::Regex(q) } else { Pattern::Literal(q) }),
            ignore_case: self.ignore_case,
            stream: self.stream.map(|stream| match stream {
                LogStream::Stdout => OutputStream::Stdout,
                LogStream::Stderr => OutputStream::Stderr,
            }),
            annotations: terms.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect(),
            since: moment("since", self.since.as_deref())?,
            until: moment("until", self.until.as_deref())?,
            context: self.context,
            limit: self.limit.unwrap_or(LIMIT_DEFAULT),
            scope: Scope {
                job: parsed("job", self.job.as_deref())?,
                vm: parsed("vm", self.vm.as_deref())?,
                template: self.template.filter(|template| !template.is_empty()),
            },
        })
    }
}

fn moment(field: &str, text: Option<&str>) -> Result<Option<Timestamp>, Problem> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    let invalid = |_| Problem::bad_parameter(field, "is a time (RFC 3339), as in 2026-01-31T12:00:00Z");
    text.parse().map(Some).map_err(invalid)
}

fn parsed<T: FromStr<Err: std::fmt::Display>>(field: &str, text: Option<&str>) -> Result<Option<T>, Problem> {
    let Some(text) = text.filter(|text| !text.is_empty()) else { return Ok(None) };
    text.parse().map(Some).map_err(|error| Problem::bad_parameter(field, format!("{error}")))
}

fn written(events: Vec<SearchEvent>) -> Bytes {
    let mut out = Vec::new();
    for event in events {
        // Writing into memory cannot fail, and these types always serialise.
        let _infallible = serde_json::to_writer(&mut out, &SearchMessage::from(event));
        out.push(b'\n');
    }
    out.into()
}

impl From<SearchEvent> for SearchMessage {
    fn from(event: SearchEvent) -> Self {
        match event {
            SearchEvent::Hit(hit) => Self::Hit((*hit).into()),
            SearchEvent::Progress { tasks, lines, bytes, hits } => Self::Progress { tasks, lines, bytes, hits },
            SearchEvent::Damaged { task, first, count } => {
                Self::Damaged { job_id: task.job.to_string(), vm_id: task.vm.to_string(), first, count }
            }
            SearchEvent::End { lines, bytes, hits, removed, limited, error } => {
                Self::End { lines, bytes, hits, removed, limited, error }
            }
        }
    }
}

impl From<corral_engine::Hit> for SearchHit {
    fn from(hit: corral_engine::Hit) -> Self {
        let mut before = Vec::new();
        let mut after = Vec::new();
        let mut found = None;
        for (n, line) in (hit.first..).zip(hit.lines.iter()) {
            let cut = hit.cuts.get(&n).map(|cut| LineCut { from: cut.from, bytes: cut.bytes });
            let line = FoundLine { line: LogLine::new(n, line), cut };
            match n.cmp(&hit.n) {
                std::cmp::Ordering::Less => before.push(line),
                std::cmp::Ordering::Equal => found = Some(line),
                std::cmp::Ordering::Greater => after.push(line),
            }
        }
        Self {
            job_id: hit.task.job,
            vm_id: hit.task.vm,
            vm_name: hit.vm_name,
            job_created_at: hit.job_created_at,
            line: found.unwrap_or_else(|| FoundLine { line: LogLine::empty(hit.n, hit.job_created_at), cut: None }),
            ranges: hit.ranges.into_iter().map(|(from, to)| [from, to]).collect(),
            before,
            after,
        }
    }
}
