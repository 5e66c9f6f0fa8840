//! What holds of the order in which a job's tasks begin, whatever becomes of them.

use corral_domain::{Batch, Next, Schedule, Share, Strategy, TaskStatus, Wave};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::Strategy as _;

const VMS_MAX: usize = 24;

#[derive(Debug, Clone)]
enum Step {
    /// One of those at work ends.
    End(usize, TaskStatus),
    /// Somebody cancels one that is queued.
    CancelQueued(usize),
    /// The pause is over, if there is one.
    PauseOver,
    /// The host is started again: what it knows is where the tasks stand.
    Restart,
    /// Somebody looks after one whose end was not known.
    Reopen(usize),
}

fn share() -> impl proptest::strategy::Strategy<Value = Share> {
    prop_oneof![(1..8_u32).prop_map(Share::Count), (1..=100_u32).prop_map(Share::Percent)]
}

fn strategy() -> impl proptest::strategy::Strategy<Value = Strategy> {
    let batch = (share(), select(vec![0, 0, 5])).prop_map(|(size, pause_seconds)| Batch { size, pause_seconds });
    (option::of(share()), option::of(batch), option::of(share())).prop_map(|(canary, batch, max_failures)| Strategy {
        canary,
        batch,
        max_failures,
        job_timeout_seconds: None,
    })
}

fn step() -> impl proptest::strategy::Strategy<Value = Step> {
    let outcome = prop_oneof![
        12 => Just(TaskStatus::Succeeded),
        1 => select(vec![TaskStatus::Failed, TaskStatus::TimedOut, TaskStatus::Unreachable, TaskStatus::Unknown]),
        1 => Just(TaskStatus::Cancelled),
    ];
    prop_oneof![
        10 => (any::<usize>(), outcome).prop_map(|(n, status)| Step::End(n, status)),
        1 => any::<usize>().prop_map(Step::CancelQueued),
        3 => Just(Step::PauseOver),
        1 => Just(Step::Restart),
        1 => any::<usize>().prop_map(Step::Reopen),
    ]
}

/// A job as the host sees it, and what was observed of it.
struct World {
    strategy: Strategy,
    parallelism: u32,
    waves: Vec<Wave>,
    statuses: Vec<TaskStatus>,
    schedule: Schedule,
    begun: Vec<usize>,
    /// The wave before which a pause was served since the last start.
    served: Option<usize>,
    pausing: bool,
    stopped: bool,
}

impl World {
    fn new(strategy: Strategy, parallelism: u32, total: usize) -> Self {
        let statuses = vec![TaskStatus::Queued; total];
        Self {
            strategy,
            parallelism,
            waves: strategy.waves(total),
            schedule: Schedule::new(strategy, parallelism, statuses.clone()),
            statuses,
            begun: Vec::new(),
            served: None,
            pausing: false,
            stopped: false,
        }
    }

    fn set(&mut self, position: usize, status: TaskStatus) {
        self.statuses[position] = status;
        self.schedule.set(position, status);
    }

    fn those(&self, status: impl Fn(TaskStatus) -> bool) -> Vec<usize> {
        (0..self.statuses.len()).filter(|position| status(self.statuses[*position])).collect()
    }

    fn wave_of(&self, position: usize) -> usize {
        self.waves.iter().position(|wave| wave.tasks.contains(&position)).unwrap()
    }

    /// Written down once more, plainly.
    fn must_stop(&self) -> bool {
        let canary_failed = self.strategy.canary.is_some()
            && self.statuses[self.waves[0].tasks.clone()]
                .iter()
                .any(|status| status.is_final() && *status != TaskStatus::Succeeded);
        let wrong = |status: &&TaskStatus| {
            matches!(status, TaskStatus::Failed | TaskStatus::TimedOut | TaskStatus::Unreachable | TaskStatus::Unknown)
        };
        let wrong = self.statuses.iter().filter(wrong).count();
        let limit = self.strategy.max_failures.map(|share| share.of(self.statuses.len() as u32) as usize);
        canary_failed || limit.is_some_and(|limit| wrong >= limit)
    }

    /// Does what the host does until it has to wait.
    fn advance(&mut self) -> Result<(), TestCaseError> {
        loop {
            match self.schedule.what_next() {
                Next::Begin(position) => self.begin(position)?,
                Next::Stop(why) => {
                    prop_assert!(self.must_stop(), "{}", why);
                    prop_assert!(why.starts_with("not started: "), "{}", why);
                    self.stopped = true;
                    let queued = self.those(|status| status == TaskStatus::Queued);
                    prop_assert!(!queued.is_empty());
                    for position in queued {
                        self.set(position, TaskStatus::Cancelled);
                    }
                }
                Next::Pause(seconds) => {
                    prop_assert_eq!(Some(seconds), self.strategy.batch.map(|batch| batch.pause_seconds));
                    self.pausing = true;
                    return Ok(());
                }
                Next::Wait => {
                    prop_assert!(
                        !self.those(|status| status == TaskStatus::Running).is_empty(),
                        "it waits for nothing"
                    );
                    return Ok(());
                }
                Next::Done => {
                    prop_assert!(self.statuses.iter().all(|status| status.is_final()));
                    return Ok(());
                }
            }
        }
    }

