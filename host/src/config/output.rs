//! `[output]`: how much of what commands write is kept, and for how long.

use serde::{Deserialize, Serialize};

use corral_engine::Retention;

const MIB: u64 = 1024 * 1024;

/// How much of what commands write is kept; 0 is without a limit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Output {
    /// Days for which output is kept after the day on which its job was made.
    pub keep_days: u32,
    /// MiB on the disk that all output may take; then that of the oldest days goes.
    pub keep_mib: u64,
    /// MiB of text that is stored of one task.
    pub task_mib: u64,
    /// MiB of text that is stored of all tasks of a job.
    pub job_mib: u64,
}

impl Output {
    /// Puts these into the engine's settings.
    pub(super) fn apply(&self, settings: &mut corral_engine::Settings) {
        let bytes = |mib: u64| (mib > 0).then(|| mib.saturating_mul(MIB));
        settings.retention =
            Retention { days: (self.keep_days > 0).then_some(self.keep_days), bytes: bytes(self.keep_mib) };
        settings.output_task_bytes_max = bytes(self.task_mib);
        settings.output_job_bytes_max = bytes(self.job_mib);
    }
}
