//! What can be set about connections, and what holds when nothing is.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use corral_domain::{Clock, SystemClock, VmId};
use russh::keys::{Algorithm, EcdsaCurve, HashAlg};

/// Told of a host key that was accepted on first contact, so that it is pinned.
pub type HostKeySink = Arc<dyn Fn(VmId, String) + Send + Sync>;

/// Where the SSH agent listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentSocket {
    /// Where `SSH_AUTH_SOCK` says, read anew for each connection.
    Environment,
    /// At this path.
    Path(PathBuf),
}

/// Settings of all connections.
#[derive(Clone)]
pub struct SshConfig {
    /// Files with known host keys; those that do not exist are passed over.
    pub known_hosts: Vec<PathBuf>,
    /// Private keys tried for a VM that names none; those that do not exist are passed over.
    pub identity_files: Vec<PathBuf>,
    /// Where the agent is.
    pub agent: AgentSocket,
    /// Longest time to look up a name and to open a TCP connection.
    pub connect_timeout: Duration,
    /// Longest time of the key exchange, the host key check included.
    pub handshake_timeout: Duration,
    /// Longest time to authenticate.
    pub auth_timeout: Duration,
    /// Longest time until the server has opened a channel or answered to a command being sent.
    pub exec_timeout: Duration,
    /// Silence after which the server is asked for a sign of life.
    pub keepalive_interval: Duration,
    /// Unanswered questions after which the connection counts as dead.
    pub keepalive_misses: usize,
    /// A connection that nobody has used for this long is closed.
    pub idle_close: Duration,
    /// Commands at once over one connection; `MaxSessions` of sshd is 10.
    pub max_channels: usize,
    /// Connections at once to one VM.
    pub max_connections_per_vm: usize,
    /// Key exchanges at once, over all VMs.
    pub max_handshakes: usize,
    /// Flow control window of a channel in bytes.
    pub window_size: u32,
    /// Time between asking a cancelled command's processes to end and ending them.
    pub cancel_grace: Duration,
    /// Tells the time of each piece of output.
    pub clock: Arc<dyn Clock>,
    /// Told of host keys that were accepted on first contact.
    pub host_key_sink: Option<HostKeySink>,
}

impl Default for SshConfig {
    fn default() -> Self {
        let ssh = home().join(".ssh");
        Self {
            known_hosts: vec![ssh.join("known_hosts"), PathBuf::from("/etc/ssh/ssh_known_hosts")],
            identity_files: ["id_ed25519", "id_ecdsa", "id_rsa"].iter().map(|name| ssh.join(name)).collect(),
            agent: AgentSocket::Environment,
            connect_timeout: Duration::from_secs(10),
            handshake_timeout: Duration::from_secs(15),
            auth_timeout: Duration::from_secs(20),
            exec_timeout: Duration::from_secs(20),
            keepalive_interval: Duration::from_secs(15),
            keepalive_misses: 3,
            idle_close: Duration::from_secs(600),
            max_channels: 10,
            max_connections_per_vm: 4,
            max_handshakes: 32,
            window_size: 2 << 20,
            cancel_grace: Duration::from_secs(5),
            clock: Arc::new(SystemClock),
            host_key_sink: None,
        }
    }
}

/// Messages of one channel that wait for their taker; each holds at most one packet of 32 KiB.
const CHANNEL_BUFFER_MESSAGES: usize = 128;

/// Host key algorithms that are accepted, best first. SHA-1 (`ssh-rsa`) is not among them.
pub(crate) const HOST_KEY_ALGORITHMS: [Algorithm; 6] = [
    Algorithm::Ed25519,
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 },
    Algorithm::Rsa { hash: Some(HashAlg::Sha512) },
    Algorithm::Rsa { hash: Some(HashAlg::Sha256) },
];

impl SshConfig {
    /// What russh is told, with host key algorithms in the given order.
    pub(crate) fn to_russh(&self, host_keys: Vec<Algorithm>) -> russh::client::Config {
        russh::client::Config {
            client_id: russh::SshId::Standard(Cow::Borrowed(concat!("SSH-2.0-Corral_", env!("CARGO_PKG_VERSION")))),
            window_size: self.window_size,
            channel_buffer_size: CHANNEL_BUFFER_MESSAGES,
            keepalive_interval: Some(self.keepalive_interval),
            keepalive_max: self.keepalive_misses,
            nodelay: true,
            preferred: russh::Preferred {
                key: Cow::Owned(host_keys),
                // AES with hardware help is the fastest by a fifth; CTR stays for servers that know nothing newer.
                cipher: Cow::Borrowed(&[
                    russh::cipher::AES_256_GCM,
                    russh::cipher::AES_128_GCM,
                    russh::cipher::CHACHA20_POLY1305,
                    russh::cipher::AES_256_CTR,
                    russh::cipher::AES_192_CTR,
                    russh::cipher::AES_128_CTR,
                ]),
                compression: Cow::Borrowed(&[russh::compression::NONE]),
                ..russh::Preferred::DEFAULT
            },
            ..russh::client::Config::default()
        }
    }
}

/// The home folder of the account that the host runs as.
pub(crate) fn home() -> PathBuf {
    std::env::var_os("HOME").filter(|home| !home.is_empty()).map_or_else(|| PathBuf::from("/root"), PathBuf::from)
}

/// The account that the host runs as, for VMs that name no user.
pub(crate) fn current_user() -> String {
    let uid = rustix::process::geteuid().as_raw().to_string();
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let of_uid = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    });
    of_uid
        .or_else(|| std::env::var("USER").ok().filter(|user| !user.is_empty()))
        .or_else(|| std::env::var("LOGNAME").ok().filter(|user| !user.is_empty()))
        .unwrap_or_else(|| "root".to_owned())
}
