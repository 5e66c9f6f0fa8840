//! Warm connections, shared by all who talk to a machine.
//!
//! Invariants: at most one connection to a machine is being opened at a time, and whoever wants one meanwhile waits for
//! it and shares its failure; a connection never carries more commands than its capacity; no lock is held across an
//! await.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use corral_domain::VmId;
use corral_engine::ports::Failure;
use futures::FutureExt as _;
use futures::future::{BoxFuture, Shared};
use tokio::sync::{Notify, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::chain::{Chain, Route};
use crate::connection::{Connection, Dialer, Wish};
use crate::failure::failure;

/// How often idle connections are looked for.
const REAP_INTERVAL: Duration = Duration::from_secs(15);

type DialResult = Result<Arc<Connection>, Failure>;
type SharedDial = Shared<oneshot::Receiver<DialResult>>;

/// All connections.
pub(crate) struct Pool {
    pub(crate) dialer: Dialer,
    entries: Mutex<HashMap<Route, Arc<Entry>>>,
    tasks: TaskTracker,
    stop: CancellationToken,
    reaping: AtomicBool,
}

/// The connections of one way.
#[derive(Default)]
struct Entry {
    state: Mutex<State>,
    /// A command ended: its place is free.
    freed: Notify,
}

#[derive(Default)]
struct State {
    connections: Vec<Arc<Connection>>,
    dial: Option<SharedDial>,
}

/// A place for one command on a connection.
pub(crate) struct Lease {
    pub(crate) connection: Arc<Connection>,
    /// Opened for this lease, so that its failing is no sign of age.
    pub(crate) fresh: bool,
    entry: Arc<Entry>,
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.connection.touch();
        self.connection.in_use.fetch_sub(1, Ordering::AcqRel);
        self.entry.freed.notify_waiters();
    }
}

impl Lease {
    /// The server refused a further channel: from now on the connection carries one fewer than it does now. Tells
    /// whether others run over it, which means that waiting or another connection helps.
    pub(crate) fn refused(&self) -> bool {
        let others = self.connection.in_use.load(Ordering::Acquire).saturating_sub(1);
        self.connection.capacity.store(others.max(1), Ordering::Release);
        others > 0
    }
}

enum Next {
    Have(Arc<Connection>),
    Dial(SharedDial),
    Wait,
}

