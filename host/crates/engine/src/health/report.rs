//! From what was seen of a machine to the event that tells of it: at most one a machine in a while, the latest wins.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use corral_domain::{Command, VmHealth, VmId, VmStatus};
use tokio::time::{Instant, sleep_until};

use super::facts::Asked;
use crate::ports::Failure;
use crate::{Actor, Engine};

/// Shortest pause between two events of a machine's health.
const PAUSE: Duration = Duration::from_millis(250);
/// A latency that differs by less than this part of itself is no news.
const LATENCY_NEWS_PART: u32 = 3;
/// A latency that differs by less than this is no news either, in milliseconds.
const LATENCY_NEWS_MS: u32 = 3;

/// What is kept of each machine between two reports.
#[derive(Default)]
pub(crate) struct Reports(Mutex<HashMap<VmId, Arc<Slot>>>);

/// One machine's.
#[derive(Default)]
pub(super) struct Slot {
    /// Seen and not yet told.
    latest: Mutex<Option<Result<Duration, Failure>>>,
    /// When the last event was made. Whoever holds it tells, others wait for their turn.
    told: tokio::sync::Mutex<Option<Instant>>,
    /// When it was last asked what it is.
    pub(super) asked: Mutex<Option<Asked>>,
}

impl Reports {
    pub(super) fn slot(&self, id: VmId) -> Arc<Slot> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(id).or_default().clone()
    }

    /// Forgets machines that are gone.
    pub(super) fn retain(&self, there: impl Fn(&VmId) -> bool) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|id, _| there(id));
    }
}

/// Reports what was seen of a machine, or lets a later sight of it be reported instead. Who asked for a test may decide on
/// what it found as soon as this returns.
pub(crate) async fn report(engine: &Engine, id: VmId, seen: Result<Duration, Failure>) {
    let slot = engine.inner.reports.slot(id);
    *slot.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen);
    let mut told = slot.told.lock().await;
    if let Some(at) = *told {
        tokio::select! {
            () = sleep_until(at + PAUSE) => {}
            () = engine.inner.stopping.cancelled() => return,
        }
    }
    // Whoever was before may have told this too.
    let Some(seen) = slot.latest.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
    if tell(engine, id, seen).await {
        *told = Some(Instant::now());
    }
}

/// Tells whether there was news.
async fn tell(engine: &Engine, id: VmId, seen: Result<Duration, Failure>) -> bool {
    let old = engine.state().health.get(&id).cloned().unwrap_or_default();
    let checked_at = Some(engine.inner.deps.clock.now());
    let health = match seen {
        Ok(latency) => {
            let latency = u32::try_from(latency.as_millis()).unwrap_or(u32::MAX);
            let latency_ms = Some(old.latency_ms.filter(|before| near(*before, latency)).unwrap_or(latency));
            VmHealth {
                status: VmStatus::Online,
                latency_ms,
                message: String::new(),
                checked_at,
                offered_host_key: None,
            }
        }
        Err(failure) => VmHealth {
            status: VmStatus::Offline,
            latency_ms: None,
            message: failure.to_string(),
            checked_at,
            offered_host_key: failure.offered_host_key,
        },
    };
    match engine.inner.manager.submit(&Actor::host(), Command::ReportHealth { id, health }, None).await {
        Ok(events) => !events.is_empty(),
        Err(error) => {
            // The next look reports anew.
            tracing::debug!(%error, vm = %id, "what was seen of a VM could not be kept");
            false
        }
    }
}

fn near(before: u32, now: u32) -> bool {
    before.abs_diff(now) <= LATENCY_NEWS_MS.max(before / LATENCY_NEWS_PART)
}
