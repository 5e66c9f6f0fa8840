//! One connection, and what opens it: reach the machine, exchange keys, authenticate.
//!
//! Not more at once than a server takes, and not again at once where it did not go well.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use corral_domain::{Pin, Vm, VmId};
use corral_engine::ports::{Failure, Step};
use russh::client::Handle;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::auth::{KeyFiles, authenticate};
use crate::breaker::Breaker;
use crate::config::SshConfig;
use crate::failure::failure;
use crate::handler::ClientHandler;
use crate::handshake::{Broken, shake_hands};
use crate::hostkey::HostKeyPolicy;
use crate::known_hosts::KnownHostsCache;
use crate::reach;

/// How often a server that hangs up before it says anything is tried: sshd does so when too many connect at once.
const EARLY_CLOSE_TRIES: u32 = 4;
/// Pause before the second try; it grows with each.
const EARLY_CLOSE_PAUSE: Duration = Duration::from_millis(150);
/// Largest random part of a pause, so that many hosts' tries do not fall together.
const JITTER_MAX: Duration = Duration::from_millis(100);

/// An authenticated connection.
pub(crate) struct Connection {
    pub(crate) handle: Handle<ClientHandler>,
    /// The machine's name.
    pub(crate) name: String,
    /// Commands that run over it now. Changed under the pool's lock when it grows.
    pub(crate) in_use: AtomicUsize,
    /// Commands that fit; lowered when the server refuses one.
    pub(crate) capacity: AtomicUsize,
    /// Found unusable by somebody who tried.
    pub(crate) dead: AtomicBool,
    pub(crate) last_used: Mutex<Instant>,
    /// Host key that was accepted on first contact.
    pub(crate) new_host_key: Option<String>,
    /// The hop that it goes through stays open as long as it does.
    via: Option<Arc<Connection>>,
}

impl Connection {
    pub(crate) fn is_usable(&self) -> bool {
        self.is_open() && !self.dead.load(Ordering::Relaxed)
    }

    /// A connection through a hop that is closed is closed, also before it has noticed.
    fn is_open(&self) -> bool {
        !self.handle.is_closed() && self.via.as_ref().is_none_or(|hop| hop.is_open())
    }

    pub(crate) fn touch(&self) {
        *lock(&self.last_used) = Instant::now();
    }

    pub(crate) fn idle_for(&self) -> Duration {
        lock(&self.last_used).elapsed()
    }

    /// One round trip.
    pub(crate) async fn ping(&self, limit: Duration) -> Result<Duration, String> {
        let started = Instant::now();
        match timeout(limit, self.handle.send_ping()).await {
            Ok(Ok(())) if !self.handle.is_closed() => Ok(started.elapsed()),
            Ok(_) => Err("the connection is closed".to_owned()),
            Err(_) => Err(format!("no answer within {} s", limit.as_secs())),
        }
    }
}

/// Why somebody wants a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wish {
    /// A machine that fails is left alone.
    Usual,
    /// A person waits for the answer: it is tried in any case.
    Test,
}

/// Opens connections.
pub(crate) struct Dialer {
    pub(crate) config: SshConfig,
    known: KnownHostsCache,
    keys: KeyFiles,
    handshakes: Semaphore,
    /// Handshakes at one place, by its name; those that nobody uses are forgotten.
    places: Mutex<HashMap<String, Arc<Semaphore>>>,
    /// Keys accepted on first contact that the VM as given does not have as pins yet.
    first_contacts: Mutex<HashMap<VmId, String>>,
    breakers: Mutex<HashMap<VmId, Breaker>>,
}

impl Dialer {
    pub(crate) fn new(config: SshConfig) -> Self {
        Self {
            known: KnownHostsCache::default(),
            keys: KeyFiles::default(),
            handshakes: Semaphore::new(config.max_handshakes.max(1)),
            places: Mutex::default(),
            first_contacts: Mutex::default(),
            breakers: Mutex::default(),
            config,
        }
    }

    pub(crate) fn forget(&self, vm: VmId) {
        lock(&self.first_contacts).remove(&vm);
        lock(&self.breakers).remove(&vm);
    }

    /// Connects to a VM, through `via` if given. Steps that went well are added to `steps`.
    pub(crate) async fn dial(
        &self,
        vm: &Arc<Vm>,
        via: Option<Arc<Connection>>,
        wish: Wish,
        steps: &mut Vec<Step>,
    ) -> Result<Connection, Failure> {
        if wish == Wish::Usual
            && let Some(refusal) = lock(&self.breakers).get(&vm.id).and_then(|it| it.refuses(self.config.clock.now()))
        {
            return Err(refusal);
        }
        let place = self.place(vm, via.as_deref());
        // The place's turn first: whoever waits for a crowded server holds nobody else up.
        let (Ok(_turn), Ok(_permit)) = (place.acquire().await, self.handshakes.acquire().await) else {
            return Err(failure("connect", "the host is stopping", "try again when it has started"));
        };
        let dialed = self.dial_patiently(vm, via.as_ref(), steps).await;
        self.take_down(vm.id, dialed.as_ref().err());
        let (handle, new_host_key) = dialed?;
        Ok(Connection {
            handle,
            name: vm.name.clone(),
            in_use: AtomicUsize::new(0),
            capacity: AtomicUsize::new(self.config.max_channels.max(1)),
            dead: AtomicBool::new(false),
            last_used: Mutex::new(Instant::now()),
            new_host_key,
            via,
        })
    }

