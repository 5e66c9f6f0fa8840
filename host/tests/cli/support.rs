//! A folder, hosts on it, and the command line beside them.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tempfile::TempDir;

const START_LIMIT: Duration = Duration::from_secs(60);
const STOP_LIMIT: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// A folder with a home and a data folder of its own.
pub struct Site {
    folder: TempDir,
}

/// A running host; killed when dropped.
pub struct Host {
    child: Child,
    pub url: String,
    pub setup_url: String,
    ready_file: PathBuf,
}

/// How a command ended.
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
    pub raw: Vec<u8>,
}

impl Site {
    pub fn new() -> Self {
        let folder = tempfile::Builder::new().prefix("corral-cli-").tempdir().unwrap();
        std::fs::create_dir(folder.path().join("home")).unwrap();
        Self { folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn data(&self) -> PathBuf {
        self.path("data")
    }

    /// `corral` in an environment in which nothing of the person who runs the tests is left.
    pub fn corral(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_corral"));
        command.args(args).env_clear().env("HOME", self.path("home")).stdin(Stdio::null());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).current_dir(self.folder.path());
        command
    }

    pub fn run(&self, args: &[&str]) -> Ended {
        ended(self.corral(args).output().unwrap())
    }

    /// A client command with a token, as the data folder says.
    pub fn ask(&self, token: &str, args: &[&str]) -> Ended {
        ended(self.corral(args).args(["--data", path(&self.data())]).env("CORRAL_TOKEN", token).output().unwrap())
    }

    pub fn token(&self, role: &str) -> String {
        let made = self.run(&["token", "create", "--data", path(&self.data()), "--name", role, "--role", role]);
        assert_eq!(made.code, 0, "{}", made.err);
        made.out.trim().to_owned()
    }

    pub fn serve(&self, more: &[&str]) -> Host {
        let ready_file = self.path("ready.json");
        let data = self.data();
        let args = ["serve", "--data", path(&data), "--listen", "127.0.0.1:0", "--ready-file", path(&ready_file)];
        let mut child = self.corral(&args).args(more).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let begun = Instant::now();
        let ready: Value = loop {
            if let Some(ready) = std::fs::read(&ready_file).ok().and_then(|text| serde_json::from_slice(&text).ok()) {
                break ready;
            }
            assert!(child.try_wait().unwrap().is_none(), "the host ended before it was ready");
            assert!(begun.elapsed() < START_LIMIT, "the host was not ready in time");
            std::thread::sleep(LOOK_EVERY);
        };
        let text = |key: &str| ready[key].as_str().unwrap().to_owned();
        assert_eq!(ready["pid"], child.id());
        Host { url: text("url"), setup_url: text("setup_url"), child, ready_file }
    }
}

impl Host {
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn ready_file(&self) -> &Path {
        &self.ready_file
    }

    /// Asks it to stop; the exit code.
    pub fn stop(mut self) -> Option<i32> {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(begun.elapsed() < STOP_LIMIT, "the host did not stop in time");
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn ended(output: Output) -> Ended {
    Ended {
        code: output.status.code().expect("it was not ended by a signal"),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
        raw: output.stdout,
    }
}

pub fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}
