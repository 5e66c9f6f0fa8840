//! Commands that run to their end.

use std::sync::Arc;
use std::time::Duration;

use corral_domain::NewVm;
use corral_engine::ports::{Exit, Output, RunError, RunEvent, Runner as _, Target};
use corral_ssh::SshRunner;
use corral_tests::sshd::{Options, Sshd};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::support::{LIMIT, config, output, run, script, to, vm, vm_of};

fn code(code: i32) -> Exit {
    Exit { code: Some(code), signal: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_outputs_come_apart_and_with_every_byte() {
    let sshd = Sshd::start(Options { net: 10, ..Options::default() });
    let (runner, target) = (SshRunner::new(config()), to(vm_of(&sshd)));
    let (exit, seen) = run(&runner, &target, &script(r"printf 'out\377\000\n'; printf 'err\200\n' >&2; exit 7")).await;
    assert_eq!(exit, Ok(code(7)));
    assert!(seen.started);
    assert_eq!(seen.stdout, b"out\xff\x00\n");
    assert_eq!(seen.stderr, b"err\x80\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_that_ends_a_command_is_named() {
    let sshd = Sshd::start(Options { net: 11, ..Options::default() });
    let (runner, target) = (SshRunner::new(config()), to(vm_of(&sshd)));
    let (exit, _) = run(&runner, &target, &script("kill -KILL $$")).await;
    assert_eq!(exit, Ok(Exit { code: None, signal: Some("KILL".to_owned()) }));
    assert_eq!(run(&runner, &target, &script("no-such-command-here")).await.0, Ok(code(127)));
}

#[tokio::test(flavor = "multi_thread")]
async fn standard_input_arrives_whole_and_ends() {
    let sshd = Sshd::start(Options { net: 12, ..Options::default() });
    let (runner, target) = (SshRunner::new(config()), to(vm_of(&sshd)));
    let mut command = script("cksum");
    let input: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    command.stdin = Some(input.clone());
    let (exit, seen) = run(&runner, &target, &command).await;
    assert_eq!(exit, Ok(code(0)));
    assert!(seen.out().ends_with(" 3000000\n"), "{}", seen.out());
    // Without any, a command that reads comes to an end at once; one that does not read is not waited for.
    assert_eq!(output(&runner, &target, "cat; echo end").await, "end\n");
    command.command = corral_domain::CommandLine::Script("exec true".to_owned());
    assert_eq!(run(&runner, &target, &command).await.0, Ok(code(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn folder_variables_and_quotes_are_as_given() {
    let sshd = Sshd::start(Options { net: 13, ..Options::default() });
    let (runner, target) = (SshRunner::new(config()), to(vm_of(&sshd)));
    let mut command = script("pwd; printf '%s\\n' \"$GREETING\" '!' 'a\\b'\n# the end");
    command.workdir = Some("/usr".to_owned());
    command.env = vec![("GREETING".to_owned(), "it's \"$HOME\"\nhi".to_owned())];
    let (exit, seen) = run(&runner, &target, &command).await;
    assert_eq!(exit, Ok(code(0)), "{}", seen.err());
    assert_eq!(seen.out(), "/usr\nit's \"$HOME\"\nhi\n!\na\\b\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_of_a_hundred_megabytes_streams_in_bounded_memory() {
    const BYTES: usize = 100_000_000;
    let sshd = Sshd::start(Options { net: 14, ..Options::default() });
    let (runner, target) = (SshRunner::new(config()), to(vm_of(&sshd)));
    // Once beforehand, so that what a first connection allocates is not counted.
    output(&runner, &target, "true").await;
    let before = resident_bytes();
    let (events, mut received) = mpsc::channel(4);
    let count = async {
        let (mut bytes, mut peak) = (0, 0);
        while let Some(event) = received.recv().await {
            if let RunEvent::Output(Output { bytes: piece, .. }) = event {
                bytes += piece.len();
                peak = peak.max(resident_bytes());
            }
        }
        (bytes, peak)
    };
    let command = script(&format!("head -c {BYTES} /dev/zero | tr '\\0' x"));
    let (exit, (bytes, peak)) =
        tokio::join!(runner.run(&target, &command, None, events, CancellationToken::new()), count);
    assert_eq!((exit, bytes), (Ok(code(0)), BYTES));
    let grown = peak.saturating_sub(before);
    // Other tests run in this process meanwhile; 64 MiB is well below the line and well above what they need.
    assert!(grown < 64 << 20, "memory grew by {} MiB", grown >> 20);
}

fn resident_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taker_that_waits_slows_the_command_and_loses_nothing() {
    let sshd = Sshd::start(Options { net: 15, ..Options::default() });
    let (runner, target) = (SshRunner::new(config()), to(vm_of(&sshd)));
    let mark = sshd.path("written");
    let (events, mut received) = mpsc::channel(1);
    let command = script(&format!("seq 1 4000000; echo done > {}", mark.display()));
    let take = async {
        assert!(matches!(received.recv().await, Some(RunEvent::Started)));
        // The window and all buffers are full long before 30 MB were taken; the command cannot have ended.
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert!(!mark.exists(), "the command ended although nobody took its output");
        let mut all = Vec::new();
        while let Some(event) = received.recv().await {
            if let RunEvent::Output(output) = event {
                all.extend_from_slice(&output.bytes);
            }
        }
        all
    };
    let (exit, all) = tokio::join!(runner.run(&target, &command, None, events, CancellationToken::new()), take);
    assert_eq!(exit, Ok(code(0)));
    let text = String::from_utf8(all).unwrap();
    assert!(text.lines().enumerate().all(|(at, line)| line == (at + 1).to_string()));
    assert_eq!(text.lines().count(), 4_000_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_machines_at_once_each_over_one_connection() {
    let servers: Vec<_> = (0..4)
        .map(|n| Sshd::start(Options { net: 20 + n, addresses: if n == 3 { 2 } else { 16 }, ..Options::default() }))
        .collect();
    let runner = Arc::new(SshRunner::new(config()));
    let mut targets = Vec::new();
    for (n, sshd) in servers.iter().enumerate() {
        for index in 0..if n == 3 { 2 } else { 16 } {
            let new = NewVm { address: sshd.ip(index), ..vm_of(sshd) };
            targets.push(Target { vm: vm(targets.len() as u64, new), hops: Vec::new() });
        }
    }
    assert_eq!(targets.len(), 50);
    // Twice, and three at once per machine: the second round finds every connection warm.
    for _ in 0..2 {
        let runs = targets.iter().flat_map(|target| [target; 3]).map(|target| {
            let (runner, target) = (Arc::clone(&runner), target.clone());
            tokio::spawn(async move { output(&*runner, &target, "echo ${SSH_CONNECTION}").await })
        });
        for (at, ran) in futures::future::join_all(runs).await.into_iter().enumerate() {
            let address = &targets[at / 3].vm.address;
            assert!(ran.unwrap().contains(address.as_str()));
        }
    }
    let logins: usize = servers.iter().map(|sshd| sshd.log().matches("Accepted publickey").count()).sum();
    assert_eq!(logins, 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn more_commands_than_a_connection_carries_all_run() {
    let sshd = Sshd::start(Options { net: 16, config: "MaxSessions 2\n".to_owned(), ..Options::default() });
    let (runner, target) = (Arc::new(SshRunner::new(config())), to(vm_of(&sshd)));
    let runs = (0..24).map(|n| {
        let (runner, target) = (Arc::clone(&runner), target.clone());
        tokio::spawn(async move { output(&*runner, &target, &format!("sleep 0.1; echo {n}")).await })
    });
    for (n, ran) in futures::future::join_all(runs).await.into_iter().enumerate() {
        assert_eq!(ran.unwrap(), format!("{n}\n"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_allows_one_session_runs_one_command_after_the_other() {
    let sshd = Sshd::start(Options { net: 19, config: "MaxSessions 1\n".to_owned(), ..Options::default() });
    let (runner, target) = (SshRunner::new(config()), to(vm_of(&sshd)));
    for n in 0..20 {
        // It counts a session until its processes are reaped, which is after its end was told.
        assert_eq!(output(&runner, &target, &format!("echo {n}")).await, format!("{n}\n"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pooled_connection_that_died_is_replaced_without_notice() {
    let mut sshd = Sshd::start(Options { net: 17, ..Options::default() });
    let (runner, target) = (SshRunner::new(config()), to(vm_of(&sshd)));
    assert_eq!(output(&runner, &target, "echo one").await, "one\n");
    sshd.drop_connections();
    assert_eq!(output(&runner, &target, "echo two").await, "two\n");
    sshd.stop();
    sshd.launch();
    assert!(runner.check(&target).await.unwrap() < LIMIT);
    assert_eq!(output(&runner, &target, "echo three").await, "three\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_whose_connection_breaks_is_lost_and_not_run_again() {
    let sshd = Sshd::start(Options { net: 18, ..Options::default() });
    let (runner, target) = (SshRunner::new(config()), to(vm_of(&sshd)));
    let runs = sshd.path("runs");
    let command = script(&format!("echo run >> {}; echo here; sleep 30", runs.display()));
    let (events, mut received) = mpsc::channel(8);
    let break_it = async {
        while let Some(event) = received.recv().await {
            if matches!(event, RunEvent::Output(_)) {
                sshd.drop_connections();
            }
        }
    };
    let (exit, ()) = tokio::join!(runner.run(&target, &command, None, events, CancellationToken::new()), break_it);
    let Err(RunError::Lost(message)) = exit else { panic!("{exit:?}") };
    assert!(message.contains("web-1") && message.contains("not known"), "{message}");
    assert_eq!(std::fs::read_to_string(runs).unwrap(), "run\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_behind_two_hops_is_reached_and_each_hop_is_checked_for_itself() {
    let servers: Vec<_> = (0..3).map(|n| Sshd::start(Options { net: 30 + n, ..Options::default() })).collect();
    let machines: Vec<_> = servers.iter().zip(0..).map(|(sshd, n)| vm(n, vm_of(sshd))).collect();
    let target = Target { vm: Arc::clone(&machines[2]), hops: machines[..2].to_vec() };
    let runner = SshRunner::new(config());
    let said = output(&runner, &target, "echo $SSH_CONNECTION").await;
    assert!(said.contains(&servers[2].ip(0)), "{said}");
    assert!(runner.check(&target).await.unwrap() < LIMIT);
    // The last hop has another host key than is pinned for it: nothing goes through it.
    let stranger = vm(1, NewVm { host_keys: vec![servers[0].host_key("ed25519")], ..vm_of(&servers[1]) });
    let hops = vec![Arc::clone(&machines[0]), stranger];
    let failure =
        crate::support::unreachable(&SshRunner::new(config()), &Target { vm: Arc::clone(&machines[2]), hops }).await;
    assert_eq!(failure.step, "host key");
}
