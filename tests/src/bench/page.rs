//! The page that figures are written into, and what it says of the machine.

use std::path::Path;

use anyhow::{Context, Result};

const END: &str = "<!-- end -->";

/// Puts a text into `docs/benchmarks.md`, between the marks of the command that measured it.
pub fn write_down(command: &str, text: &str) -> Result<()> {
    let begin = format!("<!-- begin: {command} -->");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/benchmarks.md");
    let page = std::fs::read_to_string(&path)?;
    let missing = || format!("docs/benchmarks.md has no {begin}");
    let (before, rest) = page.split_once(begin.as_str()).with_context(missing)?;
    let (_, after) = rest.split_once(END).context("the place for the table has no end")?;
    std::fs::write(path, format!("{before}{begin}\n\n{text}\n{END}{after}"))?;
    Ok(())
}

/// What it was measured on.
pub fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let said = |program: &str, args: &[&str]| {
        let output = std::process::Command::new(program).args(args).output().ok();
        let text = output.map(|out| [out.stdout, out.stderr].concat()).unwrap_or_default();
        String::from_utf8_lossy(&text).lines().next().unwrap_or_default().to_owned()
    };
    let build = if cfg!(debug_assertions) { "a development build" } else { "a release build" };
    format!(
        "{} cores ({}), {}, {}. Measured by {build} of the harness; the binary: {}. The account's shell: {}.",
        cores(),
        model.map_or("unknown", |(_, name)| name),
        said("uname", &["-srm"]),
        said("ssh", &["-V"]),
        crate::host::binary().map_or_else(|error| error.to_string(), |path| path.display().to_string()),
        std::env::var("SHELL").unwrap_or_else(|_| "not known".to_owned())
    )
}

/// Processor cores of this machine.
pub fn cores() -> f64 {
    std::thread::available_parallelism().map_or(1.0, |n| n.get() as f64)
}

/// Bytes as a table shows them.
pub fn megabytes(bytes: u64) -> String {
    format!("{:.0} MB", bytes as f64 / 1e6)
}
