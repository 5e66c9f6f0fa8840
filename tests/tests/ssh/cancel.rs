//! Commands that are cancelled.

use std::time::Duration;

use corral_engine::ports::RunError;
use corral_ssh::{SshConfig, SshRunner};
use corral_tests::sshd::{Options, Sshd};
use tokio_util::sync::CancellationToken;

use crate::support::{config, run_until, script, to, vm_of};

pub(crate) fn impatient() -> SshConfig {
    SshConfig { cancel_grace: Duration::from_secs(1), ..config() }
}

/// Starts a child that leaves the session, one that ignores TERM, and one without the cookie; prints their pids.
pub(crate) const STUBBORN: &str = "
setsid sh -c 'echo $$; exec sleep 300' &
sh -c 'trap \"\" TERM; echo $$; while :; do sleep 1; done' &
env -i sh -c 'echo $$; exec sleep 300' &
echo $$; wait";

pub(crate) fn is_alive(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_ends_the_whole_tree_also_what_escaped_and_what_ignores_term() {
    let sshd = Sshd::start(Options { net: 40, ..Options::default() });
    let (runner, target) = (SshRunner::new(impatient()), to(vm_of(&sshd)));
    let enough = |seen: &crate::support::Seen| seen.out().lines().count() == 4;
    let (exit, seen) = run_until(&runner, &target, &script(STUBBORN), CancellationToken::new(), enough).await;
    let Err(RunError::Cancelled(receipt)) = exit else { panic!("{exit:?}") };
    let message = receipt.message();
    let output = seen.out();
    let alive: Vec<_> = output.lines().filter(|pid| is_alive(pid)).collect();
    assert_eq!(alive, Vec::<&str>::new(), "{message}");
    assert!(message.contains("ended by TERM") && message.contains("ended by KILL"), "{message}");
    assert!(!message.contains("still"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_heeds_term_is_given_its_time_and_its_last_words_are_kept() {
    let sshd = Sshd::start(Options { net: 41, ..Options::default() });
    let (runner, target) = (SshRunner::new(config()), to(vm_of(&sshd)));
    let text = "trap 'echo tidying; sleep 0.5; echo tidy; exit 1' TERM; echo ready; while :; do sleep 0.1; done";
    let (exit, seen) =
        run_until(&runner, &target, &script(text), CancellationToken::new(), |seen| seen.out().contains("ready")).await;
    let Err(RunError::Cancelled(receipt)) = exit else { panic!("{exit:?}") };
    let message = receipt.message();
    assert_eq!(seen.out(), "ready\ntidying\ntidy\n", "{message}");
    assert!(message.contains("ended by TERM") && !message.contains("KILL"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_cancelled_beforehand_starts_nothing() {
    let sshd = Sshd::start(Options { net: 42, ..Options::default() });
    let (runner, target) = (SshRunner::new(config()), to(vm_of(&sshd)));
    let cancel = CancellationToken::new();
    cancel.cancel();
    let (exit, seen) = run_until(&runner, &target, &script("echo started"), cancel, |_| false).await;
    let Err(RunError::Cancelled(receipt)) = exit else { panic!("{exit:?}") };
    assert!(receipt.is_clean() && receipt.signalled == 0, "{receipt:?}");
    assert!(!seen.started && seen.stdout.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn other_commands_on_the_machine_are_not_touched() {
    let sshd = Sshd::start(Options { net: 43, ..Options::default() });
    let (runner, target) = (SshRunner::new(impatient()), to(vm_of(&sshd)));
    let go = sshd.path("go");
    let patient = script(&format!("until [ -e {} ]; do sleep 0.05; done; echo whole", go.display()));
    let cancel_one = async {
        let (exit, _) = run_until(&runner, &target, &script(STUBBORN), CancellationToken::new(), |seen| {
            seen.out().lines().count() == 4
        })
        .await;
        assert!(matches!(exit, Err(RunError::Cancelled(_))), "{exit:?}");
        std::fs::write(&go, "").unwrap();
    };
    let ((exit, seen), ()) = tokio::join!(crate::support::run(&runner, &target, &patient), cancel_one);
    assert_eq!(exit.unwrap().code, Some(0));
    assert_eq!(seen.out(), "whole\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_without_end_is_cancelled_although_nobody_takes_its_output() {
    let sshd = Sshd::start(Options { net: 44, ..Options::default() });
    let (runner, target) = (SshRunner::new(impatient()), to(vm_of(&sshd)));
    let (events, mut received) = tokio::sync::mpsc::channel(1);
    let cancel = CancellationToken::new();
    let command = script("yes");
    let idle = async {
        received.recv().await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        cancel.cancel();
    };
    let run = corral_engine::ports::Runner::run(&runner, &target, &command, None, events, cancel.clone());
    let (exit, ()) = tokio::time::timeout(crate::support::LIMIT, async { tokio::join!(run, idle) }).await.unwrap();
    let Err(RunError::Cancelled(receipt)) = exit else { panic!("{exit:?}") };
    let message = receipt.message();
    assert!(message.contains("ended by"), "{message}");
}
