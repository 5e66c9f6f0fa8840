//! Whether machines answer: a light look at each, now and then, over the pooled connection. After a fresh connection a
//! machine is also asked what it is.

mod facts;
mod report;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use corral_domain::{Vm, VmId, VmStatus};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep};

use crate::Engine;

pub(crate) use facts::{facts_are_due, gather_quietly};
pub(crate) use report::{Reports, report};

/// How often the list of machines is gone through.
const ROUND: Duration = Duration::from_millis(500);

/// Looks at machines until the host stops. A machine that was added or edited is looked at at once.
pub(crate) async fn run(engine: Engine) {
    let Some(interval) = engine.inner.settings.health_interval else { return };
    let gate = Arc::new(Semaphore::new(engine.inner.settings.health_parallelism));
    let mut due: HashMap<VmId, (u64, Instant)> = HashMap::new();
    while !engine.inner.stopping.is_cancelled() {
        let state = engine.state();
        due.retain(|id, _| state.vms.contains_key(id));
        engine.inner.reports.retain(|id| state.vms.contains_key(id));
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
    let before = status(engine, vm.id);
    let seen = tokio::select! {
        seen = engine.inner.deps.runner.check(&target) => seen,
        () = engine.inner.stopping.cancelled() => return,
    };
    let online = seen.is_ok();
    report(engine, vm.id, seen).await;
    if online && facts_are_due(engine, vm, before) {
        gather_quietly(engine, vm).await;
    }
}

/// What was last seen of a machine.
pub(crate) fn status(engine: &Engine, id: VmId) -> VmStatus {
    engine.state().health.get(&id).map_or(VmStatus::Unknown, |health| health.status)
}
