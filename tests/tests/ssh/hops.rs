//! Several machines on the way: each with a key and a host key of its own, each told by its name when it fails.

use std::sync::Arc;

use corral_domain::{NewVm, Vm};
use corral_engine::ports::{Runner as _, Target};
use corral_ssh::SshRunner;
use corral_tests::sshd::{Options, Sshd};

use crate::support::{LIMIT, config, key, output, unreachable, vm, vm_of};

/// Three hops and the machine behind them, on nets from `net` on.
fn servers(net: u8) -> Vec<Sshd> {
    (0..4).map(|n| Sshd::start(Options { net: net + n, ..Options::default() })).collect()
}

fn machines(servers: &[Sshd]) -> Vec<Arc<Vm>> {
    let names = ["outer", "middle", "inner", "goal"];
    let new = |(sshd, name): (&Sshd, &str)| NewVm { name: name.to_owned(), ..vm_of(sshd) };
    servers.iter().zip(names).map(new).zip(0..).map(|(new, number)| vm(number, new)).collect()
}

fn behind(machines: &[Arc<Vm>]) -> Target {
    Target { vm: Arc::clone(&machines[3]), hops: machines[..3].to_vec() }
}

#[tokio::test(flavor = "multi_thread")]
async fn three_hops_each_with_a_key_of_its_own_lead_to_a_machine_and_a_test_shows_each() {
    let servers = servers(100);
    // Every server has made a client key of its own, and lets in no other.
    let target = behind(&machines(&servers));
    let runner = SshRunner::new(config());
    let said = output(&runner, &target, "echo $SSH_CONNECTION").await;
    assert!(said.contains(&servers[3].ip(0)), "{said}");
    let probe = SshRunner::new(config()).probe(&target).await;
    assert_eq!(probe.failure, None);
    let steps: Vec<_> = probe.steps.iter().map(|step| (step.vm.as_str(), step.name)).collect();
    let first = [("outer", "resolve"), ("outer", "connect"), ("outer", "host key"), ("outer", "authenticate")];
    assert_eq!(steps[..4], first);
    for (at, name) in [(4, "middle"), (7, "inner"), (10, "goal")] {
        assert_eq!(steps[at..at + 3], [(name, "connect"), (name, "host key"), (name, "authenticate")]);
    }
    assert_eq!(steps[13..], [("goal", "exec")]);
    assert!(probe.steps[4].detail.contains("through outer"), "{:?}", probe.steps[4]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_host_key_in_the_middle_stops_there_and_nothing_goes_further() {
    let servers = servers(104);
    let mut machines = machines(&servers);
    let stranger = NewVm { host_keys: vec![servers[0].host_key("ed25519")], ..machines[1].to_new() };
    machines[1] = vm(1, stranger);
    let target = behind(&machines);
    let failure = unreachable(&SshRunner::new(config()), &target).await;
    assert_eq!((failure.step, &failure.offered_host_key), ("host key", &None));
    assert!(
        failure.message.contains("on the way, at middle") && failure.message.contains("another host key"),
        "{failure}"
    );
    let probe = SshRunner::new(config()).probe(&target).await;
    let last = probe.steps.last().unwrap();
    assert_eq!((last.vm.as_str(), last.name, last.ok), ("middle", "host key", false));
    for (server, log) in [(1, servers[1].log()), (2, servers[2].log()), (3, servers[3].log())] {
        assert!(!log.contains("Accepted publickey"), "{server}: {log}");
    }
    // The same for a key that the hop does not let in.
    let stranger = servers[0].make_key("stranger", "ed25519");
    machines[1] = vm(1, NewVm { name: "middle".to_owned(), auth: key(&stranger), ..vm_of(&servers[1]) });
    let failure = unreachable(&SshRunner::new(config()), &behind(&machines)).await;
    assert!(failure.message.contains("on the way, at middle: permission denied"), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hop_that_dies_is_told_and_the_way_is_taken_anew_when_it_is_back() {
    let mut servers = servers(108);
    let target = behind(&machines(&servers));
    let runner = SshRunner::new(config());
    assert_eq!(output(&runner, &target, "echo one").await, "one\n");
    servers[1].drop_connections();
    assert_eq!(output(&runner, &target, "echo two").await, "two\n");
    servers[1].stop();
    let failure = unreachable(&runner, &target).await;
    assert!(failure.message.contains("on the way, at middle"), "{failure}");
    servers[1].launch();
    assert!(runner.check(&target).await.unwrap() < LIMIT);
    assert_eq!(output(&runner, &target, "echo three").await, "three\n");
}
