//! The last steps of a plugin's life, for whoever looks why it is as it is.

use std::collections::VecDeque;

use corral_domain::{PluginInfo, PluginTransition, Timestamp};

/// Steps that are kept.
const STEPS_MAX: usize = 64;

/// The last steps, oldest first.
#[derive(Debug)]
pub struct History(VecDeque<PluginTransition>);

impl History {
    /// With the first step.
    pub fn beginning(info: &PluginInfo, at: Timestamp) -> Self {
        Self(VecDeque::from([transition(info, at)]))
    }

    /// Adds a step; the oldest may go for it.
    pub fn push(&mut self, info: &PluginInfo, at: Timestamp) {
        if self.0.len() == STEPS_MAX {
            self.0.pop_front();
        }
        self.0.push_back(transition(info, at));
    }

    /// All that are kept.
    pub fn steps(&self) -> Vec<PluginTransition> {
        self.0.iter().cloned().collect()
    }
}

fn transition(info: &PluginInfo, at: Timestamp) -> PluginTransition {
    PluginTransition {
        at,
        state: info.state,
        version: info.version.clone(),
        generation: info.generation,
        reason: info.reason.clone(),
    }
}
