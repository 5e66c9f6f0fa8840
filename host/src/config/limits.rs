//! `[limits]`: how much the host does at once. Everything else that is bounded has a constant.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cli::exit::{Exit, Failure};

/// How much the host does at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Tasks of all jobs at once.
    pub tasks: usize,
    /// Tasks of one job at once, unless the job says otherwise.
    pub parallelism: u32,
    /// An older name of `health.interval_seconds`, which wins where both are given.
    pub health_interval_seconds: Option<u64>,
    /// Seconds for which a command that runs on its machine is looked for after the connection broke; then its end is unknown until
    /// somebody looks again.
    pub reattach_seconds: u64,
    /// Seconds that a soft stop waits for running tasks of mode `direct`.
    pub stop_grace_seconds: u64,
}

const TASKS_MAX: usize = 10_000;
const GRACE_SECONDS_MAX: u64 = 3_600;
const REATTACH_SECONDS_MAX: u64 = 30 * 24 * 3_600;

impl Default for Limits {
    fn default() -> Self {
        let engine = corral_engine::Settings::default();
        Self {
            tasks: engine.tasks_max,
            parallelism: engine.parallelism_default,
            health_interval_seconds: None,
            reattach_seconds: engine.reattach_for.as_secs(),
            stop_grace_seconds: engine.stop_grace.as_secs(),
        }
    }
}

impl Limits {
    /// The engine's settings with these in place.
    pub fn to_engine(&self) -> corral_engine::Settings {
        corral_engine::Settings {
            tasks_max: self.tasks,
            parallelism_default: self.parallelism,
            reattach_for: Duration::from_secs(self.reattach_seconds),
            stop_grace: Duration::from_secs(self.stop_grace_seconds),
            ..corral_engine::Settings::default()
        }
    }

    pub(super) fn check(&self) -> Result<(), Failure> {
        let fail = |what: String| Err(Failure::new(Exit::Usage, what));
        if self.tasks == 0 || self.tasks > TASKS_MAX {
            return fail(format!("limits.tasks is {}; it is between 1 and {TASKS_MAX}", self.tasks));
        }
        if self.parallelism == 0 || self.parallelism as usize > TASKS_MAX {
            return fail(format!("limits.parallelism is {}; it is between 1 and {TASKS_MAX}", self.parallelism));
        }
        if self.reattach_seconds > REATTACH_SECONDS_MAX {
            return fail(format!(
                "limits.reattach_seconds is {}; it is at most {REATTACH_SECONDS_MAX}",
                self.reattach_seconds
            ));
        }
        if self.stop_grace_seconds > GRACE_SECONDS_MAX {
            return fail(format!(
                "limits.stop_grace_seconds is {}; it is at most {GRACE_SECONDS_MAX}",
                self.stop_grace_seconds
            ));
        }
        Ok(())
    }
}
