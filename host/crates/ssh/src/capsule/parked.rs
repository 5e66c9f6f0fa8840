//! What is kept between a capsule's end and the leave to forget it.
//!
//! The channel over which a capsule was followed stays open for a while, so that leave costs a few bytes and no exec. Where
//! it is gone, the leave goes along with the next launch on the machine.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use corral_domain::VmId;
use tokio::io::AsyncWriteExt as _;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::talk::{Ear, Talk};
use super::wire::RELEASE;

/// How long a channel waits for leave.
const PARKED_MAX: Duration = Duration::from_secs(30);
/// Channels that wait at one machine: they take places that commands could have.
const PARKED_PER_VM_MAX: usize = 2;
/// Time for the script to remove a capsule.
const FAREWELL: Duration = Duration::from_secs(10);
/// Capsules of one machine that wait to be removed; more than that are left to its own clearing up.
const OWED_PER_VM_MAX: usize = 64;
/// Machines for which something is kept.
const VMS_MAX: usize = 16 << 10;
/// How often a machine is asked to look for old capsules.
const CLEAN_EVERY: Duration = Duration::from_secs(24 * 3600);

/// Channels that wait, and debts.
#[derive(Default)]
pub(crate) struct Kept {
    state: Arc<Mutex<State>>,
    tasks: TaskTracker,
    stop: CancellationToken,
}

#[derive(Default)]
struct State {
    parked: HashMap<String, (VmId, oneshot::Sender<()>)>,
    vms: HashMap<VmId, PerVm>,
}

#[derive(Default)]
struct PerVm {
    owed: VecDeque<String>,
    cleaned: Option<Instant>,
}

impl Kept {
    /// Keeps a channel until leave is given or too much time has passed.
    pub(crate) fn park<E: Ear + 'static>(&self, vm: VmId, id: &str, talk: Talk<E>) {
        let (leave, left) = oneshot::channel();
        {
            let mut state = lock(&self.state);
            let beside = state.parked.values().filter(|(other, _)| *other == vm).count();
            if beside >= PARKED_PER_VM_MAX {
                return;
            }
            state.parked.insert(id.to_owned(), (vm, leave));
        }
        let (state, stop, id) = (Arc::clone(&self.state), self.stop.clone(), id.to_owned());
        self.tasks.spawn(async move {
            let mut talk = talk;
            let leave = tokio::select! {
                leave = left => leave.is_ok(),
                () = tokio::time::sleep(PARKED_MAX) => false,
                () = stop.cancelled() => false,
                _ = talk.ear.hear() => false,
            };
            if leave && !say_goodbye(&mut talk).await {
                owe(&state, vm, [id.clone()]);
            }
            if !leave {
                // Whoever gives leave from now on finds no channel; given in just this moment, it is not forgotten either.
                let given = lock(&state).parked.remove(&id).is_none();
                if given {
                    owe(&state, vm, [id]);
                }
            }
        });
    }

    /// Gives leave to forget a capsule: over its channel if it waits, else with the next launch.
    pub(crate) fn release(&self, vm: VmId, id: &str) {
        let parked = lock(&self.state).parked.remove(id);
        let told = parked.is_some_and(|(_, leave)| leave.send(()).is_ok());
        if !told {
            owe(&self.state, vm, [id.to_owned()]);
        }
    }

    /// What a launch on a machine should take along: capsules to remove, and whether to look for old ones.
    pub(crate) fn errands(&self, vm: VmId, now: Instant) -> (Vec<String>, bool) {
        let mut state = lock(&self.state);
        if state.vms.len() >= VMS_MAX && !state.vms.contains_key(&vm) {
            return (Vec::new(), false);
        }
        let of = state.vms.entry(vm).or_default();
        let clean = of.cleaned.is_none_or(|then| now.saturating_duration_since(then) >= CLEAN_EVERY);
        if clean {
            of.cleaned = Some(now);
        }
        (of.owed.drain(..).collect(), clean)
    }

    /// A launch that had taken these along did not get through.
    pub(crate) fn undone(&self, vm: VmId, ids: Vec<String>) {
        owe(&self.state, vm, ids);
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        self.stop.cancel();
        self.tasks.close();
    }
}

async fn say_goodbye<E: Ear>(talk: &mut Talk<E>) -> bool {
    let Some(mouth) = &mut talk.mouth else { return false };
    let said = tokio::time::timeout(FAREWELL, async {
        mouth.write_all(RELEASE).await?;
        mouth.flush().await?;
        mouth.shutdown().await
    });
    if !matches!(said.await, Ok(Ok(()))) {
        return false;
    }
    // It ends when the folder is gone.
    let _ = tokio::time::timeout(FAREWELL, async { while talk.ear.hear().await.is_ok() {} }).await;
    true
}

fn owe(state: &Mutex<State>, vm: VmId, ids: impl IntoIterator<Item = String>) {
    let mut state = lock(state);
    if state.vms.len() >= VMS_MAX && !state.vms.contains_key(&vm) {
        return;
    }
    let owed = &mut state.vms.entry(vm).or_default().owed;
    for id in ids {
        if owed.len() < OWED_PER_VM_MAX && !owed.contains(&id) {
            owed.push_back(id);
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
