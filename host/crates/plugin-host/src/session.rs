//! One stream in one filter: an instance with one open session.

use std::sync::Arc;

use wasmtime::component::ResourceAny;

use crate::bindings::exports::corral::log_filter::{filter, handover};
use crate::error::CallError;
use crate::generation::Generation;
use crate::instance::Instance;

/// Most bytes of state that a filter may hand over.
pub const STATE_MAX: usize = 4 << 20;

/// An open session.
pub struct Session {
    instance: Instance,
    filter: filter::Guest,
    handover: Option<handover::Guest>,
    resource: ResourceAny,
}

impl Session {
    /// Opens a stream on a fresh instance, from saved state where there is some and the filter can take it.
    pub async fn open(
        generation: &Arc<Generation>,
        info: &filter::StreamInfo,
        state: Option<&[u8]>,
    ) -> Result<Self, CallError> {
        let mut instance = Instance::start(generation.clone()).await?;
        let (mut store, limited) = instance.enter("opening a stream")?;
        let component = instance.component();
        let outcome = limited
            .wait(async {
                let indices = generation.exports.filter.as_ref().ok_or_else(|| wasmtime::Error::msg("not a filter"))?;
                let filter = indices.load(&mut store, &component)?;
                let handover = generation
                    .exports
                    .handover
                    .as_ref()
                    .map(|indices| indices.load(&mut store, &component))
                    .transpose()?;
                let opened = match (state, &handover) {
                    (Some(state), Some(handover)) => handover.call_load(&mut store, info, state).await?,
                    _ => filter.session().call_open(&mut store, info).await?,
                };
                Ok(opened.map(|resource| (filter, handover, resource)))
            })
            .await;
        let (filter, handover, resource) = instance.leave_fallible(store, &limited, outcome)?;
        Ok(Self { instance, filter, handover, resource })
    }

    /// The generation it runs on.
    pub fn generation(&self) -> &Arc<Generation> {
        &self.instance.generation
    }

    /// Whether its state can be taken out.
    pub fn can_save(&self) -> bool {
        self.handover.is_some()
    }

    /// Filters a batch, and takes the state after it out where that is wanted and can be done. Both in one: what a call costs beside its
    /// own work is paid once, and the edits and the state belong to the same moment.
    pub async fn process(
        &mut self,
        batch: &filter::Batch,
        save: bool,
    ) -> Result<(Vec<filter::Edit>, Option<Vec<u8>>), CallError> {
        let (mut store, limited) = self.instance.enter("filtering a batch")?;
        let handover = self.handover.as_ref().filter(|_| save);
        let outcome = limited
            .wait(async {
                let edits = match self.filter.session().call_process(&mut store, self.resource, batch).await? {
                    Ok(edits) => edits,
                    Err(error) => return Ok(Err(error)),
                };
                let state = match handover {
                    Some(handover) => Some(handover.call_save(&mut store, self.resource).await?),
                    None => None,
                };
                Ok(Ok((edits, state)))
            })
            .await;
        self.instance.leave_fallible(store, &limited, outcome)
    }

    /// The stream ended.
    pub async fn finish(&mut self) -> Result<Vec<String>, CallError> {
        let (mut store, limited) = self.instance.enter("ending a stream")?;
        let outcome = limited.wait(self.filter.session().call_finish(&mut store, self.resource)).await;
        self.instance.leave_fallible(store, &limited, outcome)
    }

    /// Its state; none if the filter cannot hand it over.
    pub async fn save(&mut self) -> Result<Option<Vec<u8>>, CallError> {
        let Some(handover) = &self.handover else { return Ok(None) };
        let (mut store, limited) = self.instance.enter("saving its state")?;
        let outcome = limited.wait(handover.call_save(&mut store, self.resource)).await;
        let state = self.instance.leave(store, &limited, outcome)?;
        if state.len() > STATE_MAX {
            let problem = format!("{} bytes of state; at most {STATE_MAX}", state.len());
            return Err(CallError::Answer { what: "saving its state", problem });
        }
        Ok(Some(state))
    }
}
