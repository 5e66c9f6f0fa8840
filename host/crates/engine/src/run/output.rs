//! From a command's bytes to its log: split into lines, passed through the filters, appended.

use std::sync::Arc;

use corral_domain::{Job, Lines, OutputStream, Position, Vm};

use crate::Engine;
use crate::log::{LineSplitter, Quota, TaskLog};
use crate::ports::{FilterChain, Output, PluginError, StreamInfo};

/// Output before the place where a log goes on that filters see again, in bytes: what they know of the lines before (that a
/// private key has begun, say) is in no database, and a filter that does not know it would let the rest of the key by. The
/// longest key that `redact` follows, 1,024 lines of 76 bytes, fits.
const WARM_UP_BYTES: u64 = 128 * 1024;

/// Both outputs of one task.
pub(super) struct OutputSink {
    engine: Engine,
    job: Arc<Job>,
    vm: Arc<Vm>,
    log: Arc<TaskLog>,
    streams: [Option<Stream>; 2],
    quota: Quota,
    /// What was received, of each output.
    received: Position,
    /// What was taken in, of each output up to where its last line ends.
    taken: Position,
}

struct Stream {
    splitter: LineSplitter,
    filters: Box<dyn FilterChain>,
}

impl OutputSink {
    /// A sink for output from `from` on. Everything before it is in the log; some of it may come again, for the filters.
    pub(super) fn new(engine: Engine, job: Arc<Job>, vm: Arc<Vm>, log: Arc<TaskLog>, from: Position) -> Self {
        let before = |taken: u64| taken.saturating_sub(WARM_UP_BYTES);
        let received = Position { stdout: before(from.stdout), stderr: before(from.stderr) };
        let settings = &engine.inner.settings;
        let stored = super::control::control_of(&engine, job.id).output;
        let quota = Quota::new(settings.output_task_bytes_max, settings.output_job_bytes_max, stored);
        Self { engine, job, vm, log, streams: [None, None], quota, received, taken: from }
    }

    /// From where on it wants output next.
    pub(super) fn wanted(&self) -> Position {
        self.received
    }

    /// Whether output came after a place in it.
    pub(super) fn has_more_than(&self, place: Position) -> bool {
        self.received.stdout > place.stdout || self.received.stderr > place.stderr
    }

    /// Takes bytes. An error means that lines could not be filtered as they must be; none of them was stored.
    pub(super) async fn take(&mut self, mut output: Output) -> Result<(), PluginError> {
        let received = *self.received.of(output.stream);
        let known = self.taken.of(output.stream).saturating_sub(received);
        if known > 0 {
            let again = output.bytes.split_to(output.bytes.len().min(usize::try_from(known).unwrap_or(usize::MAX)));
            self.warm_up(&Output { bytes: again, ..output.clone() }, known).await?;
        }
        if output.bytes.is_empty() {
            return Ok(());
        }
        *self.received.of(output.stream) += output.bytes.len() as u64;
        let received = *self.received.of(output.stream);
        if self.quota.is_reached(self.log.received().1) {
            // Read on and let go of: the command is neither stopped nor slowed.
            *self.taken.of(output.stream) = received;
            self.store(Lines::default()).await;
            return Ok(());
        }
        let stream = self.stream(output.stream).await?;
        let lines = stream.splitter.push(&output.bytes, output.at);
        let taken = received - stream.splitter.rest_len() as u64;
        let lines = filtered(stream, lines).await?;
        *self.taken.of(output.stream) = taken;
        self.store(lines).await;
        Ok(())
    }

    /// Adds to the log what the quota admits.
    async fn store(&mut self, lines: Lines) {
        let lines = self.quota.admit(lines, self.log.received().1);
        self.engine.inner.logs.append(&self.log, lines, self.taken).await;
    }

    /// Shows filters what they have seen before; what they make of it is in the log. `known` bytes of it are to come, these
    /// among them. Where the log goes on a line begins.
    async fn warm_up(&mut self, output: &Output, known: u64) -> Result<(), PluginError> {
        *self.received.of(output.stream) += output.bytes.len() as u64;
        let last = output.bytes.len() as u64 == known;
        let stream = self.stream(output.stream).await?;
        let mut lines = stream.splitter.push(&output.bytes, output.at);
        if last {
            lines.append(&mut stream.splitter.finish());
        }
        filtered(stream, lines).await.map(|_seen| ())
    }

    /// Both outputs ended.
    pub(super) async fn finish(&mut self) -> Result<(), PluginError> {
        for which in [OutputStream::Stdout, OutputStream::Stderr] {
            let Some(stream) = &mut self.streams[index(which)] else { continue };
            let rest = stream.splitter.finish();
            let mut lines = filtered(stream, rest).await?;
            lines.append(&mut stream.filters.finish().await?);
            *self.taken.of(which) = (*self.received.of(which)).max(*self.taken.of(which));
            self.store(lines).await;
        }
        Ok(())
    }

    /// Opened with its filters when the first byte comes: most commands never write to standard error.
    async fn stream(&mut self, which: OutputStream) -> Result<&mut Stream, PluginError> {
        let slot = &mut self.streams[index(which)];
        if slot.is_none() {
            let info = StreamInfo {
                job: self.job.id,
                template: self.job.template.as_ref().map(|template| template.id.clone()),
                vm: self.vm.clone(),
                stream: which,
                filters: self.job.filters.clone(),
            };
            let filters = self.engine.inner.deps.plugins.open_filters(info).await?;
            *slot = Some(Stream { splitter: LineSplitter::new(which), filters });
        }
        slot.as_mut().ok_or_else(|| PluginError::Failed("the stream was not opened".to_owned()))
    }
}

fn index(which: OutputStream) -> usize {
    usize::from(which == OutputStream::Stderr)
}

async fn filtered(stream: &mut Stream, lines: Lines) -> Result<Lines, PluginError> {
    if lines.is_empty() { Ok(lines) } else { stream.filters.process(lines).await }
}
