//! `corral doctor`: what could keep a host from working, each with what to do.

mod host;
mod logs;
mod machine;
mod ssh;

use std::path::PathBuf;

use anyhow::Result;
use serde_json::{Value, json};

use super::exit::Exit;
use super::output::{self, Paint, safe};
use crate::config::{Config, Flags};

/// Look for what could keep a host from working.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The host's data folder.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The configuration file.
    #[arg(long, env = "CORRAL_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// A token, to ask a running host for its plugins.
    #[arg(long, env = "CORRAL_TOKEN", value_name = "TOKEN", hide_env_values = true)]
    token: Option<String>,
    /// Check all stored output instead: every file, log and chunk.
    #[arg(long)]
    logs: bool,
    /// Put right what can be, and mark as damaged what cannot; no host may run meanwhile.
    #[arg(long, requires = "logs")]
    repair: bool,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// The lowest bits of a mode are the rights of group and others; with none of them set, a file is its owner's alone.
const OTHERS_BITS: u32 = 6;

/// How a check came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Ok,
    Warn,
    Fail,
}

/// A check and what it found.
#[derive(Debug, Clone)]
struct Check {
    name: &'static str,
    verdict: Verdict,
    found: String,
    remedy: String,
}

impl Check {
    fn ok(name: &'static str, found: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Ok, found: found.into(), remedy: String::new() }
    }

    fn warn(name: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Warn, found: found.into(), remedy: remedy.into() }
    }

    fn fail(name: &'static str, found: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { name, verdict: Verdict::Fail, found: found.into(), remedy: remedy.into() }
    }

    fn word(&self) -> &'static str {
        match self.verdict {
            Verdict::Ok => "ok",
            Verdict::Warn => "warn",
            Verdict::Fail => "fail",
        }
    }
}

/// Runs all checks. Ends with 1 if one of them failed.
pub async fn run(args: Args) -> Result<Exit> {
    let mut checks = Vec::new();
    let flags = Flags::default().set("storage.data", args.data.as_ref());
    if args.logs {
        let config = Config::load(args.config.as_deref(), &flags)?;
        let path = config.storage.data.map_or_else(crate::datadir::default_path, Ok)?;
        return logs::run(&path, args.repair, args.json).await;
    }
    let config = match Config::load(args.config.as_deref(), &flags) {
        Ok(config) => {
            checks.push(Check::ok("configuration", "can be read"));
            config
        }
        Err(failure) => {
            checks.push(Check::fail("configuration", failure.message, failure.hint.unwrap_or_default()));
            Config::default()
        }
    };
    let path = config.storage.data.clone().map_or_else(crate::datadir::default_path, Ok)?;
    checks.extend(machine::data_folder(&path));
    checks.push(machine::disk(&path));
    checks.push(machine::open_files());
    checks.push(host::database(&path).await);
    checks.extend(host::secrets(&path).await);
    checks.extend(host::host(&path, &config, args.token.as_deref()).await);
    checks.push(ssh::agent());
    checks.push(ssh::known_hosts());
    checks.extend(ssh::private_keys());
    if args.json {
        let object = |check: &Check| json!({ "check": check.name, "status": check.word(), "found": check.found, "remedy": check.remedy });
        output::json(&Value::Array(checks.iter().map(object).collect()))?;
    } else {
        checks.iter().for_each(print);
    }
    let failed = checks.iter().any(|check| check.verdict == Verdict::Fail);
    Ok(if failed { Exit::Failed } else { Exit::Ok })
}

fn print(check: &Check) {
    let paint = Paint::stdout();
    say!("{:<4}  {:<14} {}", paint.status(check.word()), check.name, safe(&check.found));
    if !check.remedy.is_empty() {
        say!("      {:<14} {} {}", "", paint.sgr("1", "to do:"), safe(&check.remedy));
    }
}
