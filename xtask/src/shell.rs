//! Starts programs in the project's root and says what they do.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::tally::Tally;

/// What a step answers: nothing, or what happened and what to do.
pub type Result<T = ()> = std::result::Result<T, String>;

/// The project's root.
pub fn root() -> PathBuf {
    let xtask = Path::new(env!("CARGO_MANIFEST_DIR"));
    xtask.parent().unwrap_or(xtask).to_path_buf()
}

/// Where cargo builds.
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

/// The built host. `release` chooses the profile.
pub fn binary(release: bool) -> PathBuf {
    target().join(if release { "release" } else { "debug" }).join("corral")
}

/// A program to be started in the project's root.
pub fn program(name: impl AsRef<OsStr>, args: &[&str]) -> Command {
    let mut command = Command::new(name);
    command.args(args).current_dir(root());
    command
}

/// cargo, the one that started us.
pub fn cargo(args: &[&str]) -> Command {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = program(cargo, args);
    // Set by the cargo that runs xtask, for xtask; the next one must not take it for its own.
    command.env_remove("CARGO_MANIFEST_DIR").env_remove("CARGO_PKG_NAME");
    command
}

/// npm in the folder of the dashboard or of the browser tests.
pub fn npm(folder: &str, args: &[&str]) -> Command {
    let mut command = program("npm", args);
    command.current_dir(root().join(folder)).env("npm_config_fund", "false").env("npm_config_audit", "false");
    command.env("npm_config_update_notifier", "false");
    command
}

/// Does a named piece of work, says that it began and how long it took.
pub fn timed<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    println!("▸ {what}");
    let begun = Instant::now();
    let done = work();
    let took = seconds(begun.elapsed());
    match &done {
        Ok(_) => println!("✓ {what} ({took})"),
        Err(_) => println!("✗ {what} ({took})"),
    }
    done
}

/// Says that a piece of work was done before.
pub fn already(what: &str) {
    println!("✓ {what} (nothing changed)");
}

/// A duration for people.
pub fn seconds(duration: Duration) -> String {
    let whole = duration.as_secs();
    if whole >= 60 {
        format!("{} min {:02} s", whole / 60, whole % 60)
    } else {
        format!("{:.1} s", duration.as_secs_f64())
    }
}

/// Runs a program, its output going where ours goes.
pub fn run(command: &mut Command) -> Result {
    let status = command.status().map_err(|error| cannot_start(command, &error))?;
    if status.success() { Ok(()) } else { Err(format!("`{}` ended with {status}", shown(command))) }
}

/// Runs a program that tests: its output is shown as it comes and its results are counted.
pub fn run_counted(command: &mut Command, tally: &mut Tally) -> Result {
    let mut child = command.stdout(Stdio::piped()).spawn().map_err(|error| cannot_start(command, &error))?;
    let output = child.stdout.take().ok_or("the program has no output")?;
    let mut lines = BufReader::new(output);
    let mut line = Vec::new();
    let mut screen = std::io::stdout().lock();
    while lines.read_until(b'\n', &mut line).map_err(|error| error.to_string())? > 0 {
        // A closed terminal is no reason to stop the tests.
        let _ = screen.write_all(&line);
        tally.read(&String::from_utf8_lossy(&line));
        line.clear();
    }
    drop(screen);
    let status = child.wait().map_err(|error| error.to_string())?;
    if status.success() { Ok(()) } else { Err(format!("`{}` ended with {status}", shown(command))) }
}

/// Runs a program and returns what it wrote to standard output.
pub fn output_of(command: &mut Command) -> Result<Vec<u8>> {
    let mut child =
        command.stdout(Stdio::piped()).stdin(Stdio::null()).spawn().map_err(|error| cannot_start(command, &error))?;
    let mut bytes = Vec::new();
    if let Some(mut output) = child.stdout.take() {
        output.read_to_end(&mut bytes).map_err(|error| error.to_string())?;
    }
    let status = child.wait().map_err(|error| error.to_string())?;
    if status.success() { Ok(bytes) } else { Err(format!("`{}` ended with {status}", shown(command))) }
}

fn cannot_start(command: &Command, error: &std::io::Error) -> String {
    format!("cannot start `{}`: {error}", shown(command))
}

fn shown(command: &Command) -> String {
    let words: Vec<_> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    words.join(" ")
}
