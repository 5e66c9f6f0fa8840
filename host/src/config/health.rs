//! `[health]`: how machines are looked at unasked.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Limits;
use crate::cli::exit::{Exit, Failure};

/// How machines are looked at unasked.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Health {
    /// Seconds between two looks at a VM, a quarter more at most so that they are spread; 0: never look unasked.
    pub interval_seconds: Option<u64>,
    /// VMs looked at at once.
    pub parallelism: Option<usize>,
}

const INTERVAL_SECONDS_MAX: u64 = 86_400;
const PARALLELISM_MAX: usize = 1_000;

impl Health {
    /// The engine's settings with these in place. `limits.health_interval_seconds` is an older name of the interval.
    pub fn apply(&self, limits: &Limits, settings: &mut corral_engine::Settings) {
        if let Some(seconds) = self.interval_seconds.or(limits.health_interval_seconds) {
            settings.health_interval = (seconds > 0).then(|| Duration::from_secs(seconds));
        }
        if let Some(parallelism) = self.parallelism {
            settings.health_parallelism = parallelism;
        }
    }

    pub(super) fn check(&self) -> Result<(), Failure> {
        let fail = |what: String| Err(Failure::new(Exit::Usage, what));
        match (self.interval_seconds, self.parallelism) {
            (Some(seconds), _) if seconds > INTERVAL_SECONDS_MAX => {
                fail(format!("health.interval_seconds is {seconds}; it is at most {INTERVAL_SECONDS_MAX}"))
            }
            (_, Some(n)) if n == 0 || n > PARALLELISM_MAX => {
                fail(format!("health.parallelism is {n}; it is between 1 and {PARALLELISM_MAX}"))
            }
            _ => Ok(()),
        }
    }
}
