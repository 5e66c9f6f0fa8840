//! Keys by which a request that is sent twice makes one job.

use std::collections::{HashMap, VecDeque};

use corral_domain::JobId;

/// Keys that are remembered; the oldest is forgotten first. They do not outlive the host.
const KEYS_MAX: usize = 4_096;

/// Keys and what they made.
#[derive(Debug, Default)]
pub(crate) struct IdempotencyKeys {
    known: HashMap<String, (String, JobId)>,
    order: VecDeque<String>,
}

impl IdempotencyKeys {
    /// What the key made, with the request it made it from.
    pub(crate) fn get(&self, key: &str) -> Option<(&str, JobId)> {
        self.known.get(key).map(|(request, job)| (request.as_str(), *job))
    }

    /// Remembers a key.
    pub(crate) fn insert(&mut self, key: String, request: String, job: JobId) {
        while self.order.len() >= KEYS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
        }
        self.order.push_back(key.clone());
        self.known.insert(key, (request, job));
    }

    /// Forgets a key whose request was refused.
    pub(crate) fn remove(&mut self, key: &str) {
        self.known.remove(key);
        self.order.retain(|known| known != key);
    }
}
