//! Options of one machine's connections, against a server that tells what was agreed.

use corral_domain::{NewVm, VmOptions};
use corral_engine::ports::{RunError, RunEvent, Runner as _};
use corral_ssh::SshRunner;
use corral_tests::sshd::{Options, Sshd};
use tokio_util::sync::CancellationToken;

use crate::support::{LIMIT, config, output, to, unreachable, vm_of};

fn names(of: &[&str]) -> Vec<String> {
    of.iter().map(|&name| name.to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_algorithms_that_were_asked_for_are_used() {
    let mut sshd = Sshd::start(Options { net: 114, host_keys: vec!["ed25519", "rsa"], ..Options::default() });
    sshd.stop();
    sshd.configure("LogLevel DEBUG1\n");
    sshd.launch();
    let options = VmOptions {
        ciphers: names(&["aes128-ctr"]),
        kex: names(&["ecdh-sha2-nistp256"]),
        macs: names(&["hmac-sha2-256"]),
        host_key_algorithms: names(&["rsa-sha2-256"]),
        ..VmOptions::default()
    };
    let host_keys = vec![sshd.host_key("rsa"), sshd.host_key("ed25519")];
    let target = to(NewVm { options, host_keys, ..vm_of(&sshd) });
    assert_eq!(output(&SshRunner::new(config()), &target, "echo hi").await, "hi\n");
    let log = sshd.log();
    for agreed in [
        "kex: algorithm: ecdh-sha2-nistp256",
        "kex: host key algorithm: rsa-sha2-256",
        "cipher: aes128-ctr MAC: hmac-sha2-256 compression: none",
    ] {
        assert!(log.contains(agreed), "{agreed}\n{log}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn options_that_leave_nothing_in_common_are_to_blame_by_name() {
    let sshd = Sshd::start(Options { net: 115, config: "Ciphers aes256-ctr\n".to_owned(), ..Options::default() });
    let options = VmOptions { ciphers: names(&["aes128-ctr"]), ..VmOptions::default() };
    let failure = unreachable(&SshRunner::new(config()), &to(NewVm { options, ..vm_of(&sshd) })).await;
    assert_eq!(failure.step, "handshake");
    assert!(failure.message.contains("no cipher in common") && failure.message.contains("aes256-ctr"), "{failure}");
    assert!(failure.remedy.contains("options of web-1"), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_a_person_revoked_is_refused_where_known_hosts_and_first_contact_would_take_it() {
    let sshd = Sshd::start(Options { net: 116, ..Options::default() });
    let known = sshd.path("known_hosts");
    std::fs::write(&known, format!("* {}\n", sshd.host_key("ed25519"))).unwrap();
    let new = NewVm { host_keys: Vec::new(), accept_new_host_key: true, ..vm_of(&sshd) };
    let mut target = to(new);
    let mut vm = corral_domain::Vm::clone(&target.vm);
    vm.revoked.push(corral_domain::Revoked { key: sshd.host_key("ed25519"), revoked_at: vm.created_at });
    target.vm = std::sync::Arc::new(vm);
    for known_hosts in [vec![known], Vec::new()] {
        let config = corral_ssh::SshConfig { known_hosts, ..config() };
        let failure = unreachable(&SshRunner::new(config), &target).await;
        assert_eq!((failure.step, &failure.offered_host_key), ("host key", &None));
        assert!(failure.message.contains("was revoked for it"), "{failure}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_whose_other_end_fell_silent_is_found_within_the_options_of_its_machine() {
    let sshd = Sshd::start(Options { net: 117, ..Options::default() });
    let options = VmOptions { keepalive_seconds: Some(1), ..VmOptions::default() };
    let runner = SshRunner::new(corral_ssh::SshConfig { keepalive_misses: 2, ..config() });
    let target = to(NewVm { options, ..vm_of(&sshd) });
    assert_eq!(output(&runner, &target, "echo one").await, "one\n");
    let (events, mut received) = tokio::sync::mpsc::channel(8);
    let command = crate::support::script("echo here; sleep 60");
    let freeze = async {
        while let Some(event) = received.recv().await {
            if matches!(event, RunEvent::Output(_)) {
                sshd.freeze_connections();
            }
        }
    };
    let run = async { tokio::join!(runner.run(&target, &command, None, events, CancellationToken::new()), freeze) };
    let (exit, ()) = tokio::time::timeout(LIMIT, run).await.expect("the silence is found");
    let Err(RunError::Lost(message)) = exit else { panic!("{exit:?}") };
    assert!(message.contains("not known"), "{message}");
    assert!(runner.check(&target).await.is_ok(), "a fresh connection is made");
}
