//! Connection tests, step by step.

use corral_domain::{NewVm, Transport};
use corral_engine::ports::Runner as _;
use corral_ssh::{MachineRunner, SshRunner};
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

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_tells_over_ssh_what_it_tells_without_and_one_that_runs_something_else_says_so() {
    let sshd = Sshd::start(Options { net: 72, ..Options::default() });
    let runner = MachineRunner::new(config());
    let local = NewVm { transport: Transport::Local, address: String::new(), ..vm_of(&sshd) };
    let (there, here) = (runner.facts(&to(vm_of(&sshd))).await.unwrap(), runner.facts(&to(local)).await.unwrap());
    assert!(here.os.is_some() && here.memory_bytes.is_some() && here.uptime_seconds.is_some(), "{here:?}");
    assert_eq!((&there.os, &there.kernel, &there.arch), (&here.os, &here.kernel, &here.arch));
    assert_eq!((there.cpus, there.memory_bytes, there.disk_bytes), (here.cpus, here.memory_bytes, here.disk_bytes));

    let forced = "ForceCommand yes 'os is none of your business' | head -c 50000000\n".to_owned();
    let sshd = Sshd::start(Options { net: 73, config: forced, ..Options::default() });
    // A runner of its own: to the other one this would be the machine that it is connected to.
    let failure = MachineRunner::new(config()).facts(&to(vm_of(&sshd))).await.unwrap_err();
    assert_eq!(failure.step, "exec");
    assert!(failure.message.contains("none of your business") && failure.message.len() < 1_000, "{failure}");
}
