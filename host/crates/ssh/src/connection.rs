//! Opens one connection: resolve, connect (through a hop if need be), exchange keys, authenticate.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use corral_domain::{Pin, Vm, VmId};
use corral_engine::ports::{Failure, Step};
use russh::client::Handle;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::auth::authenticate;
use crate::config::SshConfig;
use crate::failure::{failure, quote_bytes};
use crate::handler::{ClientHandler, HandshakeError};
use crate::hostkey::{Accepted, HostKeyPolicy, openssh};
use crate::known_hosts::{KnownHostsCache, fingerprint};
use crate::record::{Head, Recorded};

/// How often a server that hangs up before it says anything is tried: sshd does so when too many connect at once.
const EARLY_CLOSE_TRIES: u32 = 4;
/// Pause before the second try; it grows with each.
const EARLY_CLOSE_PAUSE: Duration = Duration::from_millis(150);
/// Largest random part of a pause, so that many hosts' tries do not fall together.
const JITTER_MAX: Duration = Duration::from_millis(100);

/// An authenticated connection.
pub(crate) struct Connection {
    pub(crate) handle: Handle<ClientHandler>,
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
    _via: Option<Arc<Connection>>,
}

impl Connection {
    pub(crate) fn is_usable(&self) -> bool {
        !self.handle.is_closed() && !self.dead.load(Ordering::Relaxed)
    }

