//! The chain of filters over one stream: lines go through every filter in the order of their ids.

use std::sync::Arc;

use async_trait::async_trait;
use corral_domain::{Clock, LineHead, Lines, OutputStream};
use corral_engine::ports::{FilterChain, PluginError, StreamInfo};

use crate::config::Timing;
use crate::convert;
use crate::slot::Slot;
use crate::stage::Stage;

/// The filters of one stream.
pub struct Chain {
    stages: Vec<Stage>,
    stream: OutputStream,
    clock: Arc<dyn Clock>,
}

impl Chain {
    /// A chain over a stream. Instances are made when the first line comes: most streams of errors stay empty.
    pub fn new(slots: Vec<Arc<Slot>>, info: &StreamInfo, clock: Arc<dyn Clock>, timing: Timing) -> Self {
        let stages = slots.into_iter().map(|slot| Stage::new(slot, convert::stream(info), timing)).collect();
        Self { stages, stream: info.stream, clock }
    }
}

#[async_trait]
impl FilterChain for Chain {
    async fn process(&mut self, mut lines: Lines) -> Result<Lines, PluginError> {
        for stage in &mut self.stages {
            if lines.is_empty() {
                break;
            }
            lines = stage.process(lines).await?;
        }
        Ok(lines)
    }

    async fn finish(&mut self) -> Result<Lines, PluginError> {
        let mut carried = Lines::default();
        for stage in &mut self.stages {
            if !carried.is_empty() {
                carried = stage.process(carried).await?;
            }
            let head = LineHead { at: self.clock.now(), stream: self.stream, partial: false };
            for text in stage.finish().await? {
                let mut extras = corral_domain::Extras::default();
                extras.changed_by.push(stage.id().to_owned());
                carried.push_with(head, text.as_bytes(), extras);
            }
        }
        Ok(carried)
    }

    fn plugins(&self) -> Vec<(String, String)> {
        self.stages.iter().map(|stage| (stage.id().to_owned(), stage.version())).collect()
    }
}
