//! A plugin's place in the host: it stays while versions come and go. Holds the serving generation, how it fares, and
//! what the rest of the host is told of it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use arc_swap::{ArcSwap, ArcSwapOption};
use corral_domain::{Clock, PluginInfo, PluginKind, PluginState, PluginTransition};
use tokio::sync::watch;

use crate::config::Timing;
use crate::error::CallError;
use crate::generation::Generation;
use crate::grants::Grants;
use crate::guest_log::{GuestLog, LogLevel};
use crate::health::{Health, Permit};
use crate::history::History;
use crate::instance::Instance;
use crate::kv::Kv;
use crate::manifest::Policy;
use crate::notices::Notices;
use crate::package::Fingerprint;
use crate::pipeline::FilterPlace;
use crate::stats::Stats;
use crate::submissions::Submissions;
use crate::templates::Listing;

/// Path, size, time and inode of the files below one folder.
pub type Tree = BTreeMap<PathBuf, (u64, i64, i64, u64)>;

/// Where a plugin comes from. In this order they claim their ids.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// Inside the binary, by number.
    Embedded(usize),
    /// A folder: which watched folder it is in, and its path.
    Folder(usize, PathBuf),
}

/// A plugin's place.
pub struct Slot {
    /// Id under which it is shown.
    pub id: String,
    /// Where it comes from.
    pub place: Place,
    /// Its log.
    pub log: Arc<GuestLog>,
    /// Its state.
    pub kv: Arc<Kv>,
    /// What it did, whichever version of it.
    pub stats: Arc<Stats>,
    /// What it is granted, whichever version of it.
    pub grants: Arc<ArcSwap<Grants>>,
    /// Jobs that it starts.
    pub submissions: Arc<Submissions>,
    /// One load at a time.
    pub loading: tokio::sync::Mutex<()>,
    /// Digest of everything that was last tried, so that a touched file is not a reload.
    pub tried: Mutex<Option<String>>,
    /// Files as they were when they were last looked at.
    pub fingerprint: Mutex<Fingerprint>,
    /// Files of the folders that it reads, as they were when it was last asked for its templates.
    pub seen_files: Mutex<Option<Vec<Tree>>>,
    /// A warm instance for templates; locked while it is called.
    pub warm: tokio::sync::Mutex<Option<Instance>>,
    /// Goes up with each warm instance that takes another's place: one that is called meanwhile is not kept.
    pub warmed: AtomicU64,
    /// What it offers.
    pub listing: ArcSwap<Listing>,
    /// Whether lines must not pass without it, even when it could not be loaded: it came with the host, or has served.
    pub relied_on: AtomicBool,
    /// What happens to lines while it is down.
    pub policy: Mutex<Policy>,
    /// Where it stands in chains of filters.
    pub filter: Mutex<FilterPlace>,
    current: ArcSwapOption<Generation>,
    loads: AtomicU64,
    info: Mutex<PluginInfo>,
    health: Mutex<Health>,
    history: Mutex<History>,
    clock: Arc<dyn Clock>,
    changed: watch::Sender<u64>,
    notices: Arc<Notices>,
    timing: Timing,
}

impl Slot {
    /// A place for a plugin that nothing is known of yet.
    pub fn new(
        info: PluginInfo,
        place: Place,
        log: Arc<GuestLog>,
        kv: Arc<Kv>,
        notices: Arc<Notices>,
        clock: Arc<dyn Clock>,
        timing: Timing,
    ) -> Self {
        let history = History::beginning(&info, clock.now());
        notices.step(info.clone());
        Self {
            id: info.id.clone(),
            place,
            log,
            kv,
            stats: Arc::default(),
            grants: Arc::default(),
            submissions: Arc::default(),
            loading: tokio::sync::Mutex::default(),
            tried: Mutex::default(),
            fingerprint: Mutex::default(),
            seen_files: Mutex::default(),
            warm: tokio::sync::Mutex::default(),
            warmed: AtomicU64::new(0),
            listing: ArcSwap::default(),
            relied_on: AtomicBool::new(false),
            policy: Mutex::default(),
            filter: Mutex::default(),
            current: ArcSwapOption::empty(),
            loads: AtomicU64::new(0),
            info: Mutex::new(info),
            health: Mutex::default(),
            history: Mutex::new(history),
            clock,
            changed: watch::Sender::new(0),
            notices,
            timing,
        }
    }

    /// The serving generation.
    pub fn current(&self) -> Option<Arc<Generation>> {
        self.current.load_full()
    }

    /// The number that the next generation gets.
    pub fn next_number(&self) -> u64 {
        self.loads.load(Ordering::SeqCst) + 1
    }

    /// What the rest of the host is told.
    pub fn info(&self) -> PluginInfo {
        lock(&self.info).clone()
    }

