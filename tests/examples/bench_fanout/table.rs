//! The figures as a page shows them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result};

use crate::others::Other;
use crate::{AT_ONCE, Sample};

const BEGIN: &str = "<!-- begin: cargo xtask bench fanout -->";
const END: &str = "<!-- end -->";

/// What a figure is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// How many machines.
    pub n: usize,
    /// Cold or warm, and in which mode.
    pub state: &'static str,
    /// Which tool.
    pub tool: &'static str,
}

/// All samples, and the last error of what failed.
#[derive(Default)]
pub struct Figures {
    samples: BTreeMap<Key, Vec<Sample>>,
    errors: BTreeMap<Key, String>,
}

impl Figures {
    /// Adds a run.
    pub fn add(&mut self, key: Key, sample: Result<Sample>) {
        match sample {
            Ok(sample) => self.samples.entry(key).or_default().push(sample),
            Err(error) => {
                println!("  {} ({}) failed: {error:#}", key.tool, key.state);
                self.errors.insert(key, format!("{error:#}"));
            }
        }
    }
}

/// Everything that is to be said.
pub fn text(
    figures: &Figures,
    sizes: &[usize],
    others: &[Other],
    missing: &[(&'static str, &'static str)],
    idle: Option<(usize, u64)>,
) -> String {
    let mut text = format!("{}\n\n", machine());
    let versions: Vec<String> = others.iter().map(|other| format!("{} {}", other.name, other.version)).collect();
    let _ = writeln!(text, "Beside: {}.", if versions.is_empty() { "nothing".to_owned() } else { versions.join(", ") });
    for (tool, install) in missing {
        let _ = writeln!(text, "Not installed: {tool} ({install}).");
    }
    for n in sizes {
        let _ = writeln!(text, "\n### {n} machines, {AT_ONCE} at once\n");
        text.push_str("| | tool | seconds, median (min–max) | client CPU, ms a machine | sshd CPU, ms a machine | of sshd's floor | client memory |\n");
        text.push_str("|---|---|---|---|---|---|---|\n");
        for (key, samples) in figures.samples.iter().filter(|(key, _)| key.n == *n) {
            text.push_str(&row(key, samples));
        }
        for (key, error) in figures.errors.iter().filter(|(key, _)| key.n == *n) {
            let error: String = error.replace(['|', '\n'], " ").chars().take(160).collect();
            let _ = writeln!(text, "| {} | {} | failed: {error} | | | | |", key.state, key.tool);
        }
    }
    if let Some((n, bytes)) = idle {
        let _ = writeln!(text, "\nThe host's memory with {n} idle connections: {}.", megabytes(bytes));
    }
    text
}

fn row(key: &Key, samples: &[Sample]) -> String {
    let of = |figure: fn(&Sample) -> f64| {
        let mut values: Vec<f64> = samples.iter().map(figure).collect();
        values.sort_by(f64::total_cmp);
        values
    };
    let middle = |values: &[f64]| values[values.len() / 2];
    let (wall, client, sshd) = (of(|s| s.wall), of(|s| s.client_cpu), of(|s| s.sshd_cpu));
    let per_machine = |values: &[f64]| middle(values) * 1e3 / key.n as f64;
    let memory = samples.iter().map(|sample| sample.memory).max().unwrap_or_default();
    format!(
        "| {} | {} | {:.2} ({:.2}–{:.2}) | {:.2} | {:.2} | {:.2} × | {} |\n",
        key.state,
        key.tool,
        middle(&wall),
        wall[0],
        wall[wall.len() - 1],
        per_machine(&client),
        per_machine(&sshd),
        middle(&wall) / (middle(&sshd) / cores()),
        megabytes(memory)
    )
}

fn megabytes(bytes: u64) -> String {
    format!("{:.0} MB", bytes as f64 / 1e6)
}

fn cores() -> f64 {
    std::thread::available_parallelism().map_or(1.0, |n| n.get() as f64)
}

/// What it was measured on.
fn machine() -> String {
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
        corral_tests::host::binary().map_or_else(|error| error.to_string(), |path| path.display().to_string()),
        std::env::var("SHELL").unwrap_or_else(|_| "not known".to_owned())
    )
}

/// Puts the text into `docs/benchmarks.md`.
pub fn write_down(text: &str) -> Result<()> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/benchmarks.md");
    let page = std::fs::read_to_string(&path)?;
    let (before, rest) = page.split_once(BEGIN).context("docs/benchmarks.md has no place for the table")?;
    let (_, after) = rest.split_once(END).context("the place for the table has no end")?;
    std::fs::write(path, format!("{before}{BEGIN}\n\n{text}\n{END}{after}"))?;
    Ok(())
}
