//! Goes through the logs.

use std::collections::BTreeMap;
use std::sync::Arc;

use corral_domain::{Job, Lines, Task, TaskKey, Timestamp};
use corral_storage::chunk::Unpacked;
use corral_storage::{JobFilter, StorageError, StoredChunk};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::SendTimeoutError;
use tokio::time::{Duration, Instant};

use super::{InvalidQuery, Matcher, SearchQuery};
use crate::{Actor, Engine, Role, UseCaseError};

/// Chunks read at once; a stored chunk has some tens of kilobytes.
const CHUNKS_AT_ONCE: u32 = 8;
/// Jobs read at once.
const JOBS_AT_ONCE: u32 = 64;
/// Events that wait for whoever takes them.
const EVENTS_MAX: usize = 16;
/// Text of one line that is told, in bytes: what is longer is cut around the first match.
const SHOWN_MAX: usize = 4 * 1024;
/// Text before the first match that is told of a line that is cut, in bytes.
const SHOWN_BEFORE: usize = 1024;
/// A search whose results nobody takes for so long ends: it holds one of few places.
const STALL_MAX: Duration = Duration::from_mins(5);
/// By so much the clock may be set back while a job runs: its lines then are older than it is, or newer than its end, and a
/// search for a time finds them all the same. Jobs that are further away from that time are not read.
const CLOCK_SET_BACK_MAX_MS: i64 = 25 * 3600 * 1000;
/// Pause between two reports of progress.
const PROGRESS_EVERY: Duration = Duration::from_millis(250);

/// What a search tells while it goes on.
#[derive(Debug, Clone, PartialEq)]
pub enum SearchEvent {
    /// A line was found.
    Hit(Box<Hit>),
    /// How far it has come.
    Progress {
        /// Tasks whose logs were searched.
        tasks: u64,
        /// Lines of them.
        lines: u64,
        /// Bytes of text of them.
        bytes: u64,
        /// Hits so far.
        hits: u64,
    },
    /// A run of lines is damaged on disk and was not searched.
    Damaged {
        /// Whose.
        task: TaskKey,
        /// Number of its first line.
        first: u64,
        /// How many.
        count: u64,
    },
    /// It has ended.
    End {
        /// Lines that were searched.
        lines: u64,
        /// Bytes of text of them.
        bytes: u64,
        /// Hits.
        hits: u64,
        /// Tasks whose output is not kept any more.
        removed: u64,
        /// It ended at its limit; there may be more.
        limited: bool,
        /// Why it broke off; none: it came to its end.
        error: Option<String>,
    },
}

/// A line that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// Whose.
    pub task: TaskKey,
    /// The VM's name when the job was made.
    pub vm_name: String,
    /// When the job was accepted.
    pub job_created_at: Timestamp,
    /// Number of the line.
    pub n: u64,
    /// Number of the first of `lines`.
    pub first: u64,
    /// The line among its context. Text beyond 4 KiB of a line is left out, as `cuts` says.
    pub lines: Lines,
    /// Lines that were cut, by number.
    pub cuts: BTreeMap<u64, Cut>,
    /// Where in the whole text of the line the pattern was found: byte ranges, the first few of what is shown.
    pub ranges: Vec<(usize, usize)>,
}

/// Which part of a long line is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Bytes left out before it.
    pub from: usize,
    /// Bytes of the whole line.
    pub bytes: usize,
}

impl Engine {
    /// Searches stored output. Ends when the receiver is dropped. Needs [`Role::Viewer`].
    pub fn search(&self, actor: &Actor, query: &SearchQuery) -> Result<mpsc::Receiver<SearchEvent>, UseCaseError> {
        actor.require(Role::Viewer)?;
        if self.inner.stopping.is_cancelled() {
            return Err(UseCaseError::Stopping);
        }
        let matcher =
            Matcher::new(query).map_err(|InvalidQuery { field, problem }| UseCaseError::invalid(field, problem))?;
        let Ok(permit) = self.inner.searches.clone().try_acquire_owned() else {
            return Err(UseCaseError::Overloaded("as many searches as there may be at once are at work"));
        };
        let (events, receiver) = mpsc::channel(EVENTS_MAX);
        let mut search = Search::new(self.clone(), matcher, events);
        let stopping = self.inner.stopping.clone();
        self.inner.work.spawn(async move {
            tokio::select! {
                () = search.run() => {}
                () = stopping.cancelled() => {}
            }
            drop(permit);
        });
        Ok(receiver)
    }
}

struct Search {
    engine: Engine,
    matcher: Arc<Matcher>,
    events: mpsc::Sender<SearchEvent>,
    tasks: u64,
    lines: u64,
    bytes: u64,
    hits: u64,
    removed: u64,
    reported: Instant,
}

/// Why a search goes no further.
enum Stop {
    /// It has as many hits as were asked for.
    Limit,
    /// Nobody takes the results.
    Gone,
    Storage(StorageError),
}

