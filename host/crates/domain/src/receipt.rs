//! What is known of a cancelled command's processes.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// Pids of survivors that are kept; how many there were is always told.
pub const SURVIVORS_MAX: usize = 64;

/// The receipt of a cancellation: what was found on the machine, and what is left of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// When the machine answered.
    pub at: Timestamp,
    /// Processes that were found and told to end.
    pub signalled: u32,
    /// Of those, how many outlived the grace and were killed.
    pub killed: u32,
    /// Of those, how many are confirmed to be gone.
    pub gone: u32,
    /// Those that are still there, at most [`SURVIVORS_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub survivors: Vec<u32>,
    /// What could not be found out, and why; empty if everything is known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub unknown: String,
}

impl Receipt {
    /// A receipt for a command of which nothing was started.
    pub fn nothing_started(at: Timestamp) -> Self {
        Self { at, signalled: 0, killed: 0, gone: 0, survivors: Vec::new(), unknown: String::new() }
    }

    /// Whether it is certain that nothing of the command runs any more.
    pub fn is_clean(&self) -> bool {
        self.survivors.is_empty() && self.unknown.is_empty()
    }

    /// What a person is told.
    pub fn message(&self) -> String {
        if !self.unknown.is_empty() {
            return format!("whether its processes ended is not known: {}", self.unknown);
        }
        if self.signalled == 0 {
            return "no process of it was left".to_owned();
        }
        let processes = |n: u32| if n == 1 { "1 process".to_owned() } else { format!("{n} processes") };
        let left = u32::try_from(self.survivors.len()).unwrap_or(u32::MAX);
        let mut parts = Vec::new();
        let by_term = self.signalled.saturating_sub(self.killed);
        let by_kill = self.killed.saturating_sub(left);
        if by_term > 0 {
            parts.push(format!("{} ended by TERM", processes(by_term)));
        }
        if by_kill > 0 {
            parts.push(format!("{} ended by KILL", processes(by_kill)));
        }
        if left > 0 {
            let pids: Vec<_> = self.survivors.iter().map(u32::to_string).collect();
            let verb = if left == 1 { "runs" } else { "run" };
            parts.push(format!("{} still {verb}: pid {}", processes(left), pids.join(", ")));
        }
        parts.join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_says_what_is_known() {
        let receipt = |signalled, killed, survivors: &[u32]| Receipt {
            signalled,
            killed,
            gone: signalled - u32::try_from(survivors.len()).unwrap(),
            survivors: survivors.to_vec(),
            ..Receipt::nothing_started(Timestamp::default())
        };
        assert_eq!(receipt(0, 0, &[]).message(), "no process of it was left");
        assert_eq!(receipt(3, 0, &[]).message(), "3 processes ended by TERM");
        assert_eq!(receipt(3, 1, &[]).message(), "2 processes ended by TERM, 1 process ended by KILL");
        assert_eq!(receipt(1, 1, &[77]).message(), "1 process still runs: pid 77");
    }
}
