//! Leaves a machine alone that did not let us in, for a while that grows: sshd locks out whoever knocks too often
//! (`PerSourcePenalties`), and a name server or a firewall is not helped by more of it either.
//!
//! Policy only: the time and the jitter are given.

use std::time::Duration;

use corral_domain::Timestamp;
use corral_engine::ports::Failure;

/// When a machine is left alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerConfig {
    /// Failures in a row after which it is. A refused login counts as two.
    pub failures: u32,
    /// The first pause; it doubles with each further failure.
    pub pause: Duration,
    /// The longest pause.
    pub pause_max: Duration,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self { failures: 4, pause: Duration::from_secs(2), pause_max: Duration::from_secs(300) }
    }
}

/// A machine that does not answer at all punishes nobody, and comes back at some moment: its pauses grow only to this part
/// of the longest.
const SILENT_PART: u32 = 10;
/// A refused login begins with a pause this many times as long: sshd adds five seconds of penalty for each.
const REFUSED_TIMES: u32 = 5;
/// The largest random part of a pause, in percent of it.
const JITTER_PERCENT: u32 = 25;

/// What is remembered of a machine that failed. A success forgets it.
#[derive(Debug, Clone)]
pub(crate) struct Breaker {
    weight: u32,
    failures: u32,
    pauses: u32,
    until: Option<Timestamp>,
    last: Failure,
}

impl Breaker {
    /// After the first failure.
    pub(crate) fn new(failure: &Failure, now: Timestamp, jitter: u8, config: &BreakerConfig) -> Self {
        let mut breaker = Self { weight: 0, failures: 0, pauses: 0, until: None, last: failure.clone() };
        breaker.failed(failure, now, jitter, config);
        breaker
    }

    /// It failed once more.
    pub(crate) fn failed(&mut self, failure: &Failure, now: Timestamp, jitter: u8, config: &BreakerConfig) {
        let refused = is_refusal(failure);
        self.last = failure.clone();
        self.failures = self.failures.saturating_add(1);
        self.weight = self.weight.saturating_add(if refused { 2 } else { 1 });
        if self.weight < config.failures {
            return;
        }
        let first = if refused { config.pause * REFUSED_TIMES } else { config.pause };
        let longest = if refused { config.pause_max } else { config.pause_max / SILENT_PART };
        let doubled = first.saturating_mul(1_u32.checked_shl(self.pauses).unwrap_or(u32::MAX));
        let pause = doubled.min(longest.max(config.pause));
        self.pauses = self.pauses.saturating_add(1);
        let random = pause * JITTER_PERCENT * u32::from(jitter) / (100 * 255);
        let millis = i64::try_from((pause + random).as_millis()).unwrap_or(i64::MAX);
        self.until = Some(Timestamp::from_millis(now.as_millis().saturating_add(millis)));
    }

    /// Why it is not tried now; `None` if it may be.
    pub(crate) fn refuses(&self, now: Timestamp) -> Option<Failure> {
        let until = self.until.filter(|until| *until > now)?;
        let time = until.to_string();
        let clock = time.get(11..19).unwrap_or(&time);
        Some(Failure {
            message: format!(
                "{} (failed {} times in a row; the next try is after {clock} UTC)",
                self.last.message, self.failures
            ),
            remedy: format!("{}; a test of the machine tries at once", self.last.remedy),
            ..self.last.clone()
        })
    }
}

/// Whether a server was there and did not let us in, of which it keeps account.
fn is_refusal(failure: &Failure) -> bool {
    matches!(failure.step, "authenticate" | "handshake")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::failure::failure;

    const CONFIG: BreakerConfig =
        BreakerConfig { failures: 4, pause: Duration::from_secs(2), pause_max: Duration::from_secs(300) };

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millis(millis)
    }

    fn failing(step: &'static str) -> Failure {
        failure(step, "it did not", "mend it")
    }

    /// Seconds of each pause when the machine is tried again as soon as it may be.
    fn pauses(step: &'static str, tries: usize) -> Vec<i64> {
        let mut now = at(0);
        let mut breaker = Breaker::new(&failing(step), now, 0, &CONFIG);
        let mut pauses = Vec::new();
        for _ in 0..tries {
            let until = breaker.until.filter(|until| *until > now).unwrap_or(now);
            pauses.push((until.as_millis() - now.as_millis()) / 1_000);
            now = until;
            assert!(breaker.refuses(now).is_none());
            breaker.failed(&failing(step), now, 0, &CONFIG);
        }
        pauses
    }

    #[test]
    fn pauses_begin_after_some_failures_and_grow_to_a_bound() {
        assert_eq!(pauses("connect", 10), [0, 0, 0, 2, 4, 8, 16, 30, 30, 30]);
        assert_eq!(pauses("authenticate", 9), [0, 10, 20, 40, 80, 160, 300, 300, 300]);
    }

    #[test]
    fn the_refusal_tells_the_failure_the_time_of_the_next_try_and_the_offered_key() {
        let key = Failure { offered_host_key: Some("ssh-ed25519 AAAA".to_owned()), ..failing("host key") };
        let mut breaker = Breaker::new(&key, at(0), 0, &CONFIG);
        for _ in 0..3 {
            assert_eq!(breaker.refuses(at(0)), None);
            breaker.failed(&key, at(3_600_000), 0, &CONFIG);
        }
        let refused = breaker.refuses(at(3_600_000)).unwrap();
        assert_eq!(refused.message, "it did not (failed 4 times in a row; the next try is after 01:00:02 UTC)");
        assert_eq!((refused.step, &refused.offered_host_key), ("host key", &key.offered_host_key));
        assert!(refused.remedy.starts_with("mend it; a test"), "{}", refused.remedy);
        assert_eq!(breaker.refuses(at(3_602_000)), None);
    }

    proptest! {
        #[test]
        fn no_history_makes_a_pause_longer_than_its_bound(
            history in proptest::collection::vec((any::<bool>(), any::<u8>(), 0..400_000_i64), 1..60),
        ) {
            let mut now = 0;
            let mut breaker: Option<Breaker> = None;
            for (refused, jitter, wait) in history {
                now += wait;
                let failure = failing(if refused { "authenticate" } else { "connect" });
                match &mut breaker {
                    Some(breaker) => breaker.failed(&failure, at(now), jitter, &CONFIG),
                    None => breaker = Some(Breaker::new(&failure, at(now), jitter, &CONFIG)),
                }
                if let Some(until) = breaker.as_ref().and_then(|breaker| breaker.until) {
                    prop_assert!(until.as_millis() - now <= 375_000);
                }
            }
        }
    }
}
