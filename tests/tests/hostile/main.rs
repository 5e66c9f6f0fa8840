//! Servers that mean ill: whatever they send, a connection stays small and comes to an end that says what happened.
//!
//! A program of its own, and one test in it: the memory of the process is what is measured, so nothing else may run beside. The
//! servers live in the same process, so what they hold counts too.

mod servers;

use std::time::{Duration, Instant};

use corral_domain::{Auth, CommandLine, NewVm, RenderedCommand, Timestamp, Vm, VmId};
use corral_engine::ports::{Exit, RunError, RunEvent, Runner as _, Target};
use corral_ssh::{AgentSocket, SshConfig, SshRunner};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use servers::{Raw, Trick};

/// What one connection may hold at most.
const GROWTH_MAX: u64 = 32 << 20;
/// How long a handshake may take here.
const HANDSHAKE: Duration = Duration::from_secs(2);
/// How long a server that serves is listened to before its command is cancelled.
const LISTEN: Duration = Duration::from_secs(2);
/// Longest that any of it may take, the grace of a cancellation and a busy machine included.
const LIMIT: Duration = Duration::from_secs(60);

fn runner() -> SshRunner {
    SshRunner::new(SshConfig {
        known_hosts: Vec::new(),
        identity_files: Vec::new(),
        agent: AgentSocket::Path("/nonexistent/agent".into()),
        handshake_timeout: HANDSHAKE,
        auth_timeout: HANDSHAKE,
        exec_timeout: HANDSHAKE,
        cancel_grace: Duration::from_secs(1),
        ..SshConfig::default()
    })
}

fn target(port: u16, key: &std::path::Path) -> Target {
    let new = NewVm {
        auth: Auth::Key { identity_file: Some(key.display().to_string()), secret: None },
        accept_new_host_key: true,
        ..NewVm::ssh("evil", "127.0.0.1", port, "root")
    };
    let id = VmId::from_uuid(uuid::Uuid::from_u64_pair(9, u64::from(port)));
    Target { vm: std::sync::Arc::new(Vm::new(id, new, Timestamp::from_millis(0))), hops: Vec::new() }
}

/// Whoever takes the output: at once, or not at all until the command is cancelled.
#[derive(Clone, Copy, PartialEq)]
enum Taker {
    Eager,
    Stalled,
}

/// How a run ended, and how many bytes of output came.
async fn run(
    port: u16,
    key: &std::path::Path,
    stdin: Option<Vec<u8>>,
    taker: Taker,
    listen: Duration,
) -> (Result<Exit, RunError>, u64) {
    let (events, mut received) = mpsc::channel(8);
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    let listen = async {
        let end = tokio::time::Instant::now() + listen;
        let mut bytes = 0;
        if taker == Taker::Stalled {
            tokio::time::sleep_until(end).await;
        }
        loop {
            tokio::select! {
                event = received.recv() => match event {
                    Some(RunEvent::Output(output)) => bytes += output.bytes.len() as u64,
                    Some(_) => {}
                    None => return bytes,
                },
                () = tokio::time::sleep_until(end), if !stop.is_cancelled() => stop.cancel(),
            }
        }
    };
    let command = RenderedCommand { stdin, ..RenderedCommand::plain(CommandLine::Script("true".to_owned())) };
    let (runner, target) = (runner(), target(port, key));
    let both = async { tokio::join!(runner.run(&target, &command, None, events, cancel.clone()), listen) };
    tokio::time::timeout(LIMIT, both).await.expect("it comes to an end")
}

fn status(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(name)).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
}

/// Runs something and checks by how much the process grew at most meanwhile.
async fn measured<T>(what: &str, work: impl Future<Output = T>) -> T {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    let (before, begun) = (status("VmRSS:"), Instant::now());
    let result = work.await;
    let grown = status("VmHWM:").saturating_sub(before);
    println!("{what}: {} KiB more, {:.1} s", grown >> 10, begun.elapsed().as_secs_f64());
    assert!(grown <= GROWTH_MAX, "{what}: grew by {grown} bytes");
    result
}

#[tokio::test(flavor = "multi_thread")]
async fn every_trick_ends_in_a_clear_state_within_32_mib() {
    let folder = tempfile::tempdir().unwrap();
    let key = servers::client_key(folder.path());
    // Code and allocations of a first connection are nobody's trick.
    let (first, _) = run(servers::start(Trick::None).await, &key, None, Taker::Eager, LIMIT).await;
    assert_eq!(first, Ok(Exit { code: Some(0), signal: None }), "an honest server serves");

    for raw in Raw::ALL {
        let port = servers::start_raw(raw).await;
        // Nobody cancels: the time for a handshake is what ends it.
        let (ended, _) = measured(&format!("{raw:?}"), run(port, &key, None, Taker::Eager, LIMIT)).await;
        let Err(RunError::Unreachable(failure)) = ended else { panic!("{raw:?}: {ended:?}") };
        assert_eq!(failure.step, "handshake", "{raw:?}: {failure}");
        assert!(!failure.message.is_empty() && !failure.remedy.is_empty(), "{raw:?}: {failure}");
    }
    for (trick, taker) in [
        (Trick::Endless, Taker::Eager),
        (Trick::Endless, Taker::Stalled),
        (Trick::TinyPackets, Taker::Eager),
        (Trick::TinyPackets, Taker::Stalled),
        (Trick::Drip, Taker::Eager),
        (Trick::NoWindow, Taker::Eager),
        (Trick::ChannelFlood, Taker::Eager),
    ] {
        let port = servers::start(trick).await;
        let stdin = (trick == Trick::NoWindow).then(|| vec![b'x'; 8 << 20]);
        let what = format!("{trick:?}, {}", if taker == Taker::Eager { "taken" } else { "not taken" });
        let (ended, bytes) = measured(&what, run(port, &key, stdin, taker, LISTEN)).await;
        assert!(matches!(ended, Err(RunError::Cancelled(_) | RunError::Lost(_))), "{what}: {ended:?}");
        if matches!(trick, Trick::Endless | Trick::TinyPackets | Trick::Drip) {
            assert!(bytes > 0, "{what}: output arrives as long as it is wanted");
        }
    }
    assert_eq!(servers::accepted_channels(), 0, "no channel that a server opened was accepted");
    assert!(servers::refused_channels() > 100, "channels were opened: {}", servers::refused_channels());
}
