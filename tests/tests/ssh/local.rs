//! Commands on this machine.

use std::sync::Arc;
use std::time::Duration;

use corral_domain::SystemClock;
use corral_engine::ports::{Exit, RunError, Runner as _};
use corral_ssh::{LocalRunner, MachineRunner};
use tokio_util::sync::CancellationToken;

use crate::cancel::{STUBBORN, impatient, is_alive};
use crate::support::{config, local, output, run, run_until, script};

fn runner() -> LocalRunner {
    LocalRunner::new(Arc::new(SystemClock), Duration::from_secs(1))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_local_command_is_like_one_over_ssh() {
    let runner = MachineRunner::new(config());
    let mut command = script("cat; echo err >&2; exit 3");
    command.stdin = Some(b"in\xff".to_vec());
    let (exit, seen) = run(&runner, &local(), &command).await;
    assert_eq!(exit, Ok(Exit { code: Some(3), signal: None }));
    assert_eq!((seen.stdout.as_slice(), seen.err().as_str()), (&b"in\xff"[..], "err\n"));
    let (exit, _) = run(&runner, &local(), &script("kill -TERM $$")).await;
    assert_eq!(exit, Ok(Exit { code: None, signal: Some("TERM".to_owned()) }));
    assert!(runner.probe(&local()).await.failure.is_none());
    assert!(runner.check(&local()).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_local_command_does_not_see_the_hosts_own_variables() {
    let seen = output(&runner(), &local(), "env").await;
    assert!(!seen.contains("CARGO_"), "{seen}");
    assert!(seen.contains("PATH="), "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn cancel_ends_the_whole_local_tree() {
    let runner = MachineRunner::new(impatient());
    let enough = |seen: &crate::support::Seen| seen.out().lines().count() == 4;
    let (exit, seen) = run_until(&runner, &local(), &script(STUBBORN), CancellationToken::new(), enough).await;
    let Err(RunError::Cancelled(receipt)) = exit else { panic!("{exit:?}") };
    let message = receipt.message();
    let output = seen.out();
    let alive: Vec<_> = output.lines().filter(|pid| is_alive(pid)).collect();
    assert_eq!(alive, Vec::<&str>::new(), "{message}");
}
