//! What machines tell of themselves, asked for unasked: once after a fresh connection.
//!
//! The engine does not see connections. A machine that answers and did not before, or whose configuration was changed, has
//! a fresh one.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use corral_domain::{Command, Vm, VmStatus};
use tokio::time::Instant;

use crate::{Actor, Engine};

/// Shortest pause between two times that a machine is asked. One that comes and goes is not asked each time.
const PAUSE: Duration = Duration::from_secs(10 * 60);

/// A time at which a machine was asked.
pub(super) struct Asked {
    /// The version that it had.
    version: u64,
    at: Instant,
}

/// Whether a machine that answers is to be asked what it is; `before`: what was known before it answered. Whoever is told so
/// asks it: the next one is told no.
pub(crate) fn facts_are_due(engine: &Engine, vm: &Vm, before: VmStatus) -> bool {
    let slot = engine.inner.reports.slot(vm.id);
    let mut asked = slot.asked.lock().unwrap_or_else(PoisonError::into_inner);
    let due = match &*asked {
        Some(asked) if asked.version == vm.version => before != VmStatus::Online && asked.at.elapsed() >= PAUSE,
        Some(_) => true,
        None => are_old(engine, vm),
    };
    if due || asked.is_none() {
        *asked = Some(Asked { version: vm.version, at: Instant::now() });
    }
    due
}

/// Whether what an earlier run of the host was told is older than the machine's configuration, or just old.
fn are_old(engine: &Engine, vm: &Vm) -> bool {
    let now = engine.inner.deps.clock.now();
    engine.state().facts.get(&vm.id).is_none_or(|facts| {
        let age = now.as_millis().saturating_sub(facts.gathered_at.as_millis());
        facts.gathered_at < vm.updated_at || u64::try_from(age).is_ok_and(|age| u128::from(age) >= PAUSE.as_millis())
    })
}

/// Asks a machine what it is. A machine that does not tell is no worse for it: it may run nothing but one command.
pub(crate) async fn gather_quietly(engine: &Engine, vm: &Arc<Vm>) {
    let Ok(target) = engine.target(vm) else { return };
    let told = tokio::select! {
        told = engine.inner.deps.runner.facts(&target) => told,
        () = engine.inner.stopping.cancelled() => return,
    };
    let reported = match told {
        Ok(facts) => engine.inner.manager.submit(&Actor::host(), Command::ReportFacts { id: vm.id, facts }, None).await,
        Err(failure) => return tracing::debug!(vm = %vm.id, %failure, "a VM told nothing of itself"),
    };
    if let Err(error) = reported {
        // The VM may have been removed meanwhile.
        tracing::debug!(%error, vm = %vm.id, "what a VM told of itself could not be kept");
    }
}
