//! A home of its own for each test, and each shell.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use corral_domain::{
    CommandLine, NewVm, OutputStream, Position, RenderedCommand, SystemClock, Timestamp, Transport, Vm, VmId,
};
use corral_engine::ports::{CapsuleError, Capsules, Exit, Meet, RunEvent, Target};
use tempfile::TempDir;
use tokio::sync::mpsc;

use crate::LocalRunner;
use crate::capsule::here::{Here, Place};

/// Longest that anything here may take.
const LIMIT: Duration = Duration::from_secs(60);
/// How often something that is waited for is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(10);

pub(crate) const SHELLS: [&str; 3] = ["dash", "bash", "busybox"];

/// A machine: a home and a shell.
pub(crate) struct Machine {
    pub(crate) home: TempDir,
    place: Place,
    pub(crate) runner: LocalRunner,
    pub(crate) target: Target,
}

impl Machine {
    pub(crate) fn new(shell: &str) -> Self {
        let home = tempfile::Builder::new().prefix("corral capsule ").tempdir().unwrap();
        Self::in_home(shell, home)
    }

    /// Its shell is run by a program, as `setpriv …`.
    pub(crate) fn by(shell: &str, by: &[&str]) -> Self {
        let mut machine = Self::new(shell);
        machine.place.by = by.iter().map(Into::into).collect();
        machine.runner.here = Here::at(machine.place.clone());
        machine
    }

    /// A host that was started anew: it remembers nothing of the machine.
    pub(crate) fn forget(&mut self) {
        self.runner.here = Here::at(self.place.clone());
    }

    /// Sets a variable of its shells.
    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        self.place.environment.push((name.into(), value.into()));
        self.runner.here = Here::at(self.place.clone());
        self
    }

    fn in_home(shell: &str, home: TempDir) -> Self {
        let mut environment = vec![("HOME".into(), home.path().into())];
        let shell = if shell == "busybox" {
            let applets = home.path().join("applets");
            link_applets(&applets);
            environment.push(("PATH".into(), applets.clone().into()));
            applets.join("ash")
        } else {
            PathBuf::from("/bin").join(shell)
        };
        assert!(shell.exists(), "{} is not installed", shell.display());
        let mut runner = LocalRunner::new(Arc::new(SystemClock), Duration::from_secs(1));
        let place = Place { by: Vec::new(), shell, environment };
        runner.here = Here::at(place.clone());
        let new = NewVm { transport: Transport::Local, ..NewVm::ssh("here", "", 22, "") };
        let vm = Vm::new(VmId::from_uuid(uuid::Uuid::from_u64_pair(7, 1)), new, Timestamp::from_millis(0));
        Self { home, place, runner, target: Target { vm: Arc::new(vm), hops: Vec::new() } }
    }

    pub(crate) fn jobs(&self) -> PathBuf {
        self.home.path().join(".local/state/corral/jobs")
    }

    pub(crate) fn folder(&self, id: &str) -> PathBuf {
        self.jobs().join(id)
    }

    /// Launches a script and follows it to its end.
    pub(crate) async fn launch(&self, id: &str, text: &str) -> Seen {
        self.meet(id, Meet::Launch(&script(text)), Position::default()).await
    }

    pub(crate) async fn attach(&self, id: &str) -> Seen {
        self.meet(id, Meet::Attach, Position::default()).await
    }

    pub(crate) async fn meet(&self, id: &str, meet: Meet<'_>, from: Position) -> Seen {
        let (events, received) = mpsc::channel(8);
        let both = async {
            let (end, mut seen) =
                tokio::join!(self.runner.follow(&self.target, id, meet, from, events), collect(received, |_| false));
            seen.end = Some(end);
            seen
        };
        tokio::time::timeout(LIMIT, both).await.expect("it ends in time")
    }

    /// Launches or attaches and goes away as soon as what was seen satisfies `enough`.
    pub(crate) async fn until(&self, id: &str, meet: Meet<'_>, from: Position, enough: impl Fn(&Seen) -> bool) -> Seen {
        let (events, received) = mpsc::channel(8);
        let following = self.runner.follow(&self.target, id, meet, from, events);
        let both = async {
            tokio::pin!(following);
            let mut collecting = std::pin::pin!(collect(received, enough));
            let mut end = None;
            loop {
                tokio::select! {
                    biased;
                    mut seen = &mut collecting => { seen.end = end; return seen; }
                    ended = &mut following, if end.is_none() => end = Some(ended),
                }
            }
        };
        tokio::time::timeout(LIMIT, both).await.expect("it is seen in time")
    }

    /// Launches and goes away once the command runs.
    pub(crate) async fn leave(&self, id: &str, text: &str) {
        self.until(id, Meet::Launch(&script(text)), Position::default(), |seen| seen.started).await;
        eventually("the command runs", || self.record(id).first().is_some_and(|kind| kind == "C")).await;
    }

    /// The words of the file `pid`.
    pub(crate) fn record(&self, id: &str) -> Vec<String> {
        let text = std::fs::read_to_string(self.folder(id).join("pid")).unwrap_or_default();
        text.split_whitespace().map(str::to_owned).collect()
    }

    pub(crate) fn supervisor(&self, id: &str) -> i32 {
        self.record(id)[1].parse().unwrap()
    }

    pub(crate) fn command(&self, id: &str) -> i32 {
        self.record(id)[4].parse().unwrap()
    }

    /// Writes the file `pid` anew with one of its words changed.
    pub(crate) fn forge(&self, id: &str, word: usize, value: &str) {
        let mut words = self.record(id);
        value.clone_into(&mut words[word]);
        std::fs::write(self.folder(id).join("pid"), format!("{:159}\n", words.join(" "))).unwrap();
    }
}

