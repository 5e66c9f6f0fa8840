//! Host keys: known, unknown, changed, revoked; and `known_hosts` as OpenSSH itself reads it.

use std::process::Command;
use std::sync::{Arc, Mutex};

use corral_domain::{NewVm, VmId};
use corral_engine::ports::Runner as _;
use corral_ssh::{KnownHosts, SshConfig, SshRunner};
use corral_tests::sshd::{Options, Sshd};

use crate::support::{config, output, to, unreachable, vm_of};

/// The VM without pins.
fn unpinned(sshd: &Sshd) -> NewVm {
    NewVm { host_keys: Vec::new(), ..vm_of(sshd) }
}

fn knowing(sshd: &Sshd, lines: &str) -> SshConfig {
    let path = sshd.path("known_hosts");
    std::fs::write(&path, lines).unwrap();
    SshConfig { known_hosts: vec![path], ..config() }
}

fn fingerprint_of(public: &str, sshd: &Sshd) -> String {
    let path = sshd.path("shown.pub");
    std::fs::write(&path, public).unwrap();
    let shown = Command::new("ssh-keygen").arg("-lf").arg(path).output().unwrap();
    String::from_utf8(shown.stdout).unwrap().split(' ').nth(1).unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_key_is_offered_and_not_used() {
    let sshd = Sshd::start(Options { net: 50, ..Options::default() });
    let failure = unreachable(&SshRunner::new(config()), &to(unpinned(&sshd))).await;
    assert_eq!(failure.step, "host key");
    assert_eq!(failure.offered_host_key, Some(sshd.host_key("ed25519")));
    assert!(failure.message.contains(&fingerprint_of(&sshd.host_key("ed25519"), &sshd)), "{failure}");
    assert!(failure.remedy.contains("corral vm host-key web-1 accept"), "{failure}");
    assert!(!sshd.log().contains("Accepted publickey"), "{}", sshd.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_key_is_accepted_where_the_operator_said_so_and_told_once() {
    let mut sshd = Sshd::start(Options { net: 51, ..Options::default() });
    let told: Arc<Mutex<Vec<(VmId, String)>>> = Arc::default();
    let sink = Arc::clone(&told);
    let runner = SshRunner::new(SshConfig {
        host_key_sink: Some(Arc::new(move |vm, key| sink.lock().unwrap().push((vm, key)))),
        ..config()
    });
    let target = to(NewVm { accept_new_host_key: true, ..unpinned(&sshd) });
    assert_eq!(output(&runner, &target, "echo hi").await, "hi\n");
    assert_eq!(*told.lock().unwrap(), [(target.vm.id, sshd.host_key("ed25519"))]);
    let probe = SshRunner::new(config()).probe(&target).await;
    assert_eq!(probe.new_host_key, Some(sshd.host_key("ed25519")));
    // Another key afterwards is a changed one, even before anybody stored the pin.
    sshd.stop();
    sshd.new_host_keys();
    sshd.launch();
    let failure = unreachable(&runner, &target).await;
    assert!(failure.message.contains("another host key"), "{failure}");
    assert_eq!(told.lock().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_key_is_a_hard_stop_that_shows_both_fingerprints() {
    let mut sshd = Sshd::start(Options { net: 52, ..Options::default() });
    let pinned = NewVm { accept_new_host_key: true, ..vm_of(&sshd) };
    let old = sshd.host_key("ed25519");
    sshd.stop();
    sshd.new_host_keys();
    sshd.launch();
    let new = sshd.host_key("ed25519");
    let failure = unreachable(&SshRunner::new(config()), &to(pinned)).await;
    assert_eq!((failure.step, failure.offered_host_key.as_ref()), ("host key", Some(&new)));
    for key in [&old, &new] {
        assert!(failure.message.contains(&fingerprint_of(key, &sshd)), "{failure}");
    }
    assert!(failure.remedy.contains("corral vm host-key web-1 replace"), "{failure}");
    // The same from known_hosts.
    let line = format!("[{}]:{} {old}\n", sshd.ip(0), sshd.port());
    let failure = unreachable(&SshRunner::new(knowing(&sshd, &line)), &to(unpinned(&sshd))).await;
    assert!(failure.message.contains("known_hosts") && failure.remedy.contains("ssh-keygen -R"), "{failure}");
    // Once the new key stands beside the old one, it is known.
    let both = format!("{line}[{}]:{} {new}\n", sshd.ip(0), sshd.port());
    assert_eq!(output(&SshRunner::new(knowing(&sshd, &both)), &to(unpinned(&sshd)), "echo hi").await, "hi\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_with_several_keys_shows_the_one_on_record() {
    let sshd = Sshd::start(Options { net: 53, host_keys: vec!["ed25519", "ecdsa", "rsa"], ..Options::default() });
    for kind in ["ed25519", "ecdsa", "rsa"] {
        let pinned = NewVm { host_keys: vec![sshd.host_key(kind)], ..vm_of(&sshd) };
        assert_eq!(output(&SshRunner::new(config()), &to(pinned), "echo hi").await, "hi\n", "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_another_type_is_no_first_contact() {
    let sshd = Sshd::start(Options { net: 54, ..Options::default() });
    let other = sshd.make_key("other", "ecdsa").with_extension("pub");
    let other = std::fs::read_to_string(other).unwrap();
    let pinned = NewVm { host_keys: vec![other], accept_new_host_key: true, ..vm_of(&sshd) };
    let failure = unreachable(&SshRunner::new(config()), &to(pinned)).await;
    assert!(failure.message.contains("only keys of other types"), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_is_refused_although_it_is_pinned() {
    let sshd = Sshd::start(Options { net: 55, ..Options::default() });
    let line = format!("@revoked * {}\n", sshd.host_key("ed25519"));
    let failure = unreachable(&SshRunner::new(knowing(&sshd, &line)), &to(vm_of(&sshd))).await;
    assert!(failure.message.contains("@revoked"), "{failure}");
}

#[test]
fn hashed_files_are_read_as_openssh_reads_them() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("known_hosts");
    let key = folder.path().join("key");
    let made = Command::new("ssh-keygen").args(["-q", "-N", "", "-t", "ed25519", "-f"]).arg(&key).status().unwrap();
    assert!(made.success());
    let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
    let public = public.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    let lines = format!("Web-1.example,10.0.0.7 {public}\n[edge.example]:2222 {public}\n# comment\n");
    std::fs::write(&path, lines).unwrap();
    let hashed = Command::new("ssh-keygen").args(["-q", "-H", "-f"]).arg(&path).output().unwrap();
    assert!(hashed.status.success());
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("|1|") && !text.contains("edge.example"), "{text}");
    let known = KnownHosts::parse(&format!("a line that is broken\n{text}"));
    for (host, port) in [
        ("web-1.example", 22),
        ("web-1.example", 2222),
        ("10.0.0.7", 22),
        ("edge.example", 2222),
        ("edge.example", 22),
        ("other.example", 22),
    ] {
        let name = if port == 22 { host.to_owned() } else { format!("[{host}]:{port}") };
        let found = Command::new("ssh-keygen").args(["-F", &name, "-f"]).arg(&path).output().unwrap();
        assert_eq!(!known.keys(host, port).is_empty(), found.status.success(), "{name}");
    }
}
