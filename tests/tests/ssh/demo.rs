//! The demo fleet.

use std::sync::Arc;

use corral_engine::ports::{RunError, Runner as _, Target};
use corral_ssh::SshRunner;
use corral_ssh::demo::{DemoConfig, DemoFleet};
use tokio_util::sync::CancellationToken;

use crate::cancel::{STUBBORN, impatient, is_alive};
use crate::support::{config, output, run, run_until, script, vm};

fn targets(fleet: &DemoFleet) -> Vec<Target> {
    let vms = fleet.vms().iter().zip(0..);
    vms.map(|(demo, n)| Target { vm: vm(n, demo.to_new_vm()), hops: Vec::new() }).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_demo_machine_tells_its_story() {
    let fleet = DemoFleet::start(DemoConfig::default()).await.unwrap();
    let names: Vec<_> = fleet.vms().iter().map(|vm| vm.name.as_str()).collect();
    assert_eq!(names, ["web-1", "web-2", "db-1", "cache-1", "edge-1"]);
    let runner = Arc::new(SshRunner::new(config()));
    let runs = targets(&fleet).into_iter().map(|target| {
        let runner = Arc::clone(&runner);
        tokio::spawn(async move {
            assert_eq!(target.vm.to_new().problems(), vec![]);
            let status = output(&*runner, &target, "status; uptime; hostname; df -h . | tail -1; tail-log 1").await;
            assert!(status.contains(&target.vm.name) && status.contains("\x1b[32m"), "{status}");
            let (exit, backup) = run(&*runner, &target, &script("backup")).await;
            assert_eq!(exit.unwrap().code, Some(0), "{}", backup.err());
            let (exit, deploy) = run(&*runner, &target, &script("deploy 9.9.9")).await;
            let expected = i32::from(target.vm.name == "web-2");
            assert_eq!(exit.unwrap().code, Some(expected), "{}", deploy.err());
            assert!(deploy.err().contains("deprecated") && deploy.out().contains("100 %"));
        })
    });
    for ran in futures::future::join_all(runs).await {
        ran.unwrap();
    }
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_machine_ends_what_is_cancelled_and_what_its_client_left() {
    let fleet = DemoFleet::start(DemoConfig::default()).await.unwrap();
    let target = targets(&fleet).remove(0);
    let runner = SshRunner::new(impatient());
    let enough = |seen: &crate::support::Seen| seen.out().lines().count() == 4;
    let (exit, seen) = run_until(&runner, &target, &script(STUBBORN), CancellationToken::new(), enough).await;
    let Err(RunError::Cancelled(receipt)) = exit else { panic!("{exit:?}") };
    let message = receipt.message();
    let output = seen.out();
    assert!(output.lines().all(|pid| !is_alive(pid)), "{message}");
    // The fleet stops while a command runs: the run is lost, the command gone.
    let (events, mut received) = tokio::sync::mpsc::channel(8);
    let command = script("echo $$; sleep 300");
    let run = runner.run(&target, &command, None, events, CancellationToken::new());
    let stop = async {
        let mut seen = crate::support::Seen::default();
        while !seen.out().ends_with('\n') {
            seen.take(received.recv().await.unwrap());
        }
        fleet.stop().await;
        seen.out()
    };
    let (exit, pid) = tokio::join!(run, stop);
    assert!(matches!(exit, Err(RunError::Lost(_))), "{exit:?}");
    assert!(!is_alive(pid.trim()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demo_machine_lets_no_other_key_in_and_keeps_its_key_private() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("demo");
    let fleet = DemoFleet::start(DemoConfig { folder: Some(at.clone()) }).await.unwrap();
    let mode = std::fs::metadata(&fleet.vms()[0].identity_file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let other = DemoFleet::start(DemoConfig::default()).await.unwrap();
    let mut stranger = fleet.vms()[0].clone();
    stranger.identity_file.clone_from(&other.vms()[0].identity_file);
    let target = Target { vm: vm(1, stranger.to_new_vm()), hops: Vec::new() };
    let failure = crate::support::unreachable(&SshRunner::new(config()), &target).await;
    assert_eq!(failure.step, "authenticate");
    assert!(failure.message.contains("permission denied"), "{failure}");
    // The folder can be used again by the next start.
    fleet.stop().await;
    DemoFleet::start(DemoConfig { folder: Some(at) }).await.unwrap();
}
