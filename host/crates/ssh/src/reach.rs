//! A stream to a machine's SSH port: over TCP, or through a machine before it.

use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Instant;

use corral_domain::Vm;
use corral_engine::ports::{Failure, Step};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::config::SshConfig;
use crate::connection::{Connection, ok_step};
use crate::failure::failure;

/// Resolves the name and opens a TCP connection.
pub(crate) async fn connect(vm: &Vm, config: &SshConfig, steps: &mut Vec<Step>) -> Result<TcpStream, Failure> {
    let limit = config.connect_timeout;
    let started = Instant::now();
    let addresses = match timeout(limit, tokio::net::lookup_host((vm.address.as_str(), vm.port))).await {
        Ok(Ok(found)) => found.collect::<Vec<_>>(),
        Ok(Err(error)) => return Err(unresolved(vm, &error.to_string())),
        Err(_) => return Err(unresolved(vm, &format!("no answer within {} s", limit.as_secs()))),
    };
    if addresses.is_empty() {
        return Err(unresolved(vm, "the name has no address"));
    }
    steps.push(ok_step(vm, "resolve", started, shown_addresses(&addresses)));
    let started = Instant::now();
    let stream = timeout(limit, connect_any(&addresses)).await.unwrap_or_else(|_| {
        Err(std::io::Error::new(std::io::ErrorKind::TimedOut, format!("no answer within {} s", limit.as_secs())))
    });
    let stream = stream.map_err(|error| not_connected(vm, &error))?;
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "nodelay cannot be set");
    }
    let peer = stream.peer_addr().map_or_else(|_| vm.address.clone(), |peer| peer.to_string());
    steps.push(ok_step(vm, "connect", started, format!("to {peer}")));
    Ok(stream)
}

/// Opens a stream through a hop, which resolves the name.
pub(crate) async fn tunnel(
    vm: &Vm,
    hop: &Connection,
    config: &SshConfig,
    steps: &mut Vec<Step>,
) -> Result<russh::ChannelStream<russh::client::Msg>, Failure> {
    let (started, limit) = (Instant::now(), config.connect_timeout);
    let open = hop.handle.channel_open_direct_tcpip(vm.address.as_str(), u32::from(vm.port), "127.0.0.1", 0);
    let (problem, remedy) = match timeout(limit, open).await {
        Ok(Ok(channel)) => {
            let detail = format!("to {}:{} through {}", vm.address, vm.port, hop.name);
            steps.push(ok_step(vm, "connect", started, detail));
            return Ok(channel.into_stream());
        }
        Ok(Err(russh::Error::ChannelOpenFailure(reason))) => refused_tunnel(reason, vm, &hop.name),
        Ok(Err(error)) => {
            hop.dead.store(true, Ordering::Relaxed);
            (format!("the connection to {} broke: {error}", hop.name), "try again; it is made anew".to_owned())
        }
        Err(_) => (
            format!("no answer within {} s", limit.as_secs()),
            format!("check address and port as seen from {}, and the firewalls between", hop.name),
        ),
    };
    let place = format!("{}:{}", vm.address, vm.port);
    Err(failure("connect", format!("{} cannot reach {} at {place}: {problem}", hop.name, vm.name), remedy))
}

fn refused_tunnel(reason: russh::ChannelOpenFailure, vm: &Vm, hop: &str) -> (String, String) {
    match reason {
        russh::ChannelOpenFailure::AdministrativelyProhibited => (
            "it does not allow forwarding".to_owned(),
            format!("set AllowTcpForwarding in sshd_config of {hop}, and look at restrictions of the key there"),
        ),
        russh::ChannelOpenFailure::ConnectFailed => (
            "nothing answers there".to_owned(),
            format!("check that sshd runs on {} and that {hop} reaches {}:{}", vm.name, vm.address, vm.port),
        ),
        other => (format!("{other:?}"), format!("look into the log of sshd on {hop}")),
    }
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
