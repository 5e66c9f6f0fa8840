//! Connection tests, step by step.

use corral_domain::NewVm;
use corral_engine::ports::Runner as _;
use corral_ssh::SshRunner;
use corral_tests::sshd::{Options, Sshd};

use crate::support::{config, key, to, vm_of};

#[tokio::test(flavor = "multi_thread")]
async fn a_probe_names_every_step_and_stops_at_the_first_that_fails() {
    let sshd = Sshd::start(Options { net: 70, ..Options::default() });
    let runner = SshRunner::new(config());
    let probe = runner.probe(&to(vm_of(&sshd))).await;
    let names: Vec<_> = probe.steps.iter().map(|step| step.name).collect();
    assert_eq!(names, ["resolve", "connect", "host key", "authenticate", "exec"]);
    assert!(probe.steps.iter().all(|step| step.ok && !step.detail.is_empty()), "{probe:?}");
    assert!(probe.latency.is_some() && probe.failure.is_none());
    let stranger = sshd.make_key("stranger", "ed25519");
    let probe = runner.probe(&to(NewVm { auth: key(&stranger), ..vm_of(&sshd) })).await;
    let steps: Vec<_> = probe.steps.iter().map(|step| (step.name, step.ok)).collect();
    assert_eq!(steps, [("resolve", true), ("connect", true), ("host key", true), ("authenticate", false)]);
    assert_eq!(probe.failure.unwrap().step, "authenticate");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forced_command_is_found_by_the_exec_step() {
    let sshd =
        Sshd::start(Options { net: 71, config: "ForceCommand echo no; exit 9\n".to_owned(), ..Options::default() });
    let probe = SshRunner::new(config()).probe(&to(vm_of(&sshd))).await;
    let failure = probe.failure.unwrap();
    assert_eq!(failure.step, "exec");
    assert!(failure.message.contains("code 9"), "{failure}");
}
