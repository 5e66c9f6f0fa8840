//! The figures as a page shows them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use anyhow::Result;
use corral_tests::bench::page::{cores, machine, megabytes};

use crate::others::Other;
use crate::{AT_ONCE, Sample};

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
