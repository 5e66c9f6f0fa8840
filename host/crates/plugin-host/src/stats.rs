//! What a plugin did since the host started: counters that every instance of it adds to, without locks.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use corral_engine::ports::{LineStats, PluginStats};
use rustix::time::{ClockId, clock_gettime};

use crate::bindings::exports::corral::log_filter::filter::{Change, Edit};
use crate::error::CallError;

/// Buckets of the times of calls, four for each doubling of microseconds: what is told is at most a quarter too much.
const BUCKETS: usize = 4 * 40;

/// The counters of one plugin.
pub struct Stats {
    calls: AtomicU64,
    failed: AtomicU64,
    cpu_nanos: AtomicU64,
    peak_memory: AtomicU64,
    traps: AtomicU64,
    limits: [AtomicU64; LIMITS.len()],
    times: [AtomicU64; BUCKETS],
    seen: AtomicU64,
    changed: AtomicU64,
    annotated: AtomicU64,
    dropped: AtomicU64,
    added: AtomicU64,
}

/// Limits by the names under which hits of them are told.
const LIMITS: [&str; 6] = ["answer", "cpu", "instances", "memory", "tables", "time"];

impl Default for Stats {
    fn default() -> Self {
        let zero = || AtomicU64::new(0);
        Self {
            calls: zero(),
            failed: zero(),
            cpu_nanos: zero(),
            peak_memory: zero(),
            traps: zero(),
            limits: std::array::from_fn(|_| zero()),
            times: std::array::from_fn(|_| zero()),
            seen: zero(),
            changed: zero(),
            annotated: zero(),
            dropped: zero(),
            added: zero(),
        }
    }
}

fn add(counter: &AtomicU64, n: u64) {
    counter.fetch_add(n, Ordering::Relaxed);
}

impl Stats {
    /// A call came to its end, or was given up on.
    pub fn called(&self, took: Duration, cpu: Duration, memory: usize, error: Option<&CallError>) {
        add(&self.calls, 1);
        add(&self.times[bucket(took)], 1);
        add(&self.cpu_nanos, u64::try_from(cpu.as_nanos()).unwrap_or(u64::MAX));
        self.peak_memory.fetch_max(memory as u64, Ordering::Relaxed);
        let Some(error) = error else { return };
        add(&self.failed, 1);
        let limit = match error {
            CallError::Trap { .. } => return add(&self.traps, 1),
            CallError::Answer { .. } => "answer",
            CallError::Cpu { .. } => "cpu",
            CallError::Full => "instances",
            CallError::Memory { .. } => "memory",
            CallError::Tables { .. } => "tables",
            CallError::Time { .. } => "time",
            CallError::Refused { .. } | CallError::Gone => return,
        };
        if let Some(at) = LIMITS.iter().position(|name| *name == limit) {
            add(&self.limits[at], 1);
        }
    }

    /// An answer that was read and could not be used.
    pub fn nonsense(&self) {
        add(&self.failed, 1);
    }

    /// A filter went through lines.
    pub fn filtered(&self, lines: usize, edits: &[Edit]) {
        add(&self.seen, lines as u64);
        let (mut changed, mut annotated, mut dropped) = (0, 0, 0);
        for edit in edits {
            match edit.change {
                Change::Drop => dropped += 1,
                Change::Replace(_) => changed += 1,
                Change::Annotate(_) => annotated += 1,
                Change::Rewrite(_) => (changed, annotated) = (changed + 1, annotated + 1),
            }
        }
        for (counter, n) in [(&self.changed, changed), (&self.annotated, annotated), (&self.dropped, dropped)] {
            if n > 0 {
                add(counter, n);
            }
        }
    }

    /// A filter added lines at the end of a stream.
    pub fn added(&self, lines: usize) {
        add(&self.added, lines as u64);
    }

    /// The counters as they are now.
    pub fn read(&self) -> PluginStats {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let times: Vec<u64> = self.times.iter().map(get).collect();
        let hits: BTreeMap<_, _> = LIMITS
            .iter()
            .zip(&self.limits)
            .map(|(name, hits)| (*name, get(hits)))
            .filter(|(_, hits)| *hits > 0)
            .collect();
        PluginStats {
            calls: get(&self.calls),
            failed: get(&self.failed),
            p50_micros: quantile(&times, 50),
            p99_micros: quantile(&times, 99),
            cpu_micros: get(&self.cpu_nanos) / 1_000,
            peak_memory_bytes: get(&self.peak_memory),
            traps: get(&self.traps),
            limit_hits: hits,
            lines: LineStats {
                seen: get(&self.seen),
                changed: get(&self.changed),
                annotated: get(&self.annotated),
                dropped: get(&self.dropped),
                added: get(&self.added),
            },
        }
    }
}

/// Two bits below the highest one tell the quarter of a doubling.
fn bucket(took: Duration) -> usize {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX).max(1);
    let doubling = micros.ilog2();
    let quarter = if doubling < 2 { 0 } else { (micros >> (doubling - 2)) & 3 };
    (doubling as usize * 4 + quarter as usize).min(BUCKETS - 1)
}

/// The time, in microseconds, that so many of a hundred calls did not exceed; none without calls.
fn quantile(times: &[u64], percent: u64) -> Option<u64> {
    let total: u64 = times.iter().sum();
    let wanted = (total * percent).div_ceil(100).max(1);
    let mut sum = 0;
    let at = times.iter().position(|count| {
        sum += count;
        sum >= wanted
    })?;
    let (doubling, quarter) = (at / 4, at as u64 % 4);
    Some(if doubling < 2 { (2 << doubling) - 1 } else { ((quarter + 5) << (doubling - 2)) - 1 })
}

/// A call that counts the processor time of the thread while it is polled.
pub struct Metered<'a, F> {
    /// Nanoseconds so far.
    pub spent: &'a AtomicU64,
    /// The call.
    pub call: Pin<Box<F>>,
}

impl<F: Future> Future for Metered<'_, F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let before = thread_time();
        let polled = self.call.as_mut().poll(context);
        add(self.spent, thread_time().saturating_sub(before));
        polled
    }
}

/// Processor time of this thread, in nanoseconds.
fn thread_time() -> u64 {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_of_times_is_never_too_little_and_at_most_a_quarter_too_much() {
        for micros in (1..5_000).chain([10_000, 123_456, 9_999_999, 3_600_000_000]) {
            let mut times = vec![0; BUCKETS];
            times[bucket(Duration::from_micros(micros))] = 1;
            let told = quantile(&times, 50).unwrap();
            assert!(told >= micros && told <= micros + micros / 4 + 1, "{micros}: {told}");
        }
    }

    #[test]
    fn quantiles_are_of_all_calls() {
        let stats = Stats::default();
        assert_eq!(stats.read(), PluginStats::default());
        for micros in (0..98).map(|_| 100).chain([100_000, 200_000]) {
            stats.called(Duration::from_micros(micros), Duration::from_micros(10), 4_096, None);
        }
        let told = stats.read();
        assert_eq!((told.calls, told.failed, told.cpu_micros, told.peak_memory_bytes), (100, 0, 1_000, 4_096));
        assert!((100..=126).contains(&told.p50_micros.unwrap()), "{told:?}");
        assert!((100_000..=126_000).contains(&told.p99_micros.unwrap()), "{told:?}");
    }
}