impl From<StorageError> for Stop {
    fn from(error: StorageError) -> Self {
        Self::Storage(error)
    }
}

impl Search {
    fn new(engine: Engine, matcher: Matcher, events: mpsc::Sender<SearchEvent>) -> Self {
        let matcher = Arc::new(matcher);
        Self { engine, matcher, events, tasks: 0, lines: 0, bytes: 0, hits: 0, removed: 0, reported: Instant::now() }
    }

    async fn run(&mut self) {
        let stop = self.jobs().await.err();
        let (limited, error) = match stop {
            Some(Stop::Gone) => return,
            Some(Stop::Limit) => (true, None),
            Some(Stop::Storage(error)) => {
                tracing::error!(%error, "a search broke off");
                (false, Some(error.to_string()))
            }
            None => (false, None),
        };
        let Self { lines, bytes, hits, removed, .. } = *self;
        let end = SearchEvent::End { lines, bytes, hits, removed, limited, error };
        // Whoever asked may be gone by now.
        let _gone = self.events.send(end).await;
    }

    /// All jobs of the scope, newest first.
    async fn jobs(&mut self) -> Result<(), Stop> {
        let scope = self.matcher.query().scope.clone();
        if let Some(id) = scope.job {
            return match self.engine.job(id).await? {
                Some((job, tasks)) => self.job(&job, &tasks).await,
                None => Ok(()),
            };
        }
        let mut filter = JobFilter { vm: scope.vm, template: scope.template, ..JobFilter::default() };
        loop {
            let page = self.engine.jobs(&filter, JOBS_AT_ONCE).await?;
            for job in &page.jobs {
                if may_have_lines_of_the_time(job, self.matcher.query()) {
                    let tasks = self.engine.inner.deps.state.tasks(job.id).await?;
                    self.job(job, &tasks).await?;
                }
            }
            match page.next {
                Some(next) => filter.before = Some(next),
                None => return Ok(()),
            }
        }
    }

    async fn job(&mut self, job: &Job, tasks: &[Task]) -> Result<(), Stop> {
        let vm = self.matcher.query().scope.vm;
        for task in tasks.iter().filter(|task| vm.is_none_or(|vm| vm == task.key.vm)) {
            self.task(job, task).await?;
            self.tasks += 1;
        }
        Ok(())
    }

    async fn task(&mut self, job: &Job, task: &Task) -> Result<(), Stop> {
        let logs = Arc::clone(&self.engine.inner.deps.logs);
        // Lines that are there before the first chunk is read: of a log that grows, later ones may be found and need not be.
        let there = match logs.end(task.key).await {
            Err(StorageError::Corrupt(_)) => 0,
            end => end?.unwrap_or_default().lines,
        };
        let mut next = 0;
        loop {
            let chunks = match logs.chunks(task.key, next, u64::MAX - next, CHUNKS_AT_ONCE).await {
                Ok(chunks) => chunks,
                // Damage beyond a chunk: the file itself cannot be read here. Other logs are in other places.
                Err(error @ StorageError::Corrupt(_)) => {
                    tracing::error!(job = %job.id, vm = %task.vm_name, first = next, %error, "stored output is damaged");
                    let count = task.lines.saturating_sub(next);
                    return self.send(SearchEvent::Damaged { task: task.key, first: next, count }).await;
                }
                Err(error) => return Err(error.into()),
            };
            let matcher = Arc::clone(&self.matcher);
            let scanned = tokio::task::spawn_blocking(move || scan(&matcher, &chunks)).await;
            let scanned = scanned.map_err(|error| Stop::Storage(StorageError::Corrupt(error.to_string())))?;
            let before = next;
            for part in scanned {
                let end = part.first + part.count;
                // A row that says that it has more lines than are in it is met again behind them.
                if end > next {
                    self.missing(task.key, next, part.first).await?;
                    next = end;
                    self.take(job, task, part).await?;
                }
            }
            if next == before {
                if logs.end(task.key).await?.is_none() {
                    self.removed += u64::from(task.lines > 0);
                    return Ok(());
                }
                return self.missing(task.key, next, there).await;
            }
            self.report().await?;
        }
    }

    /// Tells that chunks from one line to before another are not there.
    async fn missing(&self, task: TaskKey, first: u64, until: u64) -> Result<(), Stop> {
        let count = until.saturating_sub(first);
        if count > 0 { self.send(SearchEvent::Damaged { task, first, count }).await } else { Ok(()) }
    }

