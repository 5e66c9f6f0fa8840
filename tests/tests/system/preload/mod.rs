//! Faults that the system of a test machine cannot be asked for: a disk that is slow or stands still, a clock that somebody sets.
//! A small library in C does them inside the host; it is compiled when a test begins.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use corral_tests::host::Site;
use tempfile::TempDir;

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/system/preload/faults.c");
/// Where the numbers lie in the file that library and test share.
const CLOCK_MS: u64 = 0;
const SYNC_MS: u64 = 8;
const STILL: u64 = 16;
const CONTROL_BYTES: u64 = 24;

/// What the system does to a host.
#[derive(Debug)]
pub struct Preload {
    control: File,
    _folder: TempDir,
}

impl Preload {
    /// Compiles the library, and gives a site whose host it stands before. Nothing is wrong yet.
    pub fn new() -> Result<(Self, Site)> {
        let folder = tempfile::Builder::new().prefix("corral-preload-").tempdir()?;
        let (library, control) = (folder.path().join("faults.so"), folder.path().join("control"));
        let mut compiler = Command::new("cc");
        compiler.args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"]).arg(&library).arg(SOURCE).arg("-ldl");
        let out = compiler.output().context("no C compiler (`cc`) is installed: apt-get install gcc libc6-dev")?;
        ensure!(out.status.success(), "cc: {}", String::from_utf8_lossy(&out.stderr));
        let file = File::options().create_new(true).read(true).write(true).open(&control)?;
        file.set_len(CONTROL_BYTES)?;
        let site = Site::new()?
            .with_env("LD_PRELOAD", &library.to_string_lossy())
            .with_env("FAULTS_CONTROL", &control.to_string_lossy());
        Ok((Self { control: file, _folder: folder }, site))
    }

    /// Sets the host's clock to so much after the machine's.
    pub fn set_clock(&self, millis: i64) -> Result<()> {
        self.set(CLOCK_MS, millis)
    }

    /// From now on each sync of a file of output takes so much longer.
    pub fn slow_syncs(&self, millis: i64) -> Result<()> {
        self.set(SYNC_MS, millis)
    }

    /// Lets the disk with the files of output stand still, or go on.
    pub fn stand_still(&self, still: bool) -> Result<()> {
        self.set(STILL, still.into())
    }

    fn set(&self, place: u64, value: i64) -> Result<()> {
        self.control.write_all_at(&value.to_ne_bytes(), place).context("writing to the library's control file")
    }
}
