//! Starts the built `corral` as a person would, on data of its own, and ends it by its process id.
//!
//! Knows nothing of the host's crates: what the tests see of it is its command line, its HTTP API and its socket.

use std::fs::File;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use tempfile::TempDir;

use crate::client::Client;

/// How long a start may take before the test gives up on it.
const START_LIMIT: Duration = Duration::from_mins(1);
/// How long a host may take to stop when it is asked to.
const STOP_LIMIT: Duration = Duration::from_secs(30);
/// How long the bundled plugins may take to be compiled.
const COMPILE_LIMIT: Duration = Duration::from_mins(5);
/// Where a host keeps plugins' native code, below its data.
const NATIVE_CODE: &str = "cache/plugins";
/// How often a condition is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// The binary that is tested: `CORRAL_BIN`, or the one that cargo built beside this test.
pub fn binary() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("CORRAL_BIN") {
        return Ok(PathBuf::from(path));
    }
    // target/debug/deps/system_…  →  target/debug/corral
    let test = std::env::current_exe().context("where this test lies")?;
    let profile = test.ancestors().nth(2).context("the test does not lie in a target folder")?;
    let path = profile.join("corral");
    if path.is_file() { Ok(path) } else { bail!("{} is missing; type: cargo xtask test build", path.display()) }
}

/// Where `cargo xtask plugins` placed the bundled plugins.
pub fn built_plugins() -> Result<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/plugins");
    let folder = std::env::var_os("CORRAL_PLUGINS").map_or(folder, PathBuf::from);
    if folder.is_dir() { Ok(folder) } else { bail!("{} is missing; type: cargo xtask plugins", folder.display()) }
}

/// A folder in which a host keeps its data and from which it is started as often as the test wants.
#[derive(Debug)]
pub struct Site {
    folder: TempDir,
    args: Vec<String>,
    env: Vec<(String, String)>,
}

/// What the host says of itself when it answers.
#[derive(Debug, Clone, Deserialize)]
pub struct Ready {
    /// Where it listens.
    pub url: String,
    /// The link that logs a person in.
    pub setup_url: String,
    /// Its process.
    pub pid: u32,
}

/// A running host. Killed when it is dropped.
#[derive(Debug)]
pub struct Host {
    child: Child,
    /// What it said when it was ready.
    pub ready: Ready,
    /// From the start of the process to its answer.
    pub started_in: Duration,
    log: PathBuf,
    stopped: bool,
}

impl Site {
    /// An empty one, but for the bundled plugins' native code: compiling it takes a debug build many seconds. `HOME` is
    /// a folder of its own, so that nothing of the person who runs the tests is read.
    pub fn new() -> Result<Self> {
        let site = Self::bare()?;
        copy_native_code(&native_code()?, &site.data().join(NATIVE_CODE))?;
        Ok(site)
    }

    /// An empty one.
    pub fn bare() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("corral-test-").tempdir()?;
        for name in ["home/.ssh", "data"] {
            std::fs::create_dir_all(folder.path().join(name))?;
        }
        Ok(Self { folder, args: Vec::new(), env: Vec::new() })
    }

    /// More arguments for `corral serve`.
    #[must_use]
    pub fn with_args(mut self, args: &[&str]) -> Self {
        self.args.extend(args.iter().map(|arg| (*arg).to_owned()));
        self
    }

    /// A variable of the host's environment.
    #[must_use]
    pub fn with_env(mut self, key: &str, value: &str) -> Self {
        self.env.push((key.to_owned(), value.to_owned()));
        self
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A folder in the folder, made if it is not there.
    pub fn dir(&self, name: &str) -> Result<PathBuf> {
        let path = self.path(name);
        std::fs::create_dir_all(&path)?;
        Ok(path)
    }

    /// The host's data folder.
    pub fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// `corral` with arguments, in this site's environment.
    pub fn corral(&self, args: &[&str]) -> Result<Command> {
        let mut command = Command::new(binary()?);
        command.args(args).current_dir(self.folder.path()).stdin(Stdio::null());
        self.environment(&mut command);
        Ok(command)
    }

    fn are_plugins_compiling(&self, host: &Host, token: &str) -> Result<bool> {
        let mut command = self.corral(&["plugin", "ls", "--json"])?;
        let out = command.env("CORRAL_URL", &host.ready.url).env("CORRAL_TOKEN", token).output()?;
        if !out.status.success() {
            bail!("corral plugin ls ended with {}: {}", out.status, String::from_utf8_lossy(&out.stderr));
        }
        let out = String::from_utf8_lossy(&out.stdout);
        Ok(out.contains("\"discovered\"") || out.contains("\"compiling\""))
    }

    fn environment(&self, command: &mut Command) {
        command.env_remove("SSH_AUTH_SOCK").env("HOME", self.path("home"));
        for (key, value) in std::env::vars_os() {
            if key.to_string_lossy().starts_with("CORRAL_") {
                command.env_remove(&key);
            }
            drop(value);
        }
        command.envs(self.env.iter().map(|(key, value)| (key, value)));
    }

    /// The arguments of `corral serve` for this site.
    pub fn serve_args(&self) -> Vec<String> {
        self.serve_args_at("127.0.0.1:0")
    }

    fn serve_args_at(&self, listen: &str) -> Vec<String> {
        let path = |name: &str| self.path(name).to_string_lossy().into_owned();
        let mut args: Vec<String> = ["serve", "--listen", listen].map(str::to_owned).to_vec();
        args.extend(["--data".to_owned(), path("data"), "--ready-file".to_owned(), path("ready.json")]);
        args.extend(self.args.iter().cloned());
        args
    }

    /// Starts a host and waits until it answers.
    pub fn start(&self) -> Result<Host> {
        self.start_at("127.0.0.1:0")
    }

    /// Starts a host that listens at an address, where one was before.
    pub fn start_at(&self, listen: &str) -> Result<Host> {
        let args = self.serve_args_at(listen);
        self.start_by(self.corral(&args.iter().map(String::as_str).collect::<Vec<_>>())?)
    }

    /// Starts a host by a command of the test's own, which must end in a `corral serve` with [`Self::serve_args`].
    pub fn start_by(&self, mut command: Command) -> Result<Host> {
        let ready_file = self.path("ready.json");
        let _ = std::fs::remove_file(&ready_file);
        let log = self.path("host.log");
        let out = File::options().create(true).append(true).open(&log)?;
        self.environment(&mut command);
        command.stdin(Stdio::null()).stdout(out.try_clone()?).stderr(out);
        let begun = Instant::now();
        let mut child = command.spawn().context("starting corral")?;
        let ready = loop {
            if let Some(ready) = std::fs::read(&ready_file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()) {
                break ready;
            }
            if let Some(status) = child.try_wait()? {
                bail!("corral ended with {status} before it was ready:\n{}", tail(&log));
            }
            if begun.elapsed() > START_LIMIT {
                let _ = child.kill();
                let _ = child.wait();
                bail!("corral was not ready within {START_LIMIT:?}:\n{}", tail(&log));
            }
            std::thread::sleep(LOOK_EVERY);
        };
        Ok(Host { child, ready, started_in: begun.elapsed(), log, stopped: false })
    }

    /// An API token, made beside the running host.
    pub fn token(&self, role: &str) -> Result<String> {
        let data = self.data();
        let out = self
            .corral(&["token", "create", "--data", &data.to_string_lossy(), "--name", "test", "--role", role])?
            .output()?;
        if !out.status.success() {
            bail!("corral token create ended with {}: {}", out.status, String::from_utf8_lossy(&out.stderr));
        }
        let text = String::from_utf8(out.stdout)?;
        let token = text.split_whitespace().last().context("corral token create wrote nothing")?;
        Ok(token.to_owned())
    }

    /// A client of a running host, with the rights of an administrator.
    pub fn client(&self, host: &Host) -> Result<Client> {
        Client::new(&host.ready.url, &self.token("admin")?)
    }
}

