//! Passphrases, passwords and questions. Accounts with passwords are made for these tests, which only root can; the
//! questions of the last test come from a server inside of it, because no usual PAM asks them.

use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::sync::Arc;

use corral_domain::{Auth, NewVm, VmOptions};
use corral_ssh::SshRunner;
use corral_tests::sshd::{Options, Sshd};
use russh::server::{self, Auth as Answer, Response, Server as _};

use crate::support::{key, knowing, output, to, unreachable, vm_of};

const PASSWORD: &str = "pass word #1 'ü'";

/// An account of the machine; removed when dropped.
struct Account(String);

impl Account {
    /// `None` where only root could make one.
    fn make(name: &str) -> Option<Self> {
        if !rustix::process::getuid().is_root() {
            return None;
        }
        let name = format!("corral-{name}");
        let run = |program: &str, args: &[&str]| Command::new(program).args(args).stderr(Stdio::null()).output();
        let _ = run("userdel", &[&name]);
        let hash = run("openssl", &["passwd", "-6", PASSWORD]).expect("openssl").stdout;
        let hash = String::from_utf8(hash).unwrap();
        let args = ["-M", "-d", "/tmp", "-s", "/bin/sh", "-p", hash.trim(), name.as_str()];
        assert!(run("useradd", &args).expect("useradd").status.success(), "the account {name} cannot be made");
        Some(Self(name))
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        let _ = Command::new("userdel").arg(&self.0).stderr(Stdio::null()).status();
    }
}

