//! Figures as a page shows them.

use std::fmt::Write as _;

use crate::bench::page;
use anyhow::Result;

/// A figure, and what it is to be.
pub struct Row {
    what: String,
    measured: String,
    to_reach: String,
    reached: bool,
}

impl Row {
    /// One that is to be reached.
    pub fn new(
        what: impl Into<String>,
        measured: impl Into<String>,
        to_reach: impl Into<String>,
        reached: bool,
    ) -> Self {
        Self { what: what.into(), measured: measured.into(), to_reach: to_reach.into(), reached }
    }
}

/// What one part measured.
pub struct Section {
    /// The part, as it is named on the command line.
    pub part: &'static str,
    /// What it was measured with.
    pub about: String,
    /// What is to be reached.
    pub rows: Vec<Row>,
    /// All figures.
    pub details: String,
}

impl Section {
    /// What was not reached.
    pub fn missed(&self) -> impl Iterator<Item = &str> {
        self.rows.iter().filter(|row| !row.reached).map(|row| row.what.as_str())
    }

    /// Prints it and, if wanted, puts it into the page, where the command left a place for this part.
    pub fn show(&self, command: &str, seed: u64, write: bool) -> Result<()> {
        let mut text = format!("{} Seed {seed}.\n\n{}\n", page::machine(), self.about);
        text.push_str("\n| | measured | to reach | |\n|---|---|---|---|\n");
        for Row { what, measured, to_reach, reached } in &self.rows {
            let mark = if *reached { "✓" } else { "✗" };
            let _ = writeln!(text, "| {what} | {measured} | {to_reach} | {mark} |");
        }
        if !self.details.is_empty() {
            let _ = write!(text, "\n{}", self.details);
        }
        println!("\n{text}");
        if write { page::write_down(&format!("{command} {}", self.part), &text) } else { Ok(()) }
    }
}

/// Values in order.
pub struct Spread(Vec<f64>);

impl Spread {
    /// Of at least one value.
    pub fn new(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        Self(values)
    }

    /// The value below which so many percent lie; 0 of none.
    pub fn percent(&self, percent: f64) -> f64 {
        let at = (self.0.len() as f64 * percent / 100.0) as usize;
        self.0.get(at.min(self.0.len().saturating_sub(1))).copied().unwrap_or_default()
    }

    /// The middle one.
    pub fn median(&self) -> f64 {
        self.percent(50.0)
    }

    /// `median (least–most)`.
    pub fn text(&self) -> String {
        format!("{:.2} ({:.2}–{:.2})", self.median(), self.percent(0.0), self.percent(100.0))
    }

    /// `p50, p99` of times in seconds.
    pub fn millis(&self) -> String {
        format!("{:.1} ms p50, {:.1} ms p99 of {}", self.median() * 1e3, self.percent(99.0) * 1e3, self.0.len())
    }
}
