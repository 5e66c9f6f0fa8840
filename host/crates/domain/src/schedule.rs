//! Which task of a job begins when: waves, parallelism, and when nothing begins any more.
//!
//! What always holds, whatever becomes of the tasks and however often the host is restarted in between:
//! - Never more tasks are at work than the parallelism allows, counting those that were at work before.
//! - No task of a wave begins before all tasks of the waves before it have ended and the pause is over.
//! - No task begins after a canary did not succeed, or after as many tasks went wrong as the job allows.

use std::ops::Range;

use crate::{Counts, Strategy, TaskStatus};

/// Tasks that go together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wave {
    /// For people: `canary`, `batch 2`, `all`.
    pub name: String,
    /// Its tasks, by position.
    pub tasks: Range<usize>,
}

impl Strategy {
    /// How a job over so many VMs is divided. Every task is in exactly one wave, in the order of the tasks.
    pub fn waves(&self, total: usize) -> Vec<Wave> {
        let whole = u32::try_from(total).unwrap_or(u32::MAX);
        let share = |share: crate::Share| (share.of(whole) as usize).min(total);
        let canaries = self.canary.map_or(0, share);
        let mut waves = Vec::new();
        if canaries > 0 {
            waves.push(Wave { name: "canary".to_owned(), tasks: 0..canaries });
        }
        let size = self.batch.map_or(total, |batch| share(batch.size)).max(1);
        let mut from = canaries;
        while from < total {
            let to = from.saturating_add(size).min(total);
            let name = match self.batch {
                Some(_) => format!("batch {}", waves.len() + usize::from(canaries == 0)),
                None if canaries > 0 => "rest".to_owned(),
                None => "all".to_owned(),
            };
            waves.push(Wave { name, tasks: from..to });
            from = to;
        }
        waves
    }
}

/// What a job does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// The task at this position begins.
    Begin(usize),
    /// Nothing, until a task ends.
    Wait,
    /// The next wave begins after so many seconds.
    Pause(u32),
    /// No task begins any more; those that are queued never will, for this reason.
    Stop(String),
    /// Nothing more: all tasks have ended.
    Done,
}

/// A job's tasks and what follows from them. Made from nothing but the frozen list and where its tasks stand, so that it can
/// be made again at any time; only a pause is then served once more.
#[derive(Debug, Clone)]
pub struct Schedule {
    strategy: Strategy,
    parallelism: u32,
    statuses: Vec<TaskStatus>,
    counts: Counts,
    waves: Vec<Wave>,
    /// The wave that is at work.
    wave: usize,
    /// Of each wave: tasks that have not ended, and whether one has ever begun.
    open: Vec<(usize, bool)>,
    /// No task before this position is queued in the wave that is at work.
    cursor: usize,
    /// The pause before the next wave is over.
    paused: bool,
}

impl Schedule {
    /// The schedule of a job whose tasks stand so, in their order.
    pub fn new(strategy: Strategy, parallelism: u32, statuses: Vec<TaskStatus>) -> Self {
        let waves = strategy.waves(statuses.len());
        let open = waves
            .iter()
            .map(|wave| {
                let tasks = &statuses[wave.tasks.clone()];
                let open = tasks.iter().filter(|status| !status.is_final()).count();
                (open, tasks.iter().any(|status| has_begun(*status)))
            })
            .collect();
        let counts = Counts::of(statuses.iter().copied());
        Self { strategy, parallelism, statuses, counts, waves, wave: 0, open, cursor: 0, paused: false }
    }

    /// A task stands otherwise now. None is ever queued again.
    pub fn set(&mut self, position: usize, status: TaskStatus) {
        if status == TaskStatus::Queued {
            return;
        }
        let Some(slot) = self.statuses.get_mut(position) else { return };
        let before = std::mem::replace(slot, status);
        self.counts.shift(before, status);
        let of = self.waves.partition_point(|wave| wave.tasks.end <= position);
        if let Some((open, begun)) = self.open.get_mut(of) {
            *open = *open + usize::from(before.is_final()) - usize::from(status.is_final());
            *begun |= has_begun(status);
        }
    }

    /// Where a task stands, as far as it was told.
    pub fn status(&self, position: usize) -> Option<TaskStatus> {
        self.statuses.get(position).copied()
    }

    /// Tasks by status.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// The pause that was asked for is over.
    pub fn pause_is_over(&mut self) {
        self.paused = true;
    }

    /// What to do next. Whoever gets [`Next::Begin`] begins that task and says so by [`Self::set`], then asks again.
    pub fn what_next(&mut self) -> Next {
        if self.counts.queued == 0 {
            return if self.counts.running == 0 { Next::Done } else { Next::Wait };
        }
        if let Some(why) = self.stopped() {
            return Next::Stop(why);
        }
        while self.open[self.wave].0 == 0 {
            // A task of a wave that had ended may be looked after again.
            if self.open[..self.wave].iter().any(|(open, _)| *open > 0) {
                return Next::Wait;
            }
            // Some task is queued, so that there is a wave after this one.
            let pause = self.strategy.batch.map_or(0, |batch| batch.pause_seconds);
            if pause > 0 && !self.paused && !self.open[self.wave + 1].1 {
                return Next::Pause(pause);
            }
            self.wave += 1;
            self.paused = false;
            self.cursor = self.waves[self.wave].tasks.start;
        }
        if self.counts.running >= self.parallelism {
            return Next::Wait;
        }
        let end = self.waves[self.wave].tasks.end;
        while self.cursor < end && self.statuses[self.cursor] != TaskStatus::Queued {
            self.cursor += 1;
        }
        if self.cursor < end { Next::Begin(self.cursor) } else { Next::Wait }
    }

    /// Why no task begins any more, if that is so.
    fn stopped(&self) -> Option<String> {
        if self.strategy.canary.is_some() {
            let canaries = &self.statuses[self.waves[0].tasks.clone()];
            let ended = Counts::of(canaries.iter().copied().filter(|status| status.is_final()));
            let not_well = ended.total() - ended.succeeded;
            if not_well > 0 {
                let (all, which) = (canaries.len(), outcomes(&Counts { succeeded: 0, ..ended }));
                return Some(format!("not started: {not_well} of {} did not succeed ({which})", canaries_of(all)));
            }
        }
        let total = self.counts.total();
        let limit = self.strategy.max_failures?.of(total);
        let Counts { failed, timed_out, unreachable, unknown, .. } = self.counts;
        let wrong = Counts { failed, timed_out, unreachable, unknown, ..Counts::default() };
        (wrong.total() >= limit).then(|| {
            let (n, which) = (wrong.total(), outcomes(&wrong));
            format!("not started: {n} of {total} VMs went wrong ({which}), and the job stops at {limit}")
        })
    }
}

fn canaries_of(n: usize) -> String {
    if n == 1 { "1 canary".to_owned() } else { format!("{n} canaries") }
}

/// Whether a task in this status was begun; one that was cancelled may have been, or not.
fn has_begun(status: TaskStatus) -> bool {
    !matches!(status, TaskStatus::Queued | TaskStatus::Cancelled)
}

/// `2 failed, 1 unreachable`.
fn outcomes(counts: &Counts) -> String {
    let all = [
        (counts.failed, "failed"),
        (counts.timed_out, "timed out"),
        (counts.unreachable, "unreachable"),
        (counts.unknown, "unknown"),
        (counts.cancelled, "cancelled"),
    ];
    all.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect::<Vec<_>>().join(", ")
}