fn by_password(sshd: &Sshd, account: &Account, secret: &str) -> NewVm {
    NewVm { user: account.0.clone(), auth: Auth::Password { secret: secret.to_owned() }, ..vm_of(sshd) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passphrase_from_a_secret_opens_the_key_once_for_all() {
    let sshd = Sshd::start(Options { net: 90, ..Options::default() });
    for (name, kind) in [("locked", "ed25519"), ("locked_rsa", "rsa")] {
        let path = sshd.make_key_with(name, kind, "secret words");
        sshd.authorize(&path.with_extension("pub"));
        let auth = |secret: &str| Auth::Key {
            identity_file: Some(path.display().to_string()),
            secret: Some(secret.to_owned()),
        };
        let vm = |secret: &str| to(NewVm { auth: auth(secret), ..vm_of(&sshd) });
        let runner = SshRunner::new(knowing(&[("right", "secret words"), ("wrong", "other words")]));
        assert_eq!(output(&runner, &vm("right"), "echo hi").await, "hi\n", "{name}");
        let runner = SshRunner::new(knowing(&[("right", "secret words"), ("wrong", "other words")]));
        let failure = unreachable(&runner, &vm("wrong")).await;
        assert!(failure.message.contains("the secret `wrong` does not open"), "{failure}");
        assert!(failure.remedy.contains("corral secret set wrong"), "{failure}");
        let failure = unreachable(&SshRunner::new(knowing(&[])), &vm("right")).await;
        assert!(failure.message.contains("there is no secret `right`"), "{failure}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_lets_in_and_a_wrong_one_names_its_secret() {
    let Some(account) = Account::make("pw") else { return };
    let mut sshd = Sshd::start(Options { net: 91, ..Options::default() });
    sshd.stop();
    sshd.configure("PasswordAuthentication yes\n");
    sshd.launch();
    let secrets = [("right", PASSWORD), ("wrong", "no")];
    let right = to(by_password(&sshd, &account, "right"));
    assert_eq!(output(&SshRunner::new(knowing(&secrets)), &right, "id -un").await, format!("{}\n", account.0));
    let wrong = to(by_password(&sshd, &account, "wrong"));
    let failure = unreachable(&SshRunner::new(knowing(&secrets)), &wrong).await;
    assert_eq!(failure.step, "authenticate");
    assert!(failure.message.contains("the password of the secret `wrong` was not accepted"), "{failure}");
    assert!(failure.remedy.contains("corral secret set wrong"), "{failure}");
    assert!(!failure.to_string().contains(PASSWORD) && !sshd.log().contains(PASSWORD));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_takes_no_password_says_what_it_takes() {
    let sshd = Sshd::start(Options { net: 92, ..Options::default() });
    let target = to(NewVm { auth: Auth::Password { secret: "pw".to_owned() }, ..vm_of(&sshd) });
    let failure = unreachable(&SshRunner::new(knowing(&[("pw", PASSWORD)])), &target).await;
    assert!(failure.message.contains("takes no password") && failure.message.contains("publickey"), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_and_then_a_password_are_given_where_both_are_wanted() {
    let Some(account) = Account::make("both") else { return };
    let mut sshd = Sshd::start(Options { net: 93, ..Options::default() });
    sshd.stop();
    sshd.configure("PasswordAuthentication yes\nAuthenticationMethods publickey,password\n");
    // The account itself has to read which keys it lets in.
    std::fs::set_permissions(sshd.path("."), std::fs::Permissions::from_mode(0o755)).unwrap();
    sshd.launch();
    let options = VmOptions { password_secret: Some("pw".to_owned()), ..VmOptions::default() };
    let new = NewVm { user: account.0.clone(), auth: key(&sshd.client_key()), ..vm_of(&sshd) };
    let with_secret = to(NewVm { options, ..new.clone() });
    let runner = SshRunner::new(knowing(&[("pw", PASSWORD)]));
    assert_eq!(output(&runner, &with_secret, "echo hi").await, "hi\n");
    let failure = unreachable(&SshRunner::new(knowing(&[])), &to(new)).await;
    assert!(failure.message.contains("the server wants more: password"), "{failure}");
    assert!(failure.remedy.contains("--option password_secret="), "{failure}");
    let failure = unreachable(&SshRunner::new(knowing(&[("pw", "no")])), &with_secret).await;
    assert!(failure.message.contains("the secret `pw` was not accepted"), "{failure}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_question_of_pam_for_the_password_is_answered() {
    let Some(account) = Account::make("kbd") else { return };
    let mut sshd = Sshd::start(Options { net: 94, ..Options::default() });
    sshd.stop();
    sshd.configure("UsePAM yes\nKbdInteractiveAuthentication yes\n");
    sshd.launch();
    let runner = SshRunner::new(knowing(&[("right", PASSWORD), ("wrong", "no")]));
    let right = to(by_password(&sshd, &account, "right"));
    assert_eq!(output(&runner, &right, "id -un").await, format!("{}\n", account.0), "{}", sshd.log());
    let failure =
        unreachable(&SshRunner::new(knowing(&[("wrong", "no")])), &to(by_password(&sshd, &account, "wrong"))).await;
    assert!(failure.message.contains("the secret `wrong` was not accepted"), "{failure}");
}

/// A server that asks these questions, and lets in whoever gives the password to the one that is for it.
#[derive(Clone)]
struct Asking(Vec<(&'static str, bool)>);

impl server::Server for Asking {
    type Handler = Self;

    fn new_client(&mut self, _: Option<SocketAddr>) -> Self {
        self.clone()
    }
}

impl server::Handler for Asking {
    type Error = russh::Error;

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        _: &str,
        _: &str,
        response: Option<Response<'a>>,
    ) -> Result<Answer, Self::Error> {
        let Some(mut response) = response else {
            let prompts = self.0.iter().map(|(text, echo)| ((*text).into(), *echo)).collect::<Vec<_>>().into();
            return Ok(Answer::Partial { name: "".into(), instructions: "".into(), prompts });
        };
        let right = response.next().is_some_and(|answer| answer.as_ref() == PASSWORD.as_bytes());
        Ok(if right { Answer::Accept } else { Answer::reject() })
    }
}

async fn asking(prompts: &[(&'static str, bool)]) -> NewVm {
    let key = russh::keys::PrivateKey::random(&mut russh::keys::key::safe_rng(), russh::keys::Algorithm::Ed25519);
    let key = key.unwrap();
    let public = key.public_key().to_openssh().unwrap();
    let config = server::Config {
        keys: vec![key],
        methods: [russh::MethodKind::KeyboardInteractive].as_slice().into(),
        auth_rejection_time: std::time::Duration::from_millis(10),
        ..server::Config::default()
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut server = Asking(prompts.to_vec());
    tokio::spawn(async move { server.run_on_socket(Arc::new(config), &listener).await });
    NewVm {
        auth: Auth::Password { secret: "pw".to_owned() },
        host_keys: vec![public],
        ..NewVm::ssh("web-1", "127.0.0.1", port, "root")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_questions_and_other_ones_are_named_and_not_answered() {
    for prompts in [
        vec![("Password: ", false), ("Verification code: ", false)],
        vec![("Verification code: ", false)],
        vec![("Your name: ", true)],
        vec![("New password: ", false)],
    ] {
        let target = to(asking(&prompts).await);
        let failure = unreachable(&SshRunner::new(knowing(&[("pw", PASSWORD)])), &target).await;
        assert_eq!(failure.step, "authenticate");
        for (prompt, _) in &prompts {
            assert!(failure.message.contains(prompt.trim()), "{failure}");
        }
        assert!(failure.remedy.contains("only one question"), "{failure}");
    }
    let target = to(asking(&[("root's password: ", false)]).await);
    let failure = unreachable(&SshRunner::new(knowing(&[("pw", "no")])), &target).await;
    assert!(failure.message.contains("was not accepted"), "{failure}");
}
