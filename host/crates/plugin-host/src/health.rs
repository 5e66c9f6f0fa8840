//! When a plugin that failed may be tried again: a wait that grows, a budget of restarts, then quarantine. Pure.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::config::Timing;

/// The record of one generation's failures.
#[derive(Debug, Default)]
pub struct Health {
    failures: VecDeque<Instant>,
    retry_at: Option<Instant>,
    quarantined: bool,
    failing: bool,
}

/// Whether a plugin may be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permit {
    /// Yes.
    Now,
    /// Not before.
    At(Instant),
    /// Not until it is changed or reloaded.
    Never,
}

impl Health {
    /// It failed. Answers whether that was once too often.
    pub fn failed(&mut self, now: Instant, timing: &Timing) -> bool {
        while self.failures.front().is_some_and(|first| now.duration_since(*first) >= timing.budget_window) {
            self.failures.pop_front();
        }
        let earlier = u32::try_from(self.failures.len()).unwrap_or(u32::MAX);
        self.failures.push_back(now);
        self.failing = true;
        self.quarantined |= self.failures.len() > timing.budget;
        self.retry_at = Some(now + wait(timing.backoff, earlier));
        self.quarantined
    }

    /// It gave an answer. Answers whether it was failing before.
    pub fn succeeded(&mut self) -> bool {
        std::mem::take(&mut self.failing) && !self.quarantined
    }

    /// Whether it may be called at this time.
    pub fn permit(&self, now: Instant) -> Permit {
        match self.retry_at {
            _ if self.quarantined => Permit::Never,
            Some(at) if self.failing && at > now => Permit::At(at),
            _ => Permit::Now,
        }
    }
}

fn wait(first: Duration, earlier: u32) -> Duration {
    first.saturating_mul(4_u32.saturating_pow(earlier.min(8)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_the_failure_after_the_budget_is_quarantine() {
        let (mut health, timing, start) = (Health::default(), Timing::default(), Instant::now());
        assert_eq!(health.permit(start), Permit::Now);
        for (index, millis) in [100, 400, 1600].into_iter().enumerate() {
            let now = start + Duration::from_secs(index as u64);
            assert!(!health.failed(now, &timing));
            assert_eq!(health.permit(now), Permit::At(now + Duration::from_millis(millis)));
        }
        assert!(health.failed(start + Duration::from_secs(9), &timing));
        assert_eq!(health.permit(start + Duration::from_secs(999)), Permit::Never);
    }

    #[test]
    fn failures_that_are_long_ago_do_not_count() {
        let (mut health, timing, start) = (Health::default(), Timing::default(), Instant::now());
        for minute in 0..10 {
            assert!(!health.failed(start + Duration::from_secs(61 * minute), &timing));
            assert!(health.succeeded());
            assert!(!health.succeeded());
        }
    }
}
