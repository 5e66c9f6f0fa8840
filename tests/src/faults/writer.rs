//! The command of the jobs: writes a [`Workload`], and keeps account on the machine of what it did.
//!
//! In the folder that it is given it leaves `starts` (a line with its pid for each start), `stdout` and `stderr` (what it
//! wrote there, after it was written), and `failed` if a write was refused. Nothing of that passes through the host.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use corral_domain::OutputStream;

use super::workload::{Outputs, Workload};

/// Exit code of a command that could not write.
pub const CANNOT_WRITE: i32 = 124;

/// Does what the workload says; returns the exit code.
pub fn write(workload: Workload, folder: &Path) -> Result<i32> {
    append(&folder.join("starts"))?.write_all(format!("{}\n", std::process::id()).as_bytes())?;
    // Not through std's buffers: one write is one write.
    let mut stdout = File::from(std::io::stdout().as_fd().try_clone_to_owned()?);
    let mut stderr = File::from(std::io::stderr().as_fd().try_clone_to_owned()?);
    let mut account = [append(&folder.join("stdout"))?, append(&folder.join("stderr"))?];
    for write in workload.writes() {
        let (out, account) = match write.stream {
            OutputStream::Stdout => (&mut stdout, &mut account[0]),
            OutputStream::Stderr => (&mut stderr, &mut account[1]),
        };
        if let Err(error) = out.write_all(&write.bytes) {
            append(&folder.join("failed"))?.write_all(format!("{error}\n").as_bytes())?;
            return Ok(CANNOT_WRITE);
        }
        account.write_all(&write.bytes)?;
        std::thread::sleep(Duration::from_micros(write.pause_micros));
    }
    Ok(workload.exit_code())
}

fn append(path: &Path) -> Result<File> {
    File::options().create(true).append(true).open(path).with_context(|| format!("opening {}", path.display()))
}

/// What a command left in its folder.
#[derive(Debug, Clone)]
pub struct Account {
    folder: PathBuf,
}

impl Account {
    /// A folder for the account of one command.
    pub fn new(folder: PathBuf) -> Result<Self> {
        std::fs::create_dir_all(&folder)?;
        Ok(Self { folder })
    }

    /// The command as shell text.
    pub fn script(&self, workload: Workload) -> Result<String> {
        let program = program()?;
        let (seed, millis) = (workload.seed, workload.millis);
        Ok(format!("exec '{}' write {seed} {millis} '{}'", program.display(), self.folder.display()))
    }

    /// How often it was started.
    pub fn starts(&self) -> usize {
        self.pids().len()
    }

    /// Pids with which it was started.
    pub fn pids(&self) -> Vec<u32> {
        let text = std::fs::read_to_string(self.folder.join("starts")).unwrap_or_default();
        text.lines().filter_map(|line| line.parse().ok()).collect()
    }

    /// What it wrote, as far as it got to write it down.
    pub fn outputs(&self) -> Outputs {
        let read = |name: &str| std::fs::read(self.folder.join(name)).unwrap_or_default();
        Outputs { stdout: read("stdout"), stderr: read("stderr") }
    }

    /// Whether a write was refused.
    pub fn failed(&self) -> bool {
        self.folder.join("failed").exists()
    }
}

/// The program that has this command: beside the test, or the running one itself.
fn program() -> Result<PathBuf> {
    const NAME: &str = "corral-soak";
    let this = std::env::current_exe().context("where this program lies")?;
    let places = this.ancestors().skip(1).take(2).map(|folder| folder.join(NAME));
    places
        .into_iter()
        .find(|path| path.is_file())
        .with_context(|| format!("{NAME} is missing beside {}", this.display()))
}
