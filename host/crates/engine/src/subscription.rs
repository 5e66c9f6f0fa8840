//! Listening to events: each listener holds a place in the order and reads on from there.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use corral_domain::{Event, State};
use tokio::sync::watch;

/// Events fell out of memory before they were read: subscribe again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too far behind: events since {0} are no longer held")]
pub struct Lagged(pub u64);

/// Where a subscription begins.
#[derive(Debug, Clone)]
pub enum Start {
    /// With this state; events after its `seq` follow.
    Snapshot(Arc<State>),
    /// Where the listener left off; what it missed comes first.
    Resumed,
}

/// The last events, shared by all listeners.
#[derive(Debug)]
pub(crate) struct Ring {
    events: Mutex<VecDeque<Arc<Event>>>,
    max: usize,
    latest: watch::Sender<u64>,
}

impl Ring {
    pub(crate) fn new(seq: u64, max: usize) -> Self {
        Self { events: Mutex::new(VecDeque::new()), max, latest: watch::Sender::new(seq) }
    }

    /// Adds committed events in order and wakes the listeners.
    pub(crate) fn push(&self, new: &[Arc<Event>]) {
        let Some(last) = new.last() else { return };
        {
            let mut events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
            events.extend(new.iter().cloned());
            let excess = events.len().saturating_sub(self.max);
            events.drain(..excess);
        }
        self.latest.send_replace(last.seq);
    }

    /// Events after `seq`; none if some of them are no longer held.
    fn after(&self, seq: u64) -> Option<Vec<Arc<Event>>> {
        if *self.latest.borrow() <= seq {
            return Some(Vec::new());
        }
        let events = self.events.lock().unwrap_or_else(PoisonError::into_inner);
        let oldest = events.front()?.seq;
        let skip = (seq + 1).checked_sub(oldest)?;
        Some(events.iter().skip(usize::try_from(skip).unwrap_or(usize::MAX)).cloned().collect())
    }

    /// Subscribes; `resume` is the place of a listener of the same epoch.
    pub(crate) fn subscribe(self: &Arc<Self>, state: Arc<State>, resume: Option<u64>) -> Subscription {
        let latest = self.latest.subscribe();
        let known = resume.filter(|seq| *seq <= *latest.borrow() && self.after(*seq).is_some());
        let (start, cursor) = match known {
            Some(seq) => (Start::Resumed, seq),
            None => (Start::Snapshot(state.clone()), state.seq),
        };
        Subscription { start, cursor, ring: self.clone(), latest }
    }
}

/// One listener's place.
#[derive(Debug)]
pub struct Subscription {
    /// How it begins.
    pub start: Start,
    cursor: u64,
    ring: Arc<Ring>,
    latest: watch::Receiver<u64>,
}

impl Subscription {
    /// Number of the last event that was read.
    pub fn seq(&self) -> u64 {
        self.cursor
    }

    /// Waits for events and returns all that are there, in order and without a gap. None when the host stops.
    /// Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Result<Vec<Arc<Event>>, Lagged>> {
        loop {
            match self.ring.after(self.cursor) {
                None => return Some(Err(Lagged(self.cursor))),
                Some(events) if !events.is_empty() => {
                    self.cursor = events.last().map_or(self.cursor, |event| event.seq);
                    return Some(Ok(events));
                }
                Some(_) => {}
            }
            let cursor = self.cursor;
            self.latest.wait_for(|latest| *latest > cursor).await.ok()?;
        }
    }
}

#[cfg(test)]
mod tests {
    use corral_domain::{EventKind, Timestamp};

    use super::*;

    fn event(seq: u64) -> Arc<Event> {
        let kind = EventKind::PluginRemoved { id: String::new() };
        Arc::new(Event { seq, at: Timestamp::default(), actor: String::new(), kind })
    }

    fn state(seq: u64) -> Arc<State> {
        Arc::new(State { seq, ..State::default() })
    }

    #[tokio::test]
    async fn a_listener_gets_every_event_once_and_in_order() {
        let ring = Arc::new(Ring::new(5, 10));
        let mut listener = ring.subscribe(state(5), None);
        ring.push(&[event(6), event(7)]);
        ring.push(&[event(8)]);
        let got: Vec<u64> = listener.next().await.unwrap().unwrap().iter().map(|e| e.seq).collect();
        assert_eq!(got, [6, 7, 8]);
        let mut resumed = ring.subscribe(state(8), Some(6));
        assert!(matches!(resumed.start, Start::Resumed));
        assert_eq!(resumed.next().await.unwrap().unwrap().len(), 2);
    }

    #[tokio::test]
    async fn who_is_too_far_behind_is_told_and_a_place_in_the_future_gives_a_snapshot() {
        let ring = Arc::new(Ring::new(0, 2));
        let mut slow = ring.subscribe(state(0), None);
        ring.push(&[event(1), event(2), event(3)]);
        assert_eq!(slow.next().await, Some(Err(Lagged(0))));
        assert!(matches!(ring.subscribe(state(3), Some(0)).start, Start::Snapshot(_)));
        assert!(matches!(ring.subscribe(state(3), Some(99)).start, Start::Snapshot(_)));
        assert!(matches!(ring.subscribe(state(3), Some(3)).start, Start::Resumed));
    }
}