    fn begin(&mut self, position: usize) -> Result<(), TestCaseError> {
        prop_assert_eq!(self.statuses[position], TaskStatus::Queued, "a task begins once");
        let running = self.those(|status| status == TaskStatus::Running).len();
        prop_assert!(running < self.parallelism as usize, "{} at once", running + 1);
        prop_assert!(!self.must_stop() && !self.stopped, "task {} begins although the job has stopped", position);
        let wave = self.wave_of(position);
        let before = &self.statuses[..self.waves[wave].tasks.start];
        // One that is looked after again had ended when this wave began.
        let first = !self.begun.iter().any(|other| self.wave_of(*other) == wave);
        prop_assert!(!first || before.iter().all(|status| status.is_final()), "wave {} begins too early", wave);
        let pause = self.strategy.batch.is_some_and(|batch| batch.pause_seconds > 0);
        prop_assert!(!first || wave == 0 || !pause || self.served == Some(wave), "wave {} begins unpaused", wave);
        self.begun.push(position);
        self.pausing = false;
        self.set(position, TaskStatus::Running);
        Ok(())
    }

    fn step(&mut self, step: Step) {
        let pick = |from: Vec<usize>, n: usize| (!from.is_empty()).then(|| from[n % from.len()]);
        match step {
            Step::End(n, status) => {
                if let Some(position) = pick(self.those(|status| status == TaskStatus::Running), n) {
                    self.set(position, status);
                }
            }
            Step::CancelQueued(n) => {
                if let Some(position) = pick(self.those(|status| status == TaskStatus::Queued), n) {
                    self.set(position, TaskStatus::Cancelled);
                }
            }
            Step::PauseOver if self.pausing => {
                let first_open = self.those(|status| status == TaskStatus::Queued).first().copied();
                self.served = first_open.map(|position| self.wave_of(position));
                self.schedule.pause_is_over();
            }
            Step::PauseOver => {}
            Step::Restart => {
                self.schedule = Schedule::new(self.strategy, self.parallelism, self.statuses.clone());
                (self.served, self.pausing) = (None, false);
            }
            Step::Reopen(n) => {
                if let Some(position) = pick(self.those(|status| status == TaskStatus::Unknown), n) {
                    self.set(position, TaskStatus::Running);
                }
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_becomes_of_the_tasks_the_rules_hold(
        strategy in strategy(), parallelism in 1..6_u32, total in 1..VMS_MAX, steps in vec(step(), 0..80)
    ) {
        let mut world = World::new(strategy, parallelism, total);
        world.advance()?;
        for step in steps {
            world.step(step);
            world.advance()?;
        }
        // Whatever is left comes to an end once tasks end and pauses pass.
        for _ in 0..4 * VMS_MAX {
            world.step(Step::PauseOver);
            world.advance()?;
            world.step(Step::End(0, TaskStatus::Succeeded));
            world.advance()?;
        }
        prop_assert!(world.statuses.iter().all(|status| status.is_final()), "{:?}", world.statuses);
        let mut once = world.begun.clone();
        once.sort_unstable();
        once.dedup();
        prop_assert_eq!(once.len(), world.begun.len(), "no task begins twice");
        prop_assert!(world.begun.is_sorted(), "tasks begin in their order");
    }

    #[test]
    fn every_task_is_in_exactly_one_wave_and_in_order(strategy in strategy(), total in 0..200_usize) {
        let waves = strategy.waves(total);
        let all: Vec<usize> = waves.iter().flat_map(|wave| wave.tasks.clone()).collect();
        prop_assert_eq!(all, (0..total).collect::<Vec<_>>());
        prop_assert!(waves.iter().all(|wave| !wave.tasks.is_empty() && !wave.name.is_empty()));
        let most = strategy.batch.map_or(total, |batch| batch.size.of(total as u32) as usize);
        prop_assert!(waves.iter().all(|wave| wave.name == "canary" || wave.tasks.len() <= most));
    }
}

#[test]
fn waves_are_named_for_people() {
    let names = |canary, batch: Option<Share>| {
        let batch = batch.map(|size| Batch { size, pause_seconds: 0 });
        let waves = Strategy { canary, batch, ..Strategy::default() }.waves(10);
        waves.iter().map(|wave| format!("{} {}", wave.name, wave.tasks.len())).collect::<Vec<_>>().join(", ")
    };
    assert_eq!(names(None, None), "all 10");
    assert_eq!(names(Some(Share::Count(1)), None), "canary 1, rest 9");
    assert_eq!(names(Some(Share::Percent(20)), Some(Share::Count(5))), "canary 2, batch 1 5, batch 2 3");
    assert_eq!(names(None, Some(Share::Percent(40))), "batch 1 4, batch 2 4, batch 3 2");
    assert_eq!(names(Some(Share::Percent(100)), Some(Share::Count(3))), "canary 10");
}

#[test]
fn the_reason_says_which_rule_it_was_and_the_counts() {
    use TaskStatus::{Failed, Queued, Running, Succeeded, Unreachable};
    let reason = |strategy, statuses: &[TaskStatus]| match Schedule::new(strategy, 4, statuses.to_vec()).what_next() {
        Next::Stop(why) => why,
        other => panic!("{other:?}"),
    };
    let canary = Strategy { canary: Some(Share::Count(2)), ..Strategy::default() };
    assert_eq!(
        reason(canary, &[Succeeded, Failed, Queued, Queued]),
        "not started: 1 of 2 canaries did not succeed (1 failed)"
    );
    let limit = Strategy { max_failures: Some(Share::Percent(50)), ..Strategy::default() };
    assert_eq!(
        reason(limit, &[Failed, Unreachable, Running, Queued]),
        "not started: 2 of 4 VMs went wrong (1 failed, 1 unreachable), and the job stops at 2"
    );
}
