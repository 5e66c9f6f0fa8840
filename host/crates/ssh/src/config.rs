//! What can be set about connections, and what holds when nothing is.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use corral_domain::{CIPHERS, Clock, KEY_EXCHANGES, MACS, SystemClock, VmId, VmOptions};
use corral_engine::ports::Secrets;
use russh::keys::Algorithm;

use crate::BreakerConfig;

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
    /// Key exchanges at once to one address and port: sshd drops connections when `MaxStartups` (10) wait to log in.
    pub max_handshakes_per_address: usize,
    /// When a machine that fails is left alone.
    pub breaker: BreakerConfig,
    /// Where passwords and passphrases are; none: those who need one are told so.
    pub secrets: Option<Arc<dyn Secrets>>,
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
            max_handshakes_per_address: 8,
            breaker: BreakerConfig::default(),
            secrets: None,
            window_size: 2 << 20,
            cancel_grace: Duration::from_secs(5),
            clock: Arc::new(SystemClock),
            host_key_sink: None,
        }
    }
}

/// Messages of one channel that wait for their taker; each holds at most one packet of 32 KiB.
const CHANNEL_BUFFER_MESSAGES: usize = 128;

impl SshConfig {
    /// What russh is told: the options of a VM, and host key algorithms in the given order.
    pub(crate) fn to_russh(
        &self,
        options: &VmOptions,
        host_keys: Vec<Algorithm>,
        certificates: Vec<Algorithm>,
    ) -> russh::client::Config {
        let keepalive = options.keepalive_seconds.map(|seconds| Duration::from_secs(u64::from(seconds)));
        russh::client::Config {
            client_id: russh::SshId::Standard(Cow::Borrowed(concat!("SSH-2.0-Corral_", env!("CARGO_PKG_VERSION")))),
            window_size: self.window_size,
            channel_buffer_size: CHANNEL_BUFFER_MESSAGES,
            keepalive_interval: Some(keepalive.unwrap_or(self.keepalive_interval)),
            keepalive_max: self.keepalive_misses,
            nodelay: true,
            preferred: russh::Preferred {
                key: Cow::Owned(host_keys),
                host_key_certificates: Cow::Owned(certificates),
                kex: key_exchanges(&options.kex),
                cipher: Cow::Owned(known_names(&options.ciphers, &CIPHERS)),
                mac: Cow::Owned(known_names(&options.macs, &MACS)),
                // Decompression of what a stranger sends has no bound.
                compression: Cow::Borrowed(&[russh::compression::NONE]),
            },
            ..russh::client::Config::default()
        }
    }
}

/// The names that a VM has options for, or the usual ones. Those that are not known were refused when the VM was edited;
/// one that a newer version stored is passed over.
fn known_names<N>(wanted: &[String], usual: &[&str]) -> Vec<N>
where
    N: for<'a> TryFrom<&'a str>,
{
    let named: Vec<_> = wanted.iter().map(String::as_str).filter(|name| usual.contains(name)).collect();
    let names = if named.is_empty() { usual.to_vec() } else { named };
    names.into_iter().filter_map(|name| N::try_from(name).ok()).collect()
}

/// Key exchanges, with the marks by which both sides tell what else they understand.
fn key_exchanges(wanted: &[String]) -> Cow<'static, [russh::kex::Name]> {
    if wanted.is_empty() {
        return russh::Preferred::DEFAULT.kex;
    }
    let mut names: Vec<russh::kex::Name> = known_names(wanted, &KEY_EXCHANGES);
    names.extend([russh::kex::EXTENSION_SUPPORT_AS_CLIENT, russh::kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT]);
    Cow::Owned(names)
}

/// Host key algorithms that are asked of a VM, best first.
pub(crate) fn host_key_algorithms(options: &VmOptions) -> Vec<Algorithm> {
    let usual = || corral_domain::HOST_KEY_ALGORITHMS.iter().filter_map(|name| Algorithm::new(name).ok()).collect();
    let wanted: Vec<_> = options.host_key_algorithms.iter().filter_map(|name| Algorithm::new(name).ok()).collect();
    if wanted.is_empty() { usual() } else { wanted }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_that_may_be_given_is_one_that_the_library_knows() {
        assert_eq!(known_names::<russh::cipher::Name>(&[], &CIPHERS).len(), CIPHERS.len());
        assert_eq!(known_names::<russh::kex::Name>(&[], &KEY_EXCHANGES).len(), KEY_EXCHANGES.len());
        assert_eq!(known_names::<russh::mac::Name>(&[], &MACS).len(), MACS.len());
        let names: Vec<_> = host_key_algorithms(&VmOptions::default()).iter().map(ToString::to_string).collect();
        assert_eq!(names, corral_domain::HOST_KEY_ALGORITHMS);
    }

    #[test]
    fn options_are_taken_in_their_order_and_the_rest_is_as_usual() {
        let options = VmOptions {
            keepalive_seconds: Some(3),
            ciphers: vec!["aes128-ctr".to_owned(), "from-the-future".to_owned()],
            kex: vec!["curve25519-sha256".to_owned()],
            ..VmOptions::default()
        };
        let told = SshConfig::default().to_russh(&options, Vec::new(), Vec::new());
        assert_eq!(told.keepalive_interval, Some(Duration::from_secs(3)));
        assert_eq!(told.preferred.cipher.as_ref(), [russh::cipher::AES_128_CTR]);
        assert_eq!(told.preferred.kex[0], russh::kex::CURVE25519);
        assert!(told.preferred.kex.contains(&russh::kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT));
        assert_eq!(told.preferred.mac.len(), MACS.len());
        assert_eq!(told.preferred.compression.as_ref(), [russh::compression::NONE]);
    }
}
