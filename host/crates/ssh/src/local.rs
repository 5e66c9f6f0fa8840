//! Runs commands on this machine, without SSH.
//!
//! A command gets `/bin/sh -c`, a process group of its own, the account's home, and an environment without what belongs
//! to the host process alone. When the call is dropped its process group is killed.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::BytesMut;
use corral_domain::{AsUser, Clock, Facts, OutputStream, RenderedCommand, VmId};
use corral_engine::ports::{Exit, Failure, Output, Probe, RunError, RunEvent, Runner, Step, Target};
use rustix::process::{Pid, Signal, kill_process_group};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::cancel::Receipt;
use crate::capsule::{Here, end_bare};
use crate::facts;
use crate::failure::failure;
use crate::wrap::{COOKIE_VARIABLE, new_cookie};

/// Read from a pipe at once, at most.
const READ_BYTES: usize = 64 << 10;
/// Time for the rest of the output to arrive after the processes of a cancelled command were ended.
const DRAIN_AFTER_CANCEL: Duration = Duration::from_secs(2);
/// Longest that a check of this machine's shell may take.
const CHECK_TIMEOUT: Duration = Duration::from_secs(10);
const PATH_DEFAULT: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Variables of the host process that a command also gets; the rest may hold what is no command's business.
const KEPT_VARIABLES: [&str; 9] =
    ["PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSH_AUTH_SOCK"];

/// [`Runner`] for this machine.
pub struct LocalRunner {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) cancel_grace: Duration,
    pub(crate) here: Here,
}

impl LocalRunner {
    /// A runner that gives a cancelled command `cancel_grace` to end by itself.
    pub fn new(clock: Arc<dyn Clock>, cancel_grace: Duration) -> Self {
        Self { clock, cancel_grace, here: Here::default() }
    }

    /// Runs the script that ends a command's processes.
    async fn end_processes(&self, cookie: &str, as_user: Option<&AsUser>, group: &Group) -> Receipt {
        let mark = new_cookie().unwrap_or_else(|_| cookie.to_owned());
        let receipt = end_bare(self.here.shell(), cookie, as_user, &mark, self.cancel_grace).await;
        if !matches!(receipt, Receipt::Done { .. }) {
            group.signal(Signal::TERM);
            tokio::time::sleep(self.cancel_grace).await;
            group.signal(Signal::KILL);
        }
        receipt
    }

    async fn try_shell(&self) -> Result<Duration, Failure> {
        let started = Instant::now();
        let fail = |why: String| {
            failure("exec", format!("/bin/sh of this machine did not run `true`: {why}"), "check that /bin/sh exists")
        };
        let work = shell("true", None).stdin(Stdio::null()).kill_on_drop(true).status();
        match tokio::time::timeout(CHECK_TIMEOUT, work).await {
            Ok(Ok(status)) if status.success() => Ok(started.elapsed()),
            Ok(Ok(status)) => Err(fail(status.to_string())),
            Ok(Err(error)) => Err(fail(error.to_string())),
            Err(_) => Err(fail(format!("no answer within {} s", CHECK_TIMEOUT.as_secs()))),
        }
    }
}

#[async_trait]
impl Runner for LocalRunner {
    async fn run(
        &self,
        _target: &Target,
        command: &RenderedCommand,
        as_user: Option<&AsUser>,
        events: mpsc::Sender<RunEvent>,
        cancel: CancellationToken,
    ) -> Result<Exit, RunError> {
        if cancel.is_cancelled() {
            return Err(RunError::Cancelled(corral_domain::Receipt::nothing_started(self.clock.now())));
        }
        let cookie =
            new_cookie().map_err(|error| RunError::Failed(format!("the system gave no random numbers: {error}")))?;
        let stdin = if command.stdin.is_some() { Stdio::piped() } else { Stdio::null() };
        let mut child = shell(&command.to_shell(), Some(&cookie))
            .stdin(stdin)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| RunError::Failed(format!("/bin/sh of this machine cannot be started: {error}")))?;
        let mut group = Group::of(&child);
        let _ = events.send(RunEvent::Started).await;
        let mut work = std::pin::pin!(follow(&mut child, command.stdin.clone(), &events, &*self.clock));
        let ended = tokio::select! {
            ended = &mut work => Some(ended),
            () = cancel.cancelled() => None,
        };
        let Some(ended) = ended else {
            let (done, drained) = tokio::sync::oneshot::channel();
            let end = async {
                let receipt = self.end_processes(&cookie, as_user, &group).await;
                let _ = done.send(());
                receipt
            };
            let drain = async {
                tokio::select! {
                    _ = work => {}
                    () = async { let _ = drained.await; tokio::time::sleep(DRAIN_AFTER_CANCEL).await; } => {}
                }
            };
            let (receipt, ()) = tokio::join!(end, drain);
            return Err(RunError::Cancelled(receipt.to_domain(self.clock.now())));
        };
        group.disarm();
        ended.map(exit_of).map_err(|error| RunError::Lost(format!("the command's output cannot be read: {error}")))
    }

    async fn probe(&self, target: &Target) -> Probe {
        let started = Instant::now();
        let result = self.try_shell().await;
        let detail = match &result {
            Ok(_) => "a command was run on this machine".to_owned(),
            Err(failure) => format!("{}; {}", failure.message, failure.remedy),
        };
        let step =
            Step { vm: target.vm.name.clone(), name: "exec", ok: result.is_ok(), detail, took: started.elapsed() };
        Probe { steps: vec![step], latency: result.as_ref().ok().copied(), failure: result.err(), new_host_key: None }
    }

    async fn check(&self, _target: &Target) -> Result<Duration, Failure> {
        self.try_shell().await
    }

    async fn facts(&self, target: &Target) -> Result<Facts, Failure> {
        let work = shell(facts::SCRIPT, None).stdin(Stdio::null()).kill_on_drop(true).output();
        match tokio::time::timeout(facts::TIME_MAX, work).await {
            Ok(Ok(output)) => facts::parse(&output.stdout, self.clock.now())
                .ok_or_else(|| facts::not_understood(&target.vm, &output.stdout)),
            Ok(Err(error)) => Err(facts::failure_of(&target.vm, &error.to_string())),
            Err(_) => Err(facts::failure_of(&target.vm, &facts::too_slow())),
        }
    }

    async fn forget(&self, _vm: VmId) {}
}