    /// Those who connect to one address and port take turns, whatever VMs they are.
    fn place(&self, vm: &Vm, via: Option<&Connection>) -> Arc<Semaphore> {
        let through = via.map(|hop| hop.name.as_str()).unwrap_or_default();
        let name = format!("{through}>{}:{}", vm.address.to_ascii_lowercase(), vm.port);
        let mut places = lock(&self.places);
        places.retain(|_, place| Arc::strong_count(place) > 1);
        let most = self.config.max_handshakes_per_address.max(1);
        Arc::clone(places.entry(name).or_insert_with(|| Arc::new(Semaphore::new(most))))
    }

    /// Remembers a failure, or forgets all of them.
    fn take_down(&self, vm: VmId, failed: Option<&Failure>) {
        let (now, jitter, config) = (self.config.clock.now(), random_byte(), &self.config.breaker);
        let mut breakers = lock(&self.breakers);
        match (failed, breakers.get_mut(&vm)) {
            (None, _) => drop(breakers.remove(&vm)),
            (Some(failure), Some(breaker)) => breaker.failed(failure, now, jitter, config),
            (Some(failure), None) => drop(breakers.insert(vm, Breaker::new(failure, now, jitter, config))),
        }
    }

    async fn dial_patiently(
        &self,
        vm: &Arc<Vm>,
        via: Option<&Arc<Connection>>,
        steps: &mut Vec<Step>,
    ) -> Result<(Handle<ClientHandler>, Option<String>), Failure> {
        let mut tries = 1;
        loop {
            let mut fresh = Vec::new();
            match self.dial_once(vm, via, &mut fresh).await {
                Err(Broken::Early(_)) if tries < EARLY_CLOSE_TRIES => {
                    tokio::time::sleep(EARLY_CLOSE_PAUSE * tries + JITTER_MAX * u32::from(random_byte()) / 256).await;
                    tries += 1;
                }
                Err(Broken::Early(failure) | Broken::For(failure)) => {
                    steps.append(&mut fresh);
                    return Err(failure);
                }
                Ok(done) => {
                    steps.append(&mut fresh);
                    return Ok(done);
                }
            }
        }
    }

    async fn dial_once(
        &self,
        vm: &Arc<Vm>,
        via: Option<&Arc<Connection>>,
        steps: &mut Vec<Step>,
    ) -> Result<(Handle<ClientHandler>, Option<String>), Broken> {
        let (policy, config) = (self.policy(vm), &self.config);
        let shaken = if let Some(hop) = via {
            let stream = reach::tunnel(vm, hop, config, steps).await?;
            shake_hands(vm, stream, policy, config, steps).await?
        } else {
            let stream = reach::connect(vm, config, steps).await?;
            shake_hands(vm, stream, policy, config, steps).await?
        };
        let (mut handle, new_host_key) = shaken;
        if let Some(key) = &new_host_key {
            self.remember(vm.id, key);
        }
        let started = Instant::now();
        let limit = config.auth_timeout;
        let detail = timeout(limit, authenticate(&mut handle, vm, config, &self.keys)).await.unwrap_or_else(|_| {
            Err(failure(
                "authenticate",
                format!("{} did not finish authentication within {} s", vm.name, limit.as_secs()),
                "look into the server's log; a slow directory service or name lookup on it is a usual cause",
            ))
        })?;
        steps.push(ok_step(vm, "authenticate", started, detail));
        Ok((handle, new_host_key))
    }

    /// What is on record for a VM, keys of a first contact that was not stored yet among the pins.
    fn policy(&self, vm: &Arc<Vm>) -> HostKeyPolicy {
        let first = lock(&self.first_contacts).get(&vm.id).cloned();
        let files = self.known.read(&self.config.known_hosts);
        let vm = match first {
            Some(key) if vm.pins.is_empty() => {
                let mut with_pin = Vm::clone(vm);
                with_pin.pins.push(Pin { key, pinned_at: self.config.clock.now() });
                Arc::new(with_pin)
            }
            _ => Arc::clone(vm),
        };
        HostKeyPolicy::new(vm, &files)
    }

    fn remember(&self, vm: VmId, key: &str) {
        lock(&self.first_contacts).insert(vm, key.to_owned());
        if let Some(sink) = &self.config.host_key_sink {
            sink(vm, key.to_owned());
        }
    }
}

pub(crate) fn ok_step(vm: &Vm, name: &'static str, started: Instant, detail: String) -> Step {
    Step { vm: vm.name.clone(), name, ok: true, detail, took: started.elapsed() }
}

fn random_byte() -> u8 {
    let mut bytes = [0_u8; 1];
    // Without randomness there is no jitter, which is only less kind to the server.
    let _ = getrandom::fill(&mut bytes);
    bytes[0]
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
