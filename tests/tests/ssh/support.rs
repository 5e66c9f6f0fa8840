//! What these tests share: VMs for a server, runs with their output collected.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use corral_domain::{Auth, NewVm, OutputStream, RenderedCommand, Timestamp, Transport, Vm, VmId};
use corral_engine::ports::{Exit, RunError, RunEvent, Runner, SecretError, SecretInfo, SecretText, Secrets, Target};
use corral_ssh::SshConfig;
use corral_storage::Audit;
use corral_tests::sshd::Sshd;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

pub(crate) use corral_domain::CommandLine;

/// Longest that anything here may take; a test that hangs says where.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// Settings that see nothing of the account that runs the tests.
pub(crate) fn config() -> SshConfig {
    SshConfig {
        known_hosts: Vec::new(),
        identity_files: Vec::new(),
        agent: corral_ssh::AgentSocket::Path("/nonexistent/agent".into()),
        ..SshConfig::default()
    }
}

/// Secrets as they are, for tests.
pub(crate) struct Known(pub(crate) Vec<(&'static str, String)>);

#[async_trait::async_trait]
impl Secrets for Known {
    async fn reveal(&self, name: &str) -> Result<Option<SecretText>, SecretError> {
        let found = self.0.iter().find(|(known, _)| *known == name);
        Ok(found.map(|(_, value)| SecretText::new(value.clone())))
    }

    async fn list(&self) -> Result<Vec<SecretInfo>, SecretError> {
        unreachable!("connections ask for values")
    }

    async fn set(&self, _: &str, _: SecretText, _: Audit) -> Result<(), SecretError> {
        unreachable!("connections ask for values")
    }

    async fn remove(&self, _: &str, _: Audit) -> Result<bool, SecretError> {
        unreachable!("connections ask for values")
    }
}

/// Settings with secrets.
pub(crate) fn knowing(secrets: &[(&'static str, &str)]) -> SshConfig {
    let secrets = secrets.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
    SshConfig { secrets: Some(Arc::new(Known(secrets))), ..config() }
}

/// A VM with an id made from a number.
pub(crate) fn vm(number: u64, new: NewVm) -> Arc<Vm> {
    let id = VmId::from_uuid(uuid::Uuid::from_u64_pair(7, number));
    Arc::new(Vm::new(id, new, Timestamp::from_millis(0)))
}

pub(crate) fn key(path: &Path) -> Auth {
    Auth::Key { identity_file: Some(path.display().to_string()), secret: None }
}

/// The VM at a server's first address: its key, its host key pinned.
pub(crate) fn vm_of(sshd: &Sshd) -> NewVm {
    NewVm {
        auth: key(&sshd.client_key()),
        host_keys: vec![sshd.host_key("ed25519")],
        ..NewVm::ssh("web-1", sshd.ip(0), sshd.port(), Sshd::user())
    }
}

pub(crate) fn local() -> Target {
    to(NewVm { transport: Transport::Local, ..NewVm::ssh("here", "", 22, "") })
}

pub(crate) fn to(new: NewVm) -> Target {
    Target { vm: vm(1, new), hops: Vec::new() }
}

pub(crate) fn script(text: &str) -> RenderedCommand {
    RenderedCommand::plain(CommandLine::Script(text.to_owned()))
}

/// What a run gave.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) started: bool,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

impl Seen {
    pub(crate) fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub(crate) fn err(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    pub(crate) fn take(&mut self, event: RunEvent) {
        match event {
            RunEvent::Sending => {}
            RunEvent::Started => self.started = true,
            RunEvent::Output(output) => match output.stream {
                OutputStream::Stdout => self.stdout.extend_from_slice(&output.bytes),
                OutputStream::Stderr => self.stderr.extend_from_slice(&output.bytes),
            },
        }
    }
}

/// Runs a command to its end.
pub(crate) async fn run(
    runner: &dyn Runner,
    target: &Target,
    command: &RenderedCommand,
) -> (Result<Exit, RunError>, Seen) {
    run_until(runner, target, command, CancellationToken::new(), |_| false).await
}

/// Runs a command and cancels it as soon as what was seen satisfies `enough`.
pub(crate) async fn run_until(
    runner: &dyn Runner,
    target: &Target,
    command: &RenderedCommand,
    cancel: CancellationToken,
    enough: impl Fn(&Seen) -> bool,
) -> (Result<Exit, RunError>, Seen) {
    let (events, mut received) = mpsc::channel(8);
    let collect = async {
        let mut seen = Seen::default();
        while let Some(event) = received.recv().await {
            seen.take(event);
            if enough(&seen) {
                cancel.cancel();
            }
        }
        seen
    };
    let both = async { tokio::join!(runner.run(target, command, None, events, cancel.clone()), collect) };
    tokio::time::timeout(LIMIT, both).await.expect("the run ends in time")
}

/// What is written to standard output by a run that must go well.
pub(crate) async fn output(runner: &dyn Runner, target: &Target, text: &str) -> String {
    let (exit, seen) = run(runner, target, &script(text)).await;
    assert_eq!(exit, Ok(Exit { code: Some(0), signal: None }), "{}", seen.err());
    seen.out()
}

/// Why a run did not start.
pub(crate) async fn unreachable(runner: &dyn Runner, target: &Target) -> corral_engine::ports::Failure {
    match run(runner, target, &script("true")).await.0 {
        Err(RunError::Unreachable(failure)) => failure,
        other => panic!("not unreachable: {other:?}"),
    }
}
