//! What the engine is told unasked. Whoever changes something only marks it and never waits; one task sends the steps of
//! plugins' lives in order, and then what is true by then. A receiver that is slow for long costs steps and nothing else.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Mutex;

use corral_domain::PluginInfo;
use corral_engine::ports::PluginNotice;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use crate::registry::Registry;
use crate::slot::lock;

/// Notices that wait for their receiver.
pub const NOTICES_MAX: usize = 64;

/// Steps that wait to be told. Of more the oldest are left out.
const STEPS_MAX: usize = 256;

#[derive(Debug, Clone, Copy, Default)]
struct Marks {
    changed: bool,
    templates: bool,
}

/// What is still to be told, by plugin.
#[derive(Debug, Default)]
pub struct Notices {
    marks: Mutex<BTreeMap<String, Marks>>,
    steps: Mutex<VecDeque<PluginInfo>>,
    wake: Notify,
}

impl Notices {
    /// A step of a plugin's life, which is told as it is now.
    pub fn step(&self, info: PluginInfo) {
        let mut steps = lock(&self.steps);
        if steps.len() == STEPS_MAX {
            steps.pop_front();
        }
        steps.push_back(info);
        drop(steps);
        self.wake.notify_one();
    }

    /// Something of a plugin changed, or it is gone.
    pub fn changed(&self, id: &str) {
        lock(&self.marks).entry(id.to_owned()).or_default().changed = true;
        self.wake.notify_one();
    }

    /// A plugin offers other templates.
    pub fn templates(&self, id: &str) {
        lock(&self.marks).entry(id.to_owned()).or_default().templates = true;
        self.wake.notify_one();
    }

    /// Sends until the receiver is gone or the host stops.
    pub async fn pump(&self, registry: &Registry, sender: mpsc::Sender<PluginNotice>, stop: CancellationToken) {
        loop {
            // Marks are taken first: a step that comes meanwhile is told before the mark that it leaves.
            let marks = std::mem::take(&mut *lock(&self.marks));
            let steps = std::mem::take(&mut *lock(&self.steps));
            let steps = steps
                .into_iter()
                .filter(|info| registry.find(&info.id).is_some())
                .map(|info| PluginNotice::Changed(Box::new(info)));
            let marked = marks.into_iter().flat_map(|(id, marks)| notices(registry, id, marks));
            for notice in steps.chain(marked) {
                let sent = tokio::select! {
                    () = stop.cancelled() => return,
                    sent = sender.send(notice) => sent,
                };
                if sent.is_err() {
                    return;
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.wake.notified() => {}
            }
        }
    }
}

fn notices(registry: &Registry, id: String, marks: Marks) -> Vec<PluginNotice> {
    let Some(slot) = registry.find(&id) else { return vec![PluginNotice::Removed(id)] };
    let mut notices = Vec::new();
    if marks.changed {
        notices.push(PluginNotice::Changed(Box::new(slot.info())));
    }
    if marks.templates {
        notices.push(PluginNotice::Templates { plugin: id, offer: slot.listing.load().offer.clone() });
    }
    notices
}
