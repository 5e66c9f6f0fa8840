//! A state channel: a snapshot or a place to resume from, then every event in order.

use std::sync::Arc;
use std::time::Duration;

use corral_domain::Event;
use corral_engine::{Lagged, Start, Subscription};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout_at};

use super::message::ServerMessage;
use super::outbox::{CloseCode, Closed, Outbox};
use super::snapshot::snapshot;
use crate::api::App;
use crate::api::types::EventSource;

/// Events within this time after a message go together.
const COALESCE: Duration = Duration::from_millis(50);
/// Between two bookmarks.
const BOOKMARK_INTERVAL: Duration = Duration::from_secs(10);
/// Events of one message.
const BATCH_MAX: usize = 256;

/// Serves until the socket closes or the host stops.
pub async fn run(app: App, outbox: Outbox, ch: u32, place: Option<(String, u64)>) {
    let channel = StateChannel { app, outbox, ch };
    let mut place = place;
    // Ends with the socket. Each round begins with a snapshot, but the first one if it can resume.
    while channel.round(place.take()).await.is_ok() {}
}

struct StateChannel {
    app: App,
    outbox: Outbox,
    ch: u32,
}

impl StateChannel {
    /// Ends well when the client has to be given a new snapshot.
    async fn round(&self, place: Option<(String, u64)>) -> Result<(), Closed> {
        let since = place.as_ref().map(|(epoch, seq)| (epoch.as_str(), *seq));
        let mut events = self.app.engine().subscribe(since);
        match &events.start {
            Start::Resumed => self.bookmark(&events).await?,
            Start::Snapshot(state) => {
                let state = state.clone();
                self.snapshot(&state).await?;
            }
        }
        let mut bookmark = interval_at(Instant::now() + BOOKMARK_INTERVAL, BOOKMARK_INTERVAL);
        bookmark.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut quiet_until = Instant::now();
        loop {
            let next = tokio::select! {
                next = events.next() => next,
                _ = bookmark.tick() => {
                    self.bookmark(&events).await?;
                    continue;
                }
            };
            let Some(next) = next else {
                self.outbox.close(CloseCode::Away, "stopping");
                return Err(Closed);
            };
            let Ok(mut batch) = next else { return Ok(()) };
            let lagged = self.gather(&mut events, &mut batch, quiet_until).await?;
            self.events(&batch).await?;
            if lagged {
                return Ok(());
            }
            quiet_until = Instant::now() + COALESCE;
        }
    }

    /// Adds what comes until the pause after the last message is over. True: some were lost after these.
    async fn gather(
        &self,
        events: &mut Subscription,
        batch: &mut Vec<Arc<Event>>,
        until: Instant,
    ) -> Result<bool, Closed> {
        while batch.len() < BATCH_MAX {
            match timeout_at(until, events.next()).await {
                Err(_) | Ok(None) => break,
                Ok(Some(Ok(more))) => batch.extend(more),
                Ok(Some(Err(Lagged(_)))) => return Ok(true),
            }
        }
        Ok(false)
    }

    async fn snapshot(&self, state: &corral_domain::State) -> Result<(), Closed> {
        match snapshot(&self.app, state).await {
            Ok(snapshot) => {
                let (epoch, seq) = (snapshot.epoch.clone(), snapshot.seq);
                let state = Box::new(snapshot);
                self.outbox.send(&ServerMessage::Snapshot { ch: self.ch, epoch, seq, state }).await
            }
            Err(error) => {
                tracing::error!(%error, "a snapshot could not be made");
                let message = "the state could not be read; try again".to_owned();
                let code = "unavailable".to_owned();
                self.outbox.send(&ServerMessage::Error { ch: Some(self.ch), code, message }).await?;
                Err(Closed)
            }
        }
    }

    async fn events(&self, batch: &[Arc<Event>]) -> Result<(), Closed> {
        let epoch = self.app.engine().epoch().to_owned();
        let source = EventSource { epoch: epoch.clone(), state: self.app.engine().state() };
        // A resume may hold thousands; a message stays small enough to be shown at once.
        for part in batch.chunks(BATCH_MAX) {
            let events = part.iter().map(|event| source.event(event)).collect();
            self.outbox.send(&ServerMessage::Events { ch: self.ch, epoch: epoch.clone(), events }).await?;
        }
        Ok(())
    }

    async fn bookmark(&self, events: &Subscription) -> Result<(), Closed> {
        let epoch = self.app.engine().epoch().to_owned();
        self.outbox.send(&ServerMessage::Bookmark { ch: self.ch, epoch, seq: events.seq() }).await
    }
}