impl Host {
    /// Ends the process at once, as a power cut would.
    pub fn kill_9(&mut self) -> Result<()> {
        self.signal(Signal::KILL)?;
        self.child.wait()?;
        self.stopped = true;
        Ok(())
    }

    /// Asks the process to stop and waits until it has.
    pub fn stop(&mut self) -> Result<std::process::ExitStatus> {
        self.signal(Signal::TERM)?;
        let begun = Instant::now();
        while begun.elapsed() < STOP_LIMIT {
            if let Some(status) = self.child.try_wait()? {
                self.stopped = true;
                return Ok(status);
            }
            std::thread::sleep(LOOK_EVERY);
        }
        bail!("corral did not stop within {STOP_LIMIT:?}:\n{}", self.log_tail())
    }

    /// Whether the process is there.
    pub fn is_alive(&mut self) -> Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// Memory that it holds, in bytes.
    pub fn resident_bytes(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.ready.pid))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
        let kib: u64 = line.split_whitespace().nth(1).context("no number")?.parse()?;
        Ok(kib * 1024)
    }

    /// The last lines that it wrote.
    pub fn log_tail(&self) -> String {
        tail(&self.log)
    }

    fn signal(&self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.ready.pid)?;
        kill_process(Pid::from_raw(pid).context("pid 0")?, signal).context("signalling corral")
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the host's log ---\n{}", self.log_tail());
        }
        if !self.stopped {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

/// The folder of the bundled plugins' native code, filled by the first test that asks and kept beside the binary for the
/// next run. What does not fit any more, the host recognises by itself.
fn native_code() -> Result<PathBuf> {
    static FILLING: Mutex<bool> = Mutex::new(false);
    let kept = binary()?.with_file_name("system-tests-native-code");
    let mut filled = FILLING.lock().unwrap_or_else(PoisonError::into_inner);
    if !*filled {
        let site = Site::bare()?;
        copy_native_code(&kept, &site.data().join(NATIVE_CODE))?;
        let mut host = site.start()?;
        let token = site.token("admin")?;
        let begun = Instant::now();
        while site.are_plugins_compiling(&host, &token)? {
            if begun.elapsed() > COMPILE_LIMIT {
                bail!("the bundled plugins were not compiled within {COMPILE_LIMIT:?}:\n{}", host.log_tail());
            }
            std::thread::sleep(LOOK_EVERY);
        }
        host.stop()?;
        if kept.is_dir() {
            std::fs::remove_dir_all(&kept)?;
        }
        copy_native_code(&site.data().join(NATIVE_CODE), &kept)?;
        *filled = true;
    }
    Ok(kept)
}

fn copy_native_code(from: &Path, to: &Path) -> Result<()> {
    // The host loads only what nobody else can have written.
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(to)?;
    if from.is_dir() {
        for entry in std::fs::read_dir(from)? {
            let entry = entry?;
            std::fs::copy(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

fn tail(log: &Path) -> String {
    const LINES: usize = 40;
    let text = std::fs::read(log).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}
