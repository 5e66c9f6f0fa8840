//! What a storm came to.

use std::collections::BTreeMap;
use std::fmt;

/// Counts, and what went wrong.
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// How often each kind of fault hit something.
    pub faults: BTreeMap<&'static str, u64>,
    /// Of those, the ones that ended a connection or a process.
    pub kills: u64,
    /// Jobs that were compared.
    pub jobs: u64,
    /// Of those, the ones that the host did not get to start, and said so.
    pub not_started: u64,
    /// Of those, the ones that were cancelled.
    pub cancelled: u64,
    /// Bytes that were compared.
    pub bytes: u64,
    /// What was not as it must be.
    pub discrepancies: Vec<String>,
}

impl Summary {
    /// In one line, while it goes on.
    pub fn line(&self) -> String {
        let Self { kills, jobs, bytes, .. } = self;
        let mib = *bytes as f64 / f64::from(1 << 20);
        format!("{kills} kills, {jobs} jobs, {mib:.1} MiB compared, {} discrepancies", self.discrepancies.len())
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, count) in &self.faults {
            writeln!(f, "{count:>7}  {name}")?;
        }
        writeln!(f, "{:>7}  jobs, {} not started, {} cancelled", self.jobs, self.not_started, self.cancelled)?;
        writeln!(f, "{}", self.line())?;
        for text in &self.discrepancies {
            writeln!(f, "\n{text}")?;
        }
        Ok(())
    }
}
