//! Certificates: of people, at servers that trust an authority; of machines, by an authority in known_hosts.

use std::path::Path;
use std::process::Command;

use corral_domain::{Auth, NewVm};
use corral_engine::ports::Runner as _;
use corral_ssh::{SshConfig, SshRunner};
use corral_tests::sshd::{Options, Sshd};

use crate::support::{config, key, knowing, output, to, unreachable, vm_of};

/// Signs a public key with an authority. `how`: further arguments of ssh-keygen.
fn sign(authority: &Path, public: &Path, how: &[&str]) {
    let signed = Command::new("ssh-keygen")
        .args(["-q", "-I", "test", "-s"])
        .arg(authority)
        .args(how)
        .arg(public)
        .output()
        .expect("ssh-keygen is not installed: apt-get install openssh-client");
    assert!(signed.status.success(), "{}", String::from_utf8_lossy(&signed.stderr));
}

/// A server that trusts an authority, whose key is at `authority`.
fn trusting(net: u8) -> (Sshd, std::path::PathBuf) {
    let mut sshd = Sshd::start(Options { net, ..Options::default() });
    let authority = sshd.make_key("authority", "ed25519");
    sshd.stop();
    sshd.configure(&format!("TrustedUserCAKeys {}.pub\n", authority.display()));
    sshd.launch();
    (sshd, authority)
}

