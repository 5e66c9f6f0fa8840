//! Whether machines answer: a light look at each, now and then, over the pooled connection.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use corral_domain::{Command, Vm, VmHealth, VmId, VmStatus};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use crate::ports::Failure;
use crate::{Actor, Engine};

/// How often the list of machines is gone through.
const ROUND: Duration = Duration::from_millis(500);
/// A latency that differs by less than this part of itself is no news.
const LATENCY_NEWS_PART: u32 = 3;
/// A latency that differs by less than this is no news either, in milliseconds.
const LATENCY_NEWS_MS: u32 = 3;

/// Looks at machines until the host stops. A machine that was added or edited is looked at at once.
pub(crate) async fn run(engine: Engine) {
    let Some(interval) = engine.inner.settings.health_interval else { return };
    let gate = Arc::new(Semaphore::new(engine.inner.settings.health_parallelism));
    let mut due: HashMap<VmId, (u64, Instant)> = HashMap::new();
    while !engine.inner.stopping.is_cancelled() {
        let state = engine.state();
        due.retain(|id, _| state.vms.contains_key(id));
        for vm in state.vms.values() {
            let now = Instant::now();
            let known = due.get(&vm.id);
            if known.is_some_and(|(version, at)| *version == vm.version && *at > now) {
                continue;
            }
            let Ok(permit) = gate.clone().acquire_owned().await else { return };
            due.insert(vm.id, (vm.version, now + interval + jitter(vm, interval)));
            let (engine, vm) = (engine.clone(), vm.clone());
            let tracker = engine.inner.work.clone();
            tracker.spawn(async move {
                look(&engine, &vm).await;
                drop(permit);
            });
        }
        tokio::select! {
            () = sleep(ROUND) => {}
            () = engine.inner.stopping.cancelled() => {}
        }
    }
}

/// Spreads the looks over a quarter of the interval, the same for a machine each time.
fn jitter(vm: &Vm, interval: Duration) -> Duration {
    let byte = vm.id.as_uuid().as_bytes()[15];
    interval / 4 * u32::from(byte) / 255
}

/// Looks at one machine and reports what was seen.
pub(crate) async fn look(engine: &Engine, vm: &Arc<Vm>) {
    let Ok(target) = engine.target(vm) else { return };
    let seen = tokio::select! {
        seen = engine.inner.deps.runner.check(&target) => seen,
        () = engine.inner.stopping.cancelled() => return,
    };
    report(engine, vm.id, seen).await;
}

/// Reports what was seen of a machine. Who asked for a test may decide on what it found as soon as this returns.
pub(crate) async fn report(engine: &Engine, id: VmId, seen: Result<Duration, Failure>) {
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
    if let Err(error) = engine.inner.manager.submit(&Actor::host(), Command::ReportHealth { id, health }, None).await {
        // The next look reports anew.
        tracing::debug!(%error, vm = %id, "what was seen of a VM could not be kept");
    }
}

fn near(before: u32, now: u32) -> bool {
    before.abs_diff(now) <= LATENCY_NEWS_MS.max(before / LATENCY_NEWS_PART)
}
