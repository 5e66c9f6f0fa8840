//! Runs a script of `tests/e2e` in Node, which drives Chromium, and does for it what only the test can do.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// A script in Node; killed when it is dropped.
#[derive(Debug)]
pub struct Script {
    child: Child,
}

impl Script {
    /// Starts a script with what it must know in `CORRAL_E2E`.
    pub fn start(name: &str, told: &Value) -> Result<Self> {
        let folder = folder();
        if !folder.join("node_modules/playwright-core").is_dir() {
            bail!("the packages of tests/e2e are not installed; type: cargo xtask test e2e-install");
        }
        let mut command = Command::new("node");
        command.arg(name).current_dir(&folder).env("CORRAL_E2E", told.to_string());
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("starting node")?;
        Ok(Self { child })
    }

    /// Answers what the script asks until it ends; it must end well.
    pub fn serve(mut self, mut answer: impl FnMut(&Value) -> Result<Value>) -> Result<()> {
        let mut to = self.child.stdin.take().context("stdin")?;
        let from = self.child.stdout.take().context("stdout")?;
        for line in BufReader::new(from).lines() {
            let line = line?;
            let asked: Value = serde_json::from_str(&line).with_context(|| format!("the script wrote `{line}`"))?;
            writeln!(to, "{}", answer(&asked)?)?;
        }
        drop(to);
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { bail!("the script ended with {status}; what it said is above") }
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Where the scripts lie.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("e2e")
}
