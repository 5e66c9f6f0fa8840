//! The key exchange with the host key check, and what went wrong where it does not come about.

use std::sync::Arc;
use std::time::{Duration, Instant};

use corral_domain::Vm;
use corral_engine::ports::{Failure, Step};
use russh::client::Handle;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use crate::config::SshConfig;
use crate::connection::ok_step;
use crate::failure::{failure, quote_bytes};
use crate::handler::{ClientHandler, HandshakeError};
use crate::hostkey::{Accepted, HostKeyPolicy, openssh};
use crate::known_hosts::fingerprint;
use crate::record::{Head, Recorded};

/// Why a try failed, and whether another one may go better.
pub(crate) enum Broken {
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

/// Exchanges keys over a stream. Gives the host key too if it was accepted for the first time.
pub(crate) async fn shake_hands<S>(
    vm: &Arc<Vm>,
    stream: S,
    policy: HostKeyPolicy,
    config: &SshConfig,
    steps: &mut Vec<Step>,
) -> Result<(Handle<ClientHandler>, Option<String>), Broken>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let started = Instant::now();
    let settings = Arc::new(config.to_russh(&vm.options, policy.algorithms(), policy.certificate_algorithms()));
    let (handler, found) = ClientHandler::new(policy, Arc::clone(&config.clock));
    let (stream, head) = Recorded::new(stream);
    let limit = config.handshake_timeout;
    let handle = match timeout(limit, russh::client::connect_stream(settings, stream, handler)).await {
        Ok(Ok(handle)) => handle,
        Ok(Err(HandshakeError::HostKey(failure))) => return Err(Broken::For(*failure)),
        Ok(Err(HandshakeError::Ssh(error))) => return Err(no_handshake(vm, &error, &head)),
        Err(_) => return Err(Broken::For(slow_handshake(vm, limit, &head))),
    };
    let Some((key, accepted)) = found.get() else {
        return Err(Broken::For(failure("host key", "the server showed no host key", "look into the server's log")));
    };
    let shown = format!("{} {}", key.algorithm(), fingerprint(key));
    let (detail, new_host_key) = match accepted {
        Accepted::Pinned => (format!("{shown}, pinned"), None),
        Accepted::Known => (format!("{shown}, in known_hosts"), None),
        Accepted::Certified { authority } => (format!("{shown}, certified by {authority} of known_hosts"), None),
        Accepted::FirstContact => (format!("{shown}, accepted on first contact"), openssh(key)),
    };
    steps.push(ok_step(vm, "host key", started, detail));
    Ok((handle, new_host_key))
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
    if let russh::Error::NoCommonAlgo { kind, ours, theirs } = error {
        return Broken::For(nothing_in_common(vm, word(kind), ours, theirs));
    }
    let remedy = "try again; look into the server's log if it happens again";
    Broken::For(failure("handshake", format!("the SSH handshake with {place} failed: {error}"), remedy))
}

fn word(kind: &russh::AlgorithmKind) -> &'static str {
    match kind {
        russh::AlgorithmKind::Kex => "key exchange",
        russh::AlgorithmKind::Key => "host key",
        russh::AlgorithmKind::Cipher => "cipher",
        russh::AlgorithmKind::Compression => "compression",
        russh::AlgorithmKind::Mac => "message authentication",
    }
}

/// Names what both sides have, so that a person sees which option or which server is the odd one.
fn nothing_in_common(vm: &Vm, kind: &str, ours: &[String], theirs: &[String]) -> Failure {
    let theirs: Vec<_> = theirs.iter().map(|name| quote_bytes(name.as_bytes())).collect();
    let remedy = if vm.options.is_usual() {
        "bring the server's sshd up to date: it offers only algorithms that are broken".to_owned()
    } else {
        format!("look at the options of {}: they leave nothing that its sshd takes", vm.name)
    };
    failure(
        "handshake",
        format!(
            "{}:{} and this machine have no {} in common: it takes {}; asked for were {}",
            vm.address,
            vm.port,
            kind,
            quote_bytes(theirs.join(", ").as_bytes()),
            ours.join(", ")
        ),
        remedy,
    )
}
