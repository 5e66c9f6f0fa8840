//! What the engine is told unasked. Whoever changes something only marks it and never waits; one task sends what is
//! true by then, so a slow receiver costs intermediate states and nothing else.

use std::collections::BTreeMap;
use std::sync::Mutex;

use corral_engine::ports::PluginNotice;
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use crate::registry::Registry;
use crate::slot::lock;

/// Notices that wait for their receiver.
pub const NOTICES_MAX: usize = 64;

#[derive(Debug, Clone, Copy, Default)]
struct Marks {
    changed: bool,
    templates: bool,
}

/// What is still to be told, by plugin.
#[derive(Debug, Default)]
pub struct Notices {
    marks: Mutex<BTreeMap<String, Marks>>,
    wake: Notify,
}

impl Notices {
    /// A plugin's state changed, or it is gone.
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
            let marks = std::mem::take(&mut *lock(&self.marks));
            for (id, marks) in marks {
                for notice in notices(registry, id, marks) {
                    let sent = tokio::select! {
                        () = stop.cancelled() => return,
                        sent = sender.send(notice) => sent,
                    };
                    if sent.is_err() {
                        return;
                    }
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
        notices.push(PluginNotice::Changed(slot.info()));
    }
    if marks.templates {
        notices.push(PluginNotice::Templates { plugin: id, offer: slot.listing.load().offer.clone() });
    }
    notices
}