    async fn take(&mut self, job: &Job, task: &Task, part: Scanned) -> Result<(), Stop> {
        let Scanned { first, count, bytes, found } = part;
        let found = match found {
            Ok(found) => found,
            Err(error) => {
                tracing::error!(job = %job.id, vm = %task.vm_name, first, %error, "stored output is damaged");
                return self.send(SearchEvent::Damaged { task: task.key, first, count }).await;
            }
        };
        self.lines += count;
        self.bytes += bytes;
        let Some((indices, lines)) = found else { return Ok(()) };
        for index in indices {
            let n = first + index as u64;
            let context = u64::from(self.matcher.query().context);
            let (from, around) = self.around(task.key, n, context, first, &lines).await?;
            let text = lines.get(index).map(|line| line.text).unwrap_or_default();
            let mut ranges = self.matcher.ranges(text);
            let (shown, cuts) = shorten(&around, from, n, ranges.first().map_or(0, |(at, _)| *at));
            if let Some(cut) = cuts.get(&n) {
                ranges.retain(|(at, end)| *at >= cut.from && *end <= cut.from + SHOWN_MAX);
            }
            let hit = Hit {
                task: task.key,
                vm_name: task.vm_name.clone(),
                job_created_at: job.created_at,
                n,
                first: from,
                lines: shown,
                cuts,
                ranges,
            };
            self.hits += 1;
            self.send(SearchEvent::Hit(Box::new(hit))).await?;
            if self.hits >= u64::from(self.matcher.query().limit) {
                return Err(Stop::Limit);
            }
        }
        Ok(())
    }

    /// A line with its context: from the chunk that it is in, or read anew where the context goes beyond it.
    async fn around(
        &self,
        task: TaskKey,
        n: u64,
        context: u64,
        first: u64,
        lines: &Lines,
    ) -> Result<(u64, Lines), StorageError> {
        let (from, count) = (n.saturating_sub(context), n.min(context) + context + 1);
        let within = from >= first && from + count <= first + lines.len() as u64;
        if !within
            && let Some(window) = self.engine.read_log(task, from, count).await?
            && n < from + window.lines.len() as u64
        {
            return Ok((from, window.lines));
        }
        let from = from.max(first);
        let skip = usize::try_from(from - first).unwrap_or(usize::MAX);
        let take = usize::try_from(n + context + 1 - from).unwrap_or(usize::MAX);
        Ok((from, lines.iter().skip(skip).take(take).collect()))
    }

    async fn report(&mut self) -> Result<(), Stop> {
        if self.reported.elapsed() < PROGRESS_EVERY {
            return Ok(());
        }
        self.reported = Instant::now();
        let progress =
            SearchEvent::Progress { tasks: self.tasks, lines: self.lines, bytes: self.bytes, hits: self.hits };
        self.send(progress).await
    }

    async fn send(&self, event: SearchEvent) -> Result<(), Stop> {
        match self.events.send_timeout(event, STALL_MAX).await {
            Ok(()) => Ok(()),
            Err(SendTimeoutError::Closed(_)) => Err(Stop::Gone),
            Err(SendTimeoutError::Timeout(_)) => {
                tracing::info!(seconds = STALL_MAX.as_secs(), "a search ended: nobody took its results");
                Err(Stop::Gone)
            }
        }
    }
}

/// False only for a job whose lines all are of another time than is asked for.
fn may_have_lines_of_the_time(job: &Job, query: &SearchQuery) -> bool {
    let after = |later: Timestamp, earlier: Timestamp| {
        later.as_millis().saturating_sub(earlier.as_millis()) > CLOCK_SET_BACK_MAX_MS
    };
    let too_new = query.until.is_some_and(|until| after(job.created_at, until));
    let too_old = query.since.zip(job.finished_at).is_some_and(|(since, end)| after(since, end));
    !too_new && !too_old
}

/// Leaves out what is too long to be shown: of line `n` around `at`, of others behind their beginning.
fn shorten(lines: &Lines, first: u64, n: u64, at: usize) -> (Lines, BTreeMap<u64, Cut>) {
    let (mut shown, mut cuts) = (Lines::default(), BTreeMap::new());
    for (number, mut line) in (first..).zip(lines.iter()) {
        let bytes = line.text.len();
        if bytes > SHOWN_MAX {
            let at = if number == n { at } else { 0 };
            let from = at.saturating_sub(SHOWN_BEFORE).min(bytes - SHOWN_MAX);
            line.text = &line.text[from..from + SHOWN_MAX];
            cuts.insert(number, Cut { from, bytes });
        }
        shown.push_line(line);
    }
    (shown, cuts)
}

/// What was found in one chunk.
struct Scanned {
    first: u64,
    count: u64,
    bytes: u64,
    found: Result<Option<(Vec<usize>, Lines)>, StorageError>,
}

fn scan(matcher: &Matcher, chunks: &[StoredChunk]) -> Vec<Scanned> {
    let one = |chunk: &StoredChunk| {
        let (first, count) = (chunk.first_line, u64::from(chunk.n_lines));
        match Unpacked::new(&chunk.data) {
            Ok(unpacked) => {
                let (count, bytes) = (unpacked.ends().len() as u64, unpacked.text().len() as u64);
                Scanned { first, count, bytes, found: matcher.find(&unpacked) }
            }
            Err(error) => Scanned { first, count, bytes: 0, found: Err(error) },
        }
    };
    chunks.iter().map(one).collect()
}
