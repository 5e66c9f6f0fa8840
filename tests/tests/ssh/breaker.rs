//! A machine that fails is left alone for a while; a person's test tries it all the same.

use std::sync::Arc;

use corral_domain::{ManualClock, NewVm, Timestamp};
use corral_engine::ports::Runner as _;
use corral_ssh::{SshConfig, SshRunner};
use corral_tests::sshd::{Options, Sshd};

use crate::support::{config, key, output, to, unreachable, vm_of};

#[tokio::test(flavor = "multi_thread")]
async fn after_refused_logins_a_machine_is_not_knocked_at_until_its_time_or_a_test() {
    let mut sshd = Sshd::start(Options { net: 112, ..Options::default() });
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(0)));
    let runner = SshRunner::new(SshConfig { clock: clock.clone(), ..config() });
    let stranger = sshd.make_key("stranger", "ed25519");
    let target = to(NewVm { auth: key(&stranger), ..vm_of(&sshd) });
    for _ in 0..2 {
        let failure = unreachable(&runner, &target).await;
        assert!(!failure.message.contains("the next try is after"), "{failure}");
    }
    // Whoever knocked now would find nobody there.
    sshd.stop();
    for _ in 0..5 {
        let failure = unreachable(&runner, &target).await;
        assert_eq!(failure.step, "authenticate");
        assert!(failure.message.contains("permission denied"), "{failure}");
        assert!(failure.message.contains("failed 2 times in a row; the next try is after 00:00:1"), "{failure}");
        assert!(failure.remedy.contains("a test of the machine tries at once"), "{failure}");
    }
    sshd.launch();
    // A person's test tries, and goes well once the key is let in; with that all is forgotten.
    sshd.authorize(&stranger.with_extension("pub"));
    let probe = runner.probe(&target).await;
    assert_eq!(probe.failure, None);
    assert_eq!(output(&runner, &target, "echo hi").await, "hi\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_is_down_is_tried_again_when_its_time_has_come() {
    let mut sshd = Sshd::start(Options { net: 113, ..Options::default() });
    let clock = Arc::new(ManualClock::new(Timestamp::from_millis(0)));
    let runner = SshRunner::new(SshConfig { clock: clock.clone(), ..config() });
    let target = to(vm_of(&sshd));
    sshd.stop();
    for _ in 0..4 {
        assert!(!unreachable(&runner, &target).await.message.contains("in a row"));
    }
    assert!(unreachable(&runner, &target).await.message.contains("failed 4 times in a row"));
    sshd.launch();
    assert!(runner.check(&target).await.is_err(), "its time has not come");
    clock.advance_millis(3_000);
    assert_eq!(output(&runner, &target, "echo hi").await, "hi\n");
    // What was edited is tried at once.
    sshd.stop();
    runner.forget(target.vm.id).await;
    for _ in 0..5 {
        unreachable(&runner, &target).await;
    }
    sshd.launch();
    runner.forget(target.vm.id).await;
    assert_eq!(output(&runner, &target, "echo hi").await, "hi\n");
}
