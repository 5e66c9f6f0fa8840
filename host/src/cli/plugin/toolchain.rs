//! The tools that make components: which are there, what to do about those that are not, and running them.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tokio::process::Command;

use crate::cli::exit::{Exit, Failure};

const TARGET: &str = "wasm32-wasip2";
/// Where the build scripts of JavaScript and Python projects put the component.
const COMPONENT: &str = "build/plugin.wasm";

/// Builds a Rust project.
pub async fn rust(dir: &Path) -> Result<PathBuf, Failure> {
    const RUST: &str = "install Rust from https://rustup.rs";
    let libraries = output(dir, "rustc", &["--print", "target-libdir", "--target", TARGET], RUST).await?;
    if !Path::new(libraries.trim()).is_dir() {
        return Err(Failure::new(Exit::Failed, format!("Rust's target {TARGET} is not installed"))
            .hint(format!("rustup target add {TARGET}")));
    }
    let args = ["build", "--release", "--target", TARGET, "--message-format", "json-render-diagnostics"];
    let messages = output(dir, "cargo", &args, RUST).await?;
    let own = dir.join("Cargo.toml").canonicalize().unwrap_or_default();
    let artifact = |line: &str| {
        let message: Value = serde_json::from_str(line).ok()?;
        let from = message.get("manifest_path")?.as_str()?;
        let mut files = message.get("filenames")?.as_array()?.iter().filter_map(Value::as_str).map(PathBuf::from);
        let component = files.find(|file| file.extension().is_some_and(|extension| extension == "wasm"));
        component.filter(|_| Path::new(from) == own)
    };
    messages.lines().filter_map(artifact).next_back().ok_or_else(|| {
        Failure::new(Exit::Failed, "cargo built no component")
            .hint("in Cargo.toml: [lib] crate-type = [\"cdylib\", \"rlib\"]")
    })
}

/// Builds a JavaScript project.
pub async fn js(dir: &Path) -> Result<PathBuf, Failure> {
    const NODE: &str = "install Node 20 or later, with npm: https://nodejs.org";
    if !dir.join("node_modules/@bytecodealliance/componentize-js").exists() {
        let args = ["install", "--no-audit", "--no-fund"];
        run(dir, "npm", &args, NODE).await.map_err(registry("npm install"))?;
    }
    run(dir, "node", &["build.mjs"], NODE).await?;
    component(dir, "build.mjs")
}

/// Builds a Python project, with a virtual environment of its own.
pub async fn python(dir: &Path) -> Result<PathBuf, Failure> {
    const PYTHON: &str = "install Python 3.10 or later with its module venv: https://www.python.org";
    if !dir.join(".venv/bin/componentize-py").exists() {
        let made = run(dir, "python3", &["-m", "venv", ".venv"], PYTHON).await;
        made.map_err(|failure| match failure.hint {
            Some(_) => failure,
            None => failure.hint("on Debian the module venv is a package of its own: apt-get install python3-venv"),
        })?;
        let args = ["install", "--quiet", "--disable-pip-version-check", "-r", "requirements.txt"];
        run(dir, ".venv/bin/pip", &args, PYTHON).await.map_err(registry("pip install -r requirements.txt"))?;
    }
    run(dir, ".venv/bin/python", &["build.py"], PYTHON).await?;
    component(dir, "build.py")
}

fn component(dir: &Path, script: &str) -> Result<PathBuf, Failure> {
    let path = dir.join(COMPONENT);
    if path.is_file() {
        return Ok(path);
    }
    Err(Failure::new(Exit::Failed, format!("{script} went well, but there is no {COMPONENT}"))
        .hint(format!("let it write the component to {COMPONENT}")))
}

/// A failed installation, with where the fault is likely to be.
fn registry(what: &'static str) -> impl Fn(Failure) -> Failure {
    move |failure| match failure.hint {
        Some(_) => failure,
        None => Failure::new(failure.exit, format!("`{what}` failed: the tools that build the plugin are not there"))
            .hint("what it printed says why; it needs its package registry, once"),
    }
}

/// Runs a tool. What it prints goes to standard error: standard output is for what was asked for.
async fn run(dir: &Path, program: &str, args: &[&str], remedy: &str) -> Result<(), Failure> {
    eprintln!("$ {program} {}", args.join(" "));
    let mut command = command(dir, program, args);
    let status = command.stdout(std::io::stderr()).status().await.map_err(missing(program, remedy))?;
    ended(program, args, status)
}

/// Runs a tool and reads what it says.
async fn output(dir: &Path, program: &str, args: &[&str], remedy: &str) -> Result<String, Failure> {
    let mut command = command(dir, program, args);
    let out = command.stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn();
    let out = out.map_err(missing(program, remedy))?.wait_with_output().await.map_err(missing(program, remedy))?;
    ended(program, args, out.status)?;
    Ok(String::from_utf8_lossy(&out.stdout).into_owned())
}

fn command(dir: &Path, program: &str, args: &[&str]) -> Command {
    // A program in the project is named from there, whatever folder this process is in.
    let inside = program.contains('/').then(|| std::path::absolute(dir.join(program)).ok()).flatten();
    let mut command = Command::new(inside.unwrap_or_else(|| PathBuf::from(program)));
    command.args(args).current_dir(dir).stdin(Stdio::null()).kill_on_drop(true);
    command
}

fn missing(program: &str, remedy: &str) -> impl Fn(std::io::Error) -> Failure {
    move |error| {
        let why = if error.kind() == std::io::ErrorKind::NotFound {
            format!("`{program}` is not installed")
        } else {
            format!("`{program}` cannot be started: {error}")
        };
        Failure::new(Exit::Failed, why).hint(remedy)
    }
}

fn ended(program: &str, args: &[&str], status: std::process::ExitStatus) -> Result<(), Failure> {
    if status.success() {
        return Ok(());
    }
    let line = args.first().map(|first| format!("{program} {first}")).unwrap_or_default();
    Err(Failure::new(Exit::Failed, format!("`{line}` ended with {status}")))
}