fn with(path: &Path, secret: Option<&str>) -> Auth {
    Auth::Certificate { identity_file: path.display().to_string(), secret: secret.map(str::to_owned) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_lets_in_for_every_type_of_key_and_behind_a_passphrase() {
    let (sshd, authority) = trusting(80);
    let user = Sshd::user();
    for kind in ["ed25519", "ecdsa", "rsa"] {
        let path = sshd.make_key(&format!("person_{kind}"), kind);
        sign(&authority, &path.with_extension("pub"), &["-n", &user, "-V", "+1h"]);
        let target = to(NewVm { auth: with(&path, None), ..vm_of(&sshd) });
        assert_eq!(output(&SshRunner::new(config()), &target, "echo hi").await, "hi\n", "{kind}");
        // As ssh does it, a plain key is offered with the certificate beside it.
        let target = to(NewVm { auth: key(&path), ..vm_of(&sshd) });
        assert_eq!(output(&SshRunner::new(config()), &target, "echo hi").await, "hi\n", "{kind}");
    }
    let locked = sshd.make_key_with("person_locked", "ed25519", "open sesame");
    sign(&authority, &locked.with_extension("pub"), &["-n", &user]);
    let target = to(NewVm { auth: with(&locked, Some("sesame")), ..vm_of(&sshd) });
    let runner = SshRunner::new(knowing(&[("sesame", "open sesame")]));
    assert_eq!(output(&runner, &target, "echo hi").await, "hi\n");
    assert!(sshd.log().contains("ID test (serial 0) CA"), "{}", sshd.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_of_no_use_says_what_is_wrong_with_it() {
    let (sshd, authority) = trusting(81);
    let user = Sshd::user();
    let path = sshd.make_key("person", "ed25519");
    let public = path.with_extension("pub");
    let failure = async || {
        let target = to(NewVm { auth: with(&path, None), ..vm_of(&sshd) });
        let failure = unreachable(&SshRunner::new(config()), &target).await;
        assert_eq!(failure.step, "authenticate");
        failure
    };
    let none = failure().await;
    assert!(none.message.contains("does not exist") && none.remedy.contains("ssh-keygen -s CA"), "{none}");
    sign(&authority, &public, &["-n", &user, "-V", "20200101:20200201"]);
    let expired = failure().await;
    assert!(expired.message.contains("it expired at 2020-0"), "{expired}");
    sign(&authority, &public, &["-n", &user, "-V", "20990101:20990201"]);
    let early = failure().await;
    assert!(early.message.contains("valid only from 20"), "{early}");
    sign(&authority, &public, &["-h", "-n", "web-1"]);
    let machine = failure().await;
    assert!(machine.message.contains("for machines, not for people"), "{machine}");
    sign(&authority, &public, &["-n", "somebody-else"]);
    let other = failure().await;
    assert!(other.message.contains(&format!("is for somebody-else, not for {user}")), "{other}");
    let stranger = sshd.make_key("stranger", "ed25519");
    sign(&stranger, &public, &["-n", &user]);
    let untrusted = failure().await;
    assert!(
        untrusted.message.contains("permission denied") && untrusted.remedy.contains("TrustedUserCAKeys"),
        "{untrusted}"
    );
    let foreign = sshd.make_key("foreign", "ed25519");
    std::fs::copy(sshd.path("person-cert.pub"), sshd.path("foreign-cert.pub")).unwrap();
    let target = to(NewVm { auth: with(&foreign, None), ..vm_of(&sshd) });
    let failure = unreachable(&SshRunner::new(config()), &target).await;
    assert!(failure.message.contains("is of another key"), "{failure}");
}

/// A server that shows a certificate for its host key, and settings that know its authority for `names`.
fn certified(net: u8, how: &[&str], names: &str, marker: &str) -> (Sshd, SshConfig) {
    let mut sshd = Sshd::start(Options { net, ..Options::default() });
    let authority = sshd.make_key("authority", "ed25519");
    sign(&authority, &sshd.path("host_ed25519.pub"), &[&["-h"][..], how].concat());
    sshd.stop();
    sshd.configure(&format!("HostCertificate {}\n", sshd.path("host_ed25519-cert.pub").display()));
    sshd.launch();
    let public = std::fs::read_to_string(authority.with_extension("pub")).unwrap();
    let known = sshd.path("known_hosts");
    std::fs::write(&known, format!("{marker} {names} {public}")).unwrap();
    (sshd, SshConfig { known_hosts: vec![known], ..config() })
}

fn unpinned(sshd: &Sshd) -> NewVm {
    NewVm { host_keys: Vec::new(), ..vm_of(sshd) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_with_a_certificate_of_a_known_authority_is_believed() {
    let (sshd, config) = certified(82, &["-n", "127.0.82.1"], "127.0.82.*", "@cert-authority");
    let runner = SshRunner::new(config.clone());
    assert_eq!(output(&runner, &to(unpinned(&sshd)), "echo hi").await, "hi\n");
    let probe = SshRunner::new(config.clone()).probe(&to(unpinned(&sshd))).await;
    let step = probe.steps.iter().find(|step| step.name == "host key").unwrap();
    assert!(step.detail.contains("certified by SHA256:"), "{step:?}");
    // A pin is the only truth where there is one.
    let other = std::fs::read_to_string(sshd.make_key("other", "ed25519").with_extension("pub")).unwrap();
    let pinned = NewVm { host_keys: vec![other], ..vm_of(&sshd) };
    let failure = unreachable(&SshRunner::new(config), &to(pinned)).await;
    assert!(failure.message.contains("another host key"), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_certificate_for_another_name_or_time_is_refused_with_the_reason() {
    for (net, how, words) in [
        (83, vec!["-n", "web-2"], "it is for web-2, not for `127.0.83.1`"),
        (84, vec!["-n", "127.0.84.1", "-V", "20200101:20200201"], "it expired at 2020"),
        (85, vec![], "it names no machine"),
    ] {
        let (sshd, config) = certified(net, &how, "*", "@cert-authority");
        let failure = unreachable(&SshRunner::new(config), &to(unpinned(&sshd))).await;
        assert_eq!(failure.step, "host key");
        assert!(failure.message.contains(words), "{failure}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authority_of_other_names_or_a_revoked_one_vouches_for_nothing() {
    let (sshd, config) = certified(86, &["-n", "127.0.86.1"], "*.example", "@cert-authority");
    let failure = unreachable(&SshRunner::new(config), &to(unpinned(&sshd))).await;
    assert!(failure.message.contains("not known yet"), "{failure}");
    // The authority's line is no plain key either.
    let own = std::fs::read_to_string(sshd.path("host_ed25519.pub")).unwrap();
    let known = sshd.path("own");
    std::fs::write(&known, format!("@cert-authority * {own}")).unwrap();
    let config = SshConfig { known_hosts: vec![known.clone()], ..crate::support::config() };
    let failure = unreachable(&SshRunner::new(config), &to(unpinned(&sshd))).await;
    assert_eq!(failure.step, "host key");
    let authority = std::fs::read_to_string(sshd.path("authority.pub")).unwrap();
    std::fs::write(&known, format!("@cert-authority * {authority}@revoked * {authority}")).unwrap();
    let config = SshConfig { known_hosts: vec![known], ..crate::support::config() };
    let failure = unreachable(&SshRunner::new(config), &to(unpinned(&sshd))).await;
    assert!(failure.message.contains("@revoked"), "{failure}");
}
