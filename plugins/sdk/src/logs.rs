//! Stored output, as far as it was granted. Needs the capability `logs`.

use crate::{OutputStream, Result};

/// A line of stored output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Its number in the task's output.
    pub number: u64,
    /// When the host received it, in milliseconds since the Unix epoch.
    pub at: u64,
    /// Which output it came from.
    pub source: OutputStream,
    /// Its text, as the filters left it.
    pub text: String,
}

/// Lines of what a job wrote on a machine, from number `first` on. Fewer than `count` is normal: an answer has at most 4,096
/// lines and about 1 MiB. None: the output ends before `first`.
///
/// # Errors
///
/// `denied` without the grant for that machine, `unavailable` where lines cannot be read.
pub fn read(job: &str, vm: &str, first: u64, count: u32) -> Result<Vec<LogLine>> {
    #[cfg(target_arch = "wasm32")]
    return crate::bindings::services::read_log(job, vm, first, count);
    #[cfg(not(target_arch = "wasm32"))]
    Ok(crate::testing::log_of(job, vm, first, count))
}