    pub(crate) fn touch(&self) {
        *self.last_used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    pub(crate) fn idle_for(&self) -> Duration {
        self.last_used.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
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

/// Opens connections.
pub(crate) struct Dialer {
    pub(crate) config: SshConfig,
    known: KnownHostsCache,
    handshakes: Semaphore,
    /// Keys accepted on first contact that the VM as given does not have as pins yet.
    first_contacts: Mutex<HashMap<VmId, String>>,
}

impl Dialer {
    pub(crate) fn new(config: SshConfig) -> Self {
        let handshakes = Semaphore::new(config.max_handshakes.max(1));
        Self { config, known: KnownHostsCache::default(), handshakes, first_contacts: Mutex::default() }
    }

    pub(crate) fn forget(&self, vm: VmId) {
        self.first_contacts.lock().unwrap_or_else(PoisonError::into_inner).remove(&vm);
    }

    /// Connects to a VM, through `via` if given. Steps that went well are added to `steps`.
    pub(crate) async fn dial(
        &self,
        vm: &Arc<Vm>,
        via: Option<Arc<Connection>>,
        steps: &mut Vec<Step>,
    ) -> Result<Connection, Failure> {
        let Ok(_permit) = self.handshakes.acquire().await else {
            return Err(failure("connect", "the host is stopping", "try again when it has started"));
        };
        let mut tries = 1;
        let (handle, new_host_key) = loop {
            let mut fresh = Vec::new();
            match self.dial_once(vm, via.as_ref(), &mut fresh).await {
                Err(Broken::Early(_)) if tries < EARLY_CLOSE_TRIES => {
                    tokio::time::sleep(EARLY_CLOSE_PAUSE * tries + jitter()).await;
                    tries += 1;
                }
                Err(Broken::Early(failure) | Broken::For(failure)) => {
                    steps.append(&mut fresh);
                    return Err(failure);
                }
                Ok(done) => {
                    steps.append(&mut fresh);
                    break done;
                }
            }
        };
        Ok(Connection {
            handle,
            in_use: AtomicUsize::new(0),
            capacity: AtomicUsize::new(self.config.max_channels.max(1)),
            dead: AtomicBool::new(false),
            last_used: Mutex::new(Instant::now()),
            new_host_key,
            _via: via,
        })
    }

    async fn dial_once(
        &self,
        vm: &Arc<Vm>,
        via: Option<&Arc<Connection>>,
        steps: &mut Vec<Step>,
    ) -> Result<(Handle<ClientHandler>, Option<String>), Broken> {
        let (mut handle, new_host_key) = if let Some(hop) = via {
            let stream = self.tunnel(vm, hop, steps).await?;
            self.shake_hands(vm, stream, steps).await?
        } else {
            let stream = self.connect(vm, steps).await?;
            self.shake_hands(vm, stream, steps).await?
        };
        let started = Instant::now();
        let limit = self.config.auth_timeout;
        let detail = timeout(limit, authenticate(&mut handle, vm, &self.config)).await.unwrap_or_else(|_| {
            Err(failure(
                "authenticate",
                format!("{} did not finish authentication within {} s", vm.name, limit.as_secs()),
                "look into the server's log; a slow directory service or name lookup on it is a usual cause",
            ))
        })?;
        steps.push(ok_step("authenticate", started, detail));
        Ok((handle, new_host_key))
    }

    async fn connect(&self, vm: &Vm, steps: &mut Vec<Step>) -> Result<TcpStream, Failure> {
        let limit = self.config.connect_timeout;
        let started = Instant::now();
        let addresses = match timeout(limit, tokio::net::lookup_host((vm.address.as_str(), vm.port))).await {
            Ok(Ok(found)) => found.collect::<Vec<_>>(),
            Ok(Err(error)) => return Err(unresolved(vm, &error.to_string())),
            Err(_) => return Err(unresolved(vm, &format!("no answer within {} s", limit.as_secs()))),
        };
        if addresses.is_empty() {
            return Err(unresolved(vm, "the name has no address"));
        }
        steps.push(ok_step("resolve", started, shown_addresses(&addresses)));
        let started = Instant::now();
        let stream = timeout(limit, connect_any(&addresses)).await.unwrap_or_else(|_| {
            Err(std::io::Error::new(std::io::ErrorKind::TimedOut, format!("no answer within {} s", limit.as_secs())))
        });
        let stream = stream.map_err(|error| not_connected(vm, &error))?;
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "nodelay cannot be set");
        }
        let peer = stream.peer_addr().map_or_else(|_| vm.address.clone(), |peer| peer.to_string());
        steps.push(ok_step("connect", started, format!("to {peer}")));
        Ok(stream)
    }

    async fn tunnel(
        &self,
        vm: &Vm,
        hop: &Connection,
        steps: &mut Vec<Step>,
    ) -> Result<russh::ChannelStream<russh::client::Msg>, Failure> {
        let started = Instant::now();
        let open = hop.handle.channel_open_direct_tcpip(vm.address.as_str(), u32::from(vm.port), "127.0.0.1", 0);
        let problem = match timeout(self.config.connect_timeout, open).await {
            Ok(Ok(channel)) => {
                steps.push(ok_step("connect", started, format!("to {}:{} through the hop", vm.address, vm.port)));
                return Ok(channel.into_stream());
            }
            Ok(Err(error)) => {
                if !matches!(error, russh::Error::ChannelOpenFailure(_)) {
                    hop.dead.store(true, Ordering::Relaxed);
                }
                error.to_string()
            }
            Err(_) => format!("no answer within {} s", self.config.connect_timeout.as_secs()),
        };
        Err(failure(
            "connect",
            format!("the hop cannot reach {} at {}:{}: {problem}", vm.name, vm.address, vm.port),
            "check address and port as seen from the hop, and that its sshd allows TCP forwarding",
        ))
    }

    async fn shake_hands<S>(
        &self,
        vm: &Arc<Vm>,
        stream: S,
        steps: &mut Vec<Step>,
    ) -> Result<(Handle<ClientHandler>, Option<String>), Broken>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let started = Instant::now();
        let policy = self.policy(vm);
        let settings = Arc::new(self.config.to_russh(policy.algorithms()));
        let (handler, found) = ClientHandler::new(policy);
        let (stream, head) = Recorded::new(stream);
        let limit = self.config.handshake_timeout;
        let handle = match timeout(limit, russh::client::connect_stream(settings, stream, handler)).await {
            Ok(Ok(handle)) => handle,
            Ok(Err(HandshakeError::HostKey(failure))) => return Err(Broken::For(*failure)),
            Ok(Err(HandshakeError::Ssh(error))) => return Err(no_handshake(vm, &error, &head)),
            Err(_) => return Err(Broken::For(slow_handshake(vm, limit, &head))),
        };
        let Some((key, accepted)) = found.get() else {
            return Err(Broken::For(failure(
                "host key",
                "the server showed no host key",
                "look into the server's log",
            )));
        };
        let shown = format!("{} {}", key.algorithm(), fingerprint(key));
        let (detail, new_host_key) = match accepted {
            Accepted::Pinned => (format!("{shown}, pinned"), None),
            Accepted::Known => (format!("{shown}, in known_hosts"), None),
            Accepted::FirstContact => (format!("{shown}, accepted on first contact"), openssh(key)),
        };
        if let Some(key) = &new_host_key {
            self.remember(vm.id, key);
        }
        steps.push(ok_step("host key", started, detail));
        Ok((handle, new_host_key))
    }

