//! Tools that come from package registries, fetched once and kept below `target`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, bail, ensure};
use corral_tests::host::binary;

/// One test fetches at a time.
static FETCHING: Mutex<()> = Mutex::new(());

/// The folder of a language's tools.
pub fn folder(lang: &str) -> Result<PathBuf> {
    // target/debug/corral  →  target/plugin-toolchains
    let binary = binary()?.canonicalize()?;
    let target = binary.ancestors().nth(2).context("the binary lies in no target folder")?;
    let path = target.join("plugin-toolchains").join(lang);
    fs::create_dir_all(&path)?;
    Ok(path)
}

/// The home of the person who runs the tests.
pub fn real_home() -> Result<PathBuf> {
    std::env::var_os("HOME").map(PathBuf::from).context("HOME is not set")
}

/// What npm installs for a project's `package.json`, put into it. None, said aloud, where there is no registry.
pub fn javascript(project: &Path) -> Result<Option<()>> {
    let tools = folder("js")?;
    let fetch = || run(&tools, "npm", &["install", "--no-audit", "--no-fund", "--loglevel", "error"]);
    kept(project, &tools, "package.json", "node_modules", fetch)
}

/// What pip installs for a project's `requirements.txt`, put into it.
pub fn python(project: &Path) -> Result<Option<()>> {
    let tools = folder("python")?;
    let fetch = || {
        run(&tools, "python3", &["-m", "venv", ".venv"])?;
        run(&tools, ".venv/bin/pip", &["install", "--quiet", "--disable-pip-version-check", "-r", "requirements.txt"])
    };
    kept(project, &tools, "requirements.txt", ".venv", fetch)
}

/// Fetches what a list names if it is not what was fetched last, and links it into the project.
fn kept(
    project: &Path,
    tools: &Path,
    list: &str,
    place: &str,
    fetch: impl FnOnce() -> Result<()>,
) -> Result<Option<()>> {
    let _one = FETCHING.lock().unwrap_or_else(PoisonError::into_inner);
    // Names of projects differ; what they need does not.
    let wanted: String =
        fs::read_to_string(project.join(list))?.lines().filter(|line| !line.contains("\"name\"")).collect();
    let stamp = tools.join("fetched");
    if fs::read_to_string(&stamp).is_ok_and(|fetched| fetched == wanted) {
        std::os::unix::fs::symlink(tools.join(place), project.join(place))?;
        return Ok(Some(()));
    }
    fs::copy(project.join(list), tools.join(list))?;
    if let Err(error) = fetch() {
        let text = format!("what builds this plugin cannot be fetched: {error:#}");
        if std::env::var_os("CI").is_some() {
            bail!("{text}");
        }
        println!("NOT RUN: {text}");
        return Ok(None);
    }
    fs::write(&stamp, wanted)?;
    std::os::unix::fs::symlink(tools.join(place), project.join(place))?;
    Ok(Some(()))
}

fn run(dir: &Path, program: &str, args: &[&str]) -> Result<()> {
    let path = if program.contains('/') { dir.join(program) } else { PathBuf::from(program) };
    let out = Command::new(path).args(args).current_dir(dir).output().with_context(|| format!("starting {program}"))?;
    ensure!(
        out.status.success(),
        "{program} {} ended with {}: {}",
        args.join(" "),
        out.status,
        String::from_utf8_lossy(&out.stderr)
    );
    Ok(())
}