impl Drop for Machine {
    /// No test leaves a process behind.
    fn drop(&mut self) {
        for entry in std::fs::read_dir(self.jobs()).into_iter().flatten().flatten() {
            let mark = format!("CORRAL_TASK={}", entry.file_name().to_string_lossy());
            for process in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
                let environ = std::fs::read(process.path().join("environ")).unwrap_or_default();
                if environ.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
                    && let Some(pid) = process.file_name().to_str().and_then(|name| name.parse().ok())
                {
                    kill(pid);
                }
            }
        }
    }
}

/// What following a capsule gave.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) started: bool,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    /// Both, in the order in which they came, as `o` and `e` with their text.
    pub(crate) pieces: Vec<(char, String)>,
    pub(crate) end: Option<Result<Exit, CapsuleError>>,
}

impl Seen {
    pub(crate) fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub(crate) fn err(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    pub(crate) fn code(&self) -> i32 {
        match &self.end {
            Some(Ok(Exit { code: Some(code), .. })) => *code,
            other => panic!("{other:?}, {}", self.err()),
        }
    }

    pub(crate) fn error(&self) -> &CapsuleError {
        match &self.end {
            Some(Err(error)) => error,
            other => panic!("{other:?}, {}", self.err()),
        }
    }
}

async fn collect(mut events: mpsc::Receiver<RunEvent>, enough: impl Fn(&Seen) -> bool) -> Seen {
    let mut seen = Seen::default();
    while let Some(event) = events.recv().await {
        match event {
            RunEvent::Sending => {}
            RunEvent::Started => seen.started = true,
            RunEvent::Output(output) => {
                let (letter, all) = match output.stream {
                    OutputStream::Stdout => ('o', &mut seen.stdout),
                    OutputStream::Stderr => ('e', &mut seen.stderr),
                };
                all.extend_from_slice(&output.bytes);
                if output.bytes.len() < 4096 {
                    seen.pieces.push((letter, String::from_utf8_lossy(&output.bytes).into_owned()));
                }
            }
        }
        if enough(&seen) {
            break;
        }
    }
    seen
}

pub(crate) fn script(text: &str) -> RenderedCommand {
    RenderedCommand::plain(CommandLine::Script(text.to_owned()))
}

/// A capsule's id of its own.
pub(crate) fn id() -> String {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    format!("{:032x}-{number:032x}", std::process::id())
}

pub(crate) fn kill(pid: i32) {
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    let _ = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
}

pub(crate) fn is_alive(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}

/// Waits for something that must come.
pub(crate) async fn eventually(what: &str, is: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is() {
        assert!(begun.elapsed() < LIMIT, "not so: {what}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn link_applets(folder: &Path) {
    std::fs::create_dir(folder).unwrap();
    let program = ["/bin/busybox", "/usr/bin/busybox"].iter().find(|path| Path::new(path).exists());
    let program = program.expect("busybox is not installed: apt-get install busybox");
    let list = Command::new(program).arg("--list").output().unwrap();
    for applet in String::from_utf8(list.stdout).unwrap().lines() {
        symlink(program, folder.join(applet)).unwrap();
    }
}