    /// What is on record for a VM, keys of a first contact that was not stored yet among the pins.
    fn policy(&self, vm: &Arc<Vm>) -> HostKeyPolicy {
        let first = self.first_contacts.lock().unwrap_or_else(PoisonError::into_inner).get(&vm.id).cloned();
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
        self.first_contacts.lock().unwrap_or_else(PoisonError::into_inner).insert(vm, key.to_owned());
        if let Some(sink) = &self.config.host_key_sink {
            sink(vm, key.to_owned());
        }
    }
}

/// Why a try failed, and whether another one may go better.
enum Broken {
    /// The server hung up before it said anything, as one does that has too many connections.
    Early(Failure),
    /// Trying again would not help.
    For(Failure),
}

impl From<Failure> for Broken {
    fn from(failure: Failure) -> Self {
        Self::For(failure)
    }
}

pub(crate) fn ok_step(name: &'static str, started: Instant, detail: String) -> Step {
    Step { name, ok: true, detail, took: started.elapsed() }
}

fn jitter() -> Duration {
    let mut bytes = [0_u8; 1];
    // Without randomness there is no jitter, which is only less kind to the server.
    let _ = getrandom::fill(&mut bytes);
    JITTER_MAX * u32::from(bytes[0]) / 256
}

/// Tries addresses in order; the last error is told.
async fn connect_any(addresses: &[SocketAddr]) -> std::io::Result<TcpStream> {
    let mut last = None;
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| std::io::ErrorKind::AddrNotAvailable.into()))
}

fn shown_addresses(addresses: &[SocketAddr]) -> String {
    let shown: Vec<_> = addresses.iter().take(4).map(|address| address.ip().to_string()).collect();
    let more = addresses.len().saturating_sub(shown.len());
    if more == 0 { shown.join(", ") } else { format!("{} and {more} more", shown.join(", ")) }
}

fn unresolved(vm: &Vm, why: &str) -> Failure {
    failure(
        "resolve",
        format!("the name {} of {} does not resolve: {why}", vm.address, vm.name),
        "check the spelling, /etc/hosts and the DNS of the machine that Corral runs on, or use an IP address",
    )
}

fn not_connected(vm: &Vm, error: &std::io::Error) -> Failure {
    let place = format!("{}:{}", vm.address, vm.port);
    match error.kind() {
        std::io::ErrorKind::ConnectionRefused => failure(
            "connect",
            format!("{place} refused the connection"),
            "check that sshd runs there and listens on this port",
        ),
        std::io::ErrorKind::TimedOut => failure(
            "connect",
            format!("{place} timed out: {error}"),
            "check that the machine is up and that no firewall stands between",
        ),
        _ => failure(
            "connect",
            format!("{place} cannot be reached: {error}"),
            "check address, route and firewall between this machine and it",
        ),
    }
}

fn slow_handshake(vm: &Vm, limit: Duration, head: &Head) -> Failure {
    let said = head.bytes();
    let (what, remedy) = if said.is_empty() {
        (
            "it sent nothing".to_owned(),
            "check that the port is the one of sshd; an overloaded machine can look like this",
        )
    } else if head.is_ssh() {
        ("it is too slow".to_owned(), "try again; look at the load of the machine if it happens again")
    } else {
        (format!("it sent `{}`", quote_bytes(&said)), "check that the port is the one of sshd")
    };
    failure(
        "handshake",
        format!("{}:{} did not finish the SSH handshake within {} s: {what}", vm.address, vm.port, limit.as_secs()),
        remedy,
    )
}

fn no_handshake(vm: &Vm, error: &russh::Error, head: &Head) -> Broken {
    let place = format!("{}:{}", vm.address, vm.port);
    let said = head.bytes();
    let hung_up = matches!(error, russh::Error::Disconnect | russh::Error::HUP | russh::Error::IO(_));
    if said.is_empty() || (hung_up && !head.is_ssh() && said.starts_with(b"Not allowed at this time")) {
        return Broken::Early(failure(
            "handshake",
            format!("{place} closed the connection before it said anything"),
            "check that the port is the one of sshd; sshd does this when too many connect at once (MaxStartups) or when \
             it has locked this machine out (PerSourcePenalties)",
        ));
    }
    if !head.is_ssh() {
        return Broken::For(failure(
            "handshake",
            format!("{place} does not speak SSH: it sent `{}`", quote_bytes(&said)),
            "check that the port is the one of sshd",
        ));
    }
    let remedy = match error {
        russh::Error::NoCommonAlgo { .. } => {
            "bring the server's sshd up to date: it offers only algorithms that are broken"
        }
        _ => "try again; look into the server's log if it happens again",
    };
    Broken::For(failure("handshake", format!("the SSH handshake with {place} failed: {error}"), remedy))
}