impl Pool {
    pub(crate) fn new(dialer: Dialer) -> Self {
        Self {
            dialer,
            entries: Mutex::default(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
            reaping: AtomicBool::new(false),
        }
    }

    /// A place for a command. Waits while all places are taken; `urgent` opens one more connection instead.
    pub(crate) async fn lease(self: &Arc<Self>, chain: &Chain, urgent: bool) -> Result<Lease, Failure> {
        let entry = self.entry(chain);
        let (connection, fresh) = self.obtain(&entry, chain, Purpose::Command { urgent }).await?;
        Ok(Lease { connection, fresh, entry })
    }

    /// A connection without a place for a command, and whether it was opened for this call.
    pub(crate) async fn connection(self: &Arc<Self>, chain: &Chain) -> Result<(Arc<Connection>, bool), Failure> {
        let entry = self.entry(chain);
        self.obtain(&entry, chain, Purpose::Other).await
    }

    /// Drops all connections to a VM and through it. Commands that run go on.
    pub(crate) fn forget(&self, vm: VmId) {
        lock(&self.entries).retain(|route, _| route.iter().all(|(id, _)| *id != vm));
        self.dialer.forget(vm);
    }

    async fn obtain(
        self: &Arc<Self>,
        entry: &Arc<Entry>,
        chain: &Chain,
        purpose: Purpose,
    ) -> Result<(Arc<Connection>, bool), Failure> {
        let mut fresh = false;
        loop {
            let freed = entry.freed.notified();
            tokio::pin!(freed);
            freed.as_mut().enable();
            match self.next(entry, chain, purpose) {
                Next::Have(connection) => return Ok((connection, fresh)),
                Next::Dial(dial) => {
                    dial.await.unwrap_or_else(|_| Err(stopping()))?;
                    fresh = true;
                }
                Next::Wait => freed.await,
            }
        }
    }

    fn next(self: &Arc<Self>, entry: &Arc<Entry>, chain: &Chain, purpose: Purpose) -> Next {
        let mut state = lock(&entry.state);
        state.connections.retain(|connection| connection.is_usable());
        let found = state.connections.iter().find(|connection| match purpose {
            Purpose::Other => true,
            Purpose::Command { .. } => {
                connection.in_use.load(Ordering::Acquire) < connection.capacity.load(Ordering::Acquire)
            }
        });
        if let Some(connection) = found {
            if matches!(purpose, Purpose::Command { .. }) {
                connection.in_use.fetch_add(1, Ordering::AcqRel);
            }
            connection.touch();
            return Next::Have(Arc::clone(connection));
        }
        if let Some(dial) = &state.dial {
            return Next::Dial(dial.clone());
        }
        let urgent = matches!(purpose, Purpose::Command { urgent: true });
        if !urgent && state.connections.len() >= self.dialer.config.max_connections_per_vm.max(1) {
            return Next::Wait;
        }
        let dial = self.start_dial(Arc::clone(entry), chain.clone());
        state.dial = Some(dial.clone());
        Next::Dial(dial)
    }

    /// Opens a connection in a task of its own, so that it comes to an end even when whoever asked has gone.
    fn start_dial(self: &Arc<Self>, entry: Arc<Entry>, chain: Chain) -> SharedDial {
        self.start_reaper();
        let (sender, receiver) = oneshot::channel();
        let pool = Arc::downgrade(self);
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            let Some(pool) = pool.upgrade() else { return };
            let result = tokio::select! {
                () = stop.cancelled() => Err(stopping()),
                result = pool.dial(&chain) => result,
            };
            let mut state = lock(&entry.state);
            state.dial = None;
            if let Ok(connection) = &result {
                state.connections.push(Arc::clone(connection));
            }
            drop(state);
            // Nobody waits any more if all of them were cancelled; the connection is in the pool all the same.
            let _ = sender.send(result);
        });
        receiver.shared()
    }

    fn dial<'a>(self: &'a Arc<Self>, chain: &'a Chain) -> BoxFuture<'a, DialResult> {
        Box::pin(async move {
            let Some(parent) = chain.parent() else {
                return self.dialer.dial(chain.vm(), None, Wish::Usual, &mut Vec::new()).await.map(Arc::new);
            };
            let on_the_way = |failure: Failure| at_hop(&parent.vm().name, failure);
            let (hop, fresh) = self.connection(&parent).await.map_err(on_the_way)?;
            let first = self.dialer.dial(chain.vm(), Some(Arc::clone(&hop)), Wish::Usual, &mut Vec::new()).await;
            if first.is_err() && !fresh && !hop.is_usable() {
                // The hop's connection was old and had died; nothing was started on the machine yet.
                let (hop, _) = self.connection(&parent).await.map_err(on_the_way)?;
                return self.dialer.dial(chain.vm(), Some(hop), Wish::Usual, &mut Vec::new()).await.map(Arc::new);
            }
            first.map(Arc::new)
        })
    }

    fn entry(&self, chain: &Chain) -> Arc<Entry> {
        Arc::clone(lock(&self.entries).entry(chain.route()).or_default())
    }

    fn start_reaper(self: &Arc<Self>) {
        if self.reaping.swap(true, Ordering::AcqRel) {
            return;
        }
        let pool = Arc::downgrade(self);
        let stop = self.stop.clone();
        self.tasks.spawn(async move {
            loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(REAP_INTERVAL) => {}
                }
                let Some(pool) = pool.upgrade() else { return };
                pool.reap();
            }
        });
    }

    /// Closes what nobody has used for long. A connection that others hold, as a hop or for a command, stays.
    fn reap(&self) {
        let idle_close = self.dialer.config.idle_close;
        lock(&self.entries).retain(|_, entry| {
            let mut state = lock(&entry.state);
            state.connections.retain(|connection| {
                connection.is_usable() && (Arc::strong_count(connection) > 1 || connection.idle_for() < idle_close)
            });
            let in_use = !state.connections.is_empty() || state.dial.is_some() || Arc::strong_count(entry) > 1;
            drop(state);
            in_use
        });
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.stop.cancel();
        self.tasks.close();
    }
}

/// What a connection is wanted for.
#[derive(Clone, Copy)]
enum Purpose {
    Command { urgent: bool },
    Other,
}

/// A failure of a machine on the way, told as such. Its key is not the key of the machine that is wanted.
pub(crate) fn at_hop(hop: &str, failure: Failure) -> Failure {
    const MARK: &str = "on the way, at ";
    if failure.message.starts_with(MARK) {
        return failure;
    }
    Failure { message: format!("{MARK}{hop}: {}", failure.message), offered_host_key: None, ..failure }
}

fn stopping() -> Failure {
    failure("connect", "the host is stopping", "try again when it has started")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
