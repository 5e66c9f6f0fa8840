//! Capsules that are cancelled.

use corral_domain::Position;
use corral_engine::ports::{CapsuleError, CapsuleState, Capsules as _, Meet};

use super::support::{Machine, SHELLS, id, is_alive, kill, script};

/// Starts a child that leaves the session, one that ignores TERM, and one without the mark; prints their pids.
const STUBBORN: &str = "
setsid sh -c 'echo $$; exec sleep 300' &
sh -c 'trap \"\" TERM; echo $$; while :; do sleep 1; done' &
env -i PATH=\"$PATH\" sh -c 'echo $$; exec sleep 300' &
echo $$; wait";

async fn stubborn(machine: &Machine, id: &str) -> Vec<i32> {
    let command = script(STUBBORN);
    let seen =
        machine.until(id, Meet::Launch(&command), Position::default(), |seen| seen.out().lines().count() == 4).await;
    seen.out().lines().map(|line| line.parse().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn all_processes_end_and_the_receipt_says_so_and_twice_is_harmless() {
    for shell in SHELLS {
        let machine = Machine::new(shell);
        let id = id();
        let pids = stubborn(&machine, &id).await;
        let receipt = machine.runner.cancel(&machine.target, &id, None).await.unwrap();
        assert!(receipt.is_clean() && receipt.signalled >= 4, "{shell}: {receipt:?}");
        assert!(receipt.killed >= 1 && receipt.gone == receipt.signalled, "{shell}: {receipt:?}");
        assert!(pids.iter().all(|pid| !is_alive(*pid)), "{shell}");
        // The supervisor is none of them: it tells how the command ended.
        assert_eq!(machine.attach(&id).await.code(), 143, "{shell}");
        let again = machine.runner.cancel(&machine.target, &id, None).await.unwrap();
        assert!(again.is_clean() && again.signalled == 0, "{shell}: {again:?}");
        assert_eq!(machine.attach(&id).await.code(), 143, "{shell}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_without_its_supervisor_is_ended_too() {
    for shell in SHELLS {
        let machine = Machine::new(shell);
        let id = id();
        let pids = stubborn(&machine, &id).await;
        kill(machine.supervisor(&id));
        let receipt = machine.runner.cancel(&machine.target, &id, None).await.unwrap();
        assert!(receipt.is_clean() && receipt.signalled >= 4, "{shell}: {receipt:?}");
        assert!(pids.iter().all(|pid| !is_alive(*pid)), "{shell}");
        assert!(matches!(machine.attach(&id).await.error(), CapsuleError::Lost(_)), "{shell}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_cancelled_before_its_launch_never_starts() {
    for shell in SHELLS {
        let machine = Machine::new(shell);
        let id = id();
        let receipt = machine.runner.cancel(&machine.target, &id, None).await.unwrap();
        assert!(receipt.is_clean() && receipt.signalled == 0, "{shell}: {receipt:?}");
        let seen = machine.launch(&id, "echo ran").await;
        let CapsuleError::Refused(why) = seen.error() else { panic!("{shell}: {:?}", seen.end) };
        assert!(why.contains("cancelled before it was started") && seen.out().is_empty(), "{shell}: {why}");
        assert_eq!(machine.runner.stat(&machine.target, &id).await, Ok(CapsuleState::None), "{shell}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_launch_and_a_cancellation_at_once_leave_nothing_that_runs() {
    for shell in SHELLS {
        for _ in 0..5 {
            let machine = Machine::new(shell);
            let id = id();
            let command = script("echo begun; exec sleep 300");
            let launch = machine.meet(&id, Meet::Launch(&command), Position::default());
            let cancel = machine.runner.cancel(&machine.target, &id, None);
            let (seen, receipt) = tokio::join!(launch, cancel);
            let receipt = receipt.unwrap();
            assert!(receipt.is_clean(), "{shell}: {receipt:?}");
            // It ends because of the cancellation, or was never begun.
            match &seen.end {
                Some(Ok(exit)) => {
                    assert_eq!((exit.code, receipt.signalled > 0), (Some(143), true), "{shell}: {receipt:?}");
                }
                Some(Err(CapsuleError::Refused(_))) => assert_eq!(seen.out(), "", "{shell}"),
                other => panic!("{shell}: {other:?}"),
            }
        }
    }
}