    /// Changes what the rest of the host is told, and tells it.
    pub fn tell(&self, change: impl FnOnce(&mut PluginInfo)) {
        let (before, after) = {
            let mut info = lock(&self.info);
            let before = (info.state, info.generation);
            change(&mut info);
            (before, info.clone())
        };
        if before != (after.state, after.generation) {
            self.step(after);
        }
        self.notices.changed(&self.id);
        self.changed.send_modify(|count| *count += 1);
    }

    /// Writes a step of its life down, and tells it even if the next one follows at once.
    fn step(&self, info: PluginInfo) {
        lock(&self.history).push(&info, self.clock.now());
        self.notices.step(info);
    }

    /// The last steps of its life, oldest first.
    pub fn history(&self) -> Vec<PluginTransition> {
        lock(&self.history).steps()
    }

    /// Nothing of it serves any more. With `forget` lines may pass without it, too: somebody said so.
    pub async fn retire(&self, forget: bool) {
        if forget {
            self.relied_on.store(false, Ordering::SeqCst);
        }
        self.current.store(None);
        *self.warm.lock().await = None;
        if !self.listing.swap(Arc::default()).offer.templates.is_empty() {
            self.tell_templates();
        }
    }

    /// Tells that other templates are offered.
    pub fn tell_templates(&self) {
        self.notices.templates(&self.id);
    }

    /// Puts a warm instance in the place of the one before. A call that is in flight on that is not waited for.
    pub fn warm_up(&self, instance: Option<Instance>) {
        self.warmed.fetch_add(1, Ordering::SeqCst);
        if let Ok(mut warm) = self.warm.try_lock() {
            *warm = instance;
        }
    }

    /// Lets a new generation serve. Calls in flight finish on the old one.
    pub fn swap(&self, generation: Arc<Generation>) {
        self.loads.store(generation.number, Ordering::SeqCst);
        *lock(&self.policy) = generation.context.manifest.policy;
        *lock(&self.filter) = generation.context.manifest.filter;
        *lock(&self.health) = Health::default();
        if self.current.swap(Some(generation.clone())).is_some() {
            let reason = format!("generation {} serves in its place", generation.number);
            self.step(PluginInfo { state: PluginState::Superseded, reason, ..self.info() });
        }
        self.tell(|info| {
            describe(info, &generation.context.manifest, &self.grants.load());
            info.state = PluginState::Active;
            info.reason = String::new();
            info.generation = generation.number;
            info.digest.clone_from(&generation.digest);
        });
    }

    /// Whether it may be called, and when.
    pub fn permit(&self) -> Permit {
        lock(&self.health).permit(Instant::now())
    }

    /// Sees every change of this place from now on.
    pub fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Whether its first load has not come to an end yet.
    pub fn is_loading(&self) -> bool {
        matches!(lock(&self.info).state, PluginState::Discovered | PluginState::Compiling)
    }

    /// Whether a generation is the one that serves.
    pub fn serves(&self, generation: &Generation) -> bool {
        self.current.load().as_ref().is_some_and(|current| current.number == generation.number)
    }

    /// Records how a call of a generation went. A generation that no longer serves is not held against the new one.
    pub fn record<R>(&self, generation: &Generation, outcome: &Result<R, CallError>) {
        if !self.serves(generation) {
            return;
        }
        match outcome {
            Ok(_) => {
                if lock(&self.health).succeeded() {
                    self.tell(|info| {
                        info.state = PluginState::Active;
                        info.reason = String::new();
                    });
                }
            }
            Err(error) if error.is_fault() => self.fault(&error.to_string()),
            Err(_) => {}
        }
    }

    /// Records a failure: back-off, and quarantine once the budget is spent.
    pub fn fault(&self, reason: &str) {
        let quarantined = lock(&self.health).failed(Instant::now(), &self.timing);
        self.log.write(LogLevel::Error, reason);
        self.tell(|info| {
            info.state = if quarantined { PluginState::Quarantined } else { PluginState::Failing };
            info.reason = if quarantined {
                format!("{reason}; it failed too often and is not called until it is changed or reloaded")
            } else {
                reason.to_owned()
            };
        });
    }

    /// Whether it belongs in the chain of filters of a new stream.
    pub fn filters(&self) -> bool {
        match self.current() {
            Some(generation) => generation.provides(PluginKind::LogFilter),
            None => self.relied_on.load(Ordering::SeqCst) && lock(&self.info).provides.contains(&PluginKind::LogFilter),
        }
    }
}

/// Takes over what a manifest says.
pub fn describe(info: &mut PluginInfo, manifest: &crate::manifest::Manifest, grants: &Grants) {
    info.name.clone_from(&manifest.name);
    info.version = manifest.version.to_string();
    info.description.clone_from(&manifest.description);
    info.api.clone_from(&manifest.api);
    info.provides.clone_from(&manifest.provides);
    info.wants = manifest.wants.iter().map(|want| grants.describe(want)).collect();
}

/// Locks, whoever panicked before: what these locks guard is whole after every statement.
pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
