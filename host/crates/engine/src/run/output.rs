//! From a command's bytes to its log: split into lines, passed through the filters, appended.

use std::sync::Arc;

use corral_domain::{Job, Lines, OutputStream, Position, Vm};

use crate::Engine;
use crate::log::{LineSplitter, TaskLog};
use crate::ports::{FilterChain, Output, PluginError, StreamInfo};

/// Both outputs of one task.
pub(super) struct OutputSink {
    engine: Engine,
    job: Arc<Job>,
    vm: Arc<Vm>,
    log: Arc<TaskLog>,
    streams: [Option<Stream>; 2],
    /// What was taken in, of each output up to where its last line ends.
    position: Position,
}

struct Stream {
    splitter: LineSplitter,
    received: u64,
    filters: Box<dyn FilterChain>,
}

impl OutputSink {
    pub(super) fn new(engine: Engine, job: Arc<Job>, vm: Arc<Vm>, log: Arc<TaskLog>) -> Self {
        Self { engine, job, vm, log, streams: [None, None], position: Position::default() }
    }

    /// Takes bytes. An error means that lines could not be filtered as they must be; none of them was stored.
    pub(super) async fn take(&mut self, output: Output) -> Result<(), PluginError> {
        let stream = self.stream(output.stream).await?;
        let lines = stream.splitter.push(&output.bytes, output.at);
        let rest = stream.splitter.rest_len() as u64;
        stream.received += output.bytes.len() as u64;
        let taken = stream.received - rest;
        let lines = filtered(stream, lines).await?;
        *self.position.of(output.stream) = taken;
        self.engine.inner.logs.append(&self.log, lines, self.position).await;
        Ok(())
    }

    /// Both outputs ended.
    pub(super) async fn finish(&mut self) -> Result<(), PluginError> {
        for index in 0..self.streams.len() {
            let Some(stream) = &mut self.streams[index] else { continue };
            let rest = stream.splitter.finish();
            let mut lines = filtered(stream, rest).await?;
            lines.append(&mut stream.filters.finish().await?);
            self.engine.inner.logs.append(&self.log, lines, self.position).await;
        }
        Ok(())
    }

    /// Opened with its filters when the first byte comes: most commands never write to standard error.
    async fn stream(&mut self, which: OutputStream) -> Result<&mut Stream, PluginError> {
        let slot = &mut self.streams[usize::from(which == OutputStream::Stderr)];
        if slot.is_none() {
            let info = StreamInfo {
                job: self.job.id,
                template: self.job.template.as_ref().map(|template| template.id.clone()),
                vm: self.vm.clone(),
                stream: which,
            };
            let filters = self.engine.inner.deps.plugins.open_filters(info).await?;
            *slot = Some(Stream { splitter: LineSplitter::new(which), received: 0, filters });
        }
        slot.as_mut().ok_or_else(|| PluginError::Failed("the stream was not opened".to_owned()))
    }
}

async fn filtered(stream: &mut Stream, lines: Lines) -> Result<Lines, PluginError> {
    if lines.is_empty() { Ok(lines) } else { stream.filters.process(lines).await }
}
