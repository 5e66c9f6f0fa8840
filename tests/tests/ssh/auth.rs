//! Who the host says that it is.

use std::process::{Child, Command, Stdio};

use corral_domain::{Auth, NewVm};
use corral_engine::ports::Runner as _;
use corral_ssh::{AgentSocket, SshConfig, SshRunner};
use corral_tests::sshd::{Options, Sshd};

use crate::support::{config, key, output, to, unreachable, vm_of};

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_key_is_refused_with_its_fingerprint_and_what_to_do() {
    let sshd = Sshd::start(Options { net: 60, ..Options::default() });
    let stranger = sshd.make_key("stranger", "ed25519");
    let failure = unreachable(&SshRunner::new(config()), &to(NewVm { auth: key(&stranger), ..vm_of(&sshd) })).await;
    assert_eq!(failure.step, "authenticate");
    assert!(failure.message.contains("permission denied") && failure.message.contains("SHA256:"), "{failure}");
    assert!(failure.remedy.contains("authorized_keys"), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_common_type_of_key_is_let_in() {
    let sshd = Sshd::start(Options { net: 61, ..Options::default() });
    for kind in ["rsa", "ecdsa", "ed25519"] {
        let path = sshd.make_key(&format!("extra_{kind}"), kind);
        sshd.authorize(&path.with_extension("pub"));
        let runner = SshRunner::new(config());
        let target = to(NewVm { auth: key(&path), ..vm_of(&sshd) });
        assert_eq!(output(&runner, &target, "echo hi").await, "hi\n", "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_usual_files_are_tried_in_order_where_none_is_named() {
    let sshd = Sshd::start(Options { net: 62, ..Options::default() });
    let stranger = sshd.make_key("stranger", "ed25519");
    let auth = Auth::Key { identity_file: None, secret: None };
    let target = to(NewVm { auth, ..vm_of(&sshd) });
    let files = vec![sshd.path("missing"), stranger, sshd.client_key()];
    let runner = SshRunner::new(SshConfig { identity_files: files, ..config() });
    assert_eq!(output(&runner, &target, "echo hi").await, "hi\n");
    let failure = unreachable(&SshRunner::new(config()), &target).await;
    assert!(failure.message.contains("no private key"), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_give_no_key_say_why() {
    let sshd = Sshd::start(Options { net: 63, ..Options::default() });
    let locked = sshd.make_key_with("locked", "ed25519", "secret words");
    let junk = sshd.path("junk");
    std::fs::write(&junk, "no key").unwrap();
    for (path, words) in [(locked, "passphrase"), (junk, "cannot be read"), (sshd.path("none"), "does not exist")] {
        let target = to(NewVm { auth: key(&path), ..vm_of(&sshd) });
        let failure = unreachable(&SshRunner::new(config()), &target).await;
        assert_eq!(failure.step, "authenticate");
        assert!(failure.message.contains(words), "{failure}");
    }
    let auth = Auth::Password { secret: "x".to_owned() };
    let failure = unreachable(&SshRunner::new(config()), &to(NewVm { auth, ..vm_of(&sshd) })).await;
    assert!(failure.message.contains("none are kept here"), "{failure}");
}

/// A real agent; ended when dropped.
struct Agent(Child, std::path::PathBuf);

impl Agent {
    fn start(sshd: &Sshd) -> Self {
        let socket = sshd.path("agent");
        let child = Command::new("ssh-agent")
            .args(["-D", "-a"])
            .arg(&socket)
            .stdout(Stdio::null())
            .spawn()
            .expect("ssh-agent is not installed: apt-get install openssh-client");
        let agent = Self(child, socket);
        let begun = std::time::Instant::now();
        while std::os::unix::net::UnixStream::connect(&agent.1).is_err() {
            assert!(begun.elapsed() < crate::support::LIMIT, "the agent does not listen");
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        agent
    }

    fn add(&self, path: &std::path::Path) {
        let added = Command::new("ssh-add").arg("-q").arg(path).env("SSH_AUTH_SOCK", &self.1).status().unwrap();
        assert!(added.success());
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_a_real_agent_are_used() {
    let sshd = Sshd::start(Options { net: 64, ..Options::default() });
    let agent = Agent::start(&sshd);
    let target = to(NewVm { auth: Auth::Agent, ..vm_of(&sshd) });
    let runner = SshRunner::new(SshConfig { agent: AgentSocket::Path(agent.1.clone()), ..config() });
    let failure = unreachable(&runner, &target).await;
    assert!(failure.message.contains("holds no keys") && failure.remedy.contains("ssh-add"), "{failure}");
    agent.add(&sshd.make_key("stranger", "ed25519"));
    let failure = unreachable(&runner, &target).await;
    assert!(failure.message.contains("permission denied"), "{failure}");
    let rsa = sshd.make_key("agent_rsa", "rsa");
    sshd.authorize(&rsa.with_extension("pub"));
    agent.add(&rsa);
    // After two refused logins the machine would be left alone for a while; a person has changed something.
    runner.forget(target.vm.id).await;
    assert_eq!(output(&runner, &target, "echo hi").await, "hi\n");
    let failure = unreachable(&SshRunner::new(config()), &target).await;
    assert!(failure.message.contains("does not answer"), "{failure}");
}