/// A command for `/bin/sh` with a cleaned environment, leading a process group of its own.
pub(crate) fn shell(script: &str, cookie: Option<&str>) -> Command {
    let mut command = cleaned(Path::new("/bin/sh"));
    command.arg("-c").arg(script);
    if let Some(cookie) = cookie {
        command.env(COOKIE_VARIABLE, cookie);
    }
    command
}

/// A program with a cleaned environment, leading a process group of its own.
pub(crate) fn cleaned(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_clear().process_group(0);
    for (name, value) in kept_environment() {
        command.env(name, value);
    }
    let home = crate::config::home();
    command.current_dir(if home.is_dir() { home.as_path() } else { Path::new("/") });
    command
}

fn kept_environment() -> Vec<(&'static str, OsString)> {
    let mut kept: Vec<_> =
        KEPT_VARIABLES.into_iter().filter_map(|name| Some((name, std::env::var_os(name)?))).collect();
    if !kept.iter().any(|(name, _)| *name == "PATH") {
        kept.push(("PATH", OsStr::new(PATH_DEFAULT).to_owned()));
    }
    kept
}

/// Feeds standard input, sends output on, and waits for the end of both the command and its output.
async fn follow(
    child: &mut Child,
    stdin: Option<Vec<u8>>,
    events: &mpsc::Sender<RunEvent>,
    clock: &dyn Clock,
) -> std::io::Result<ExitStatus> {
    let pipe = child.stdin.take();
    let feed = async move {
        if let (Some(mut pipe), Some(bytes)) = (pipe, stdin) {
            // The command may end without reading all; that is its right.
            let _ = pipe.write_all(&bytes).await;
        }
    };
    let out = read_all(child.stdout.take(), OutputStream::Stdout, events, clock);
    let err = read_all(child.stderr.take(), OutputStream::Stderr, events, clock);
    let reading = async { tokio::join!(out, err) };
    let mut feed = std::pin::pin!(feed);
    let mut reading = std::pin::pin!(reading);
    let mut fed = false;
    let (out, err) = loop {
        tokio::select! {
            read = &mut reading => break read,
            () = &mut feed, if !fed => fed = true,
        }
    };
    out?;
    err?;
    child.wait().await
}

async fn read_all(
    pipe: Option<impl AsyncRead + Unpin>,
    stream: OutputStream,
    events: &mpsc::Sender<RunEvent>,
    clock: &dyn Clock,
) -> std::io::Result<()> {
    let Some(mut pipe) = pipe else { return Ok(()) };
    let mut buffer = BytesMut::new();
    loop {
        buffer.reserve(READ_BYTES);
        if pipe.read_buf(&mut buffer).await? == 0 {
            return Ok(());
        }
        let output = Output { stream, bytes: buffer.split().freeze(), at: clock.now() };
        // Without a receiver nobody wants the output; the command still comes to its end.
        let _ = events.send(RunEvent::Output(output)).await;
    }
}

/// How a process ended, as a run tells it.
pub(crate) fn exit_of(status: ExitStatus) -> Exit {
    let signal = status.signal().map(|number| signal_name(number).to_owned());
    Exit { code: status.code(), signal }
}

fn signal_name(number: i32) -> &'static str {
    const NAMES: [(Signal, &str); 14] = [
        (Signal::HUP, "HUP"),
        (Signal::INT, "INT"),
        (Signal::QUIT, "QUIT"),
        (Signal::ILL, "ILL"),
        (Signal::TRAP, "TRAP"),
        (Signal::ABORT, "ABRT"),
        (Signal::BUS, "BUS"),
        (Signal::FPE, "FPE"),
        (Signal::KILL, "KILL"),
        (Signal::USR1, "USR1"),
        (Signal::SEGV, "SEGV"),
        (Signal::USR2, "USR2"),
        (Signal::PIPE, "PIPE"),
        (Signal::TERM, "TERM"),
    ];
    NAMES.iter().find(|(signal, _)| signal.as_raw() == number).map_or("OTHER", |(_, name)| name)
}

/// The process group of a command; killed when dropped, unless the command has ended.
pub(crate) struct Group(Option<Pid>);

impl Group {
    pub(crate) fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| Pid::from_raw(id.cast_signed())))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        if let Some(pid) = self.0 {
            // It may have ended in between; then there is nobody to signal.
            let _ = kill_process_group(pid, signal);
        }
    }

    /// The command ended by itself: what it left running in its group is meant to stay, as over SSH.
    pub(crate) fn disarm(&mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.signal(Signal::KILL);
    }
}
