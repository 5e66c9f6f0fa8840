//! Many jobs on several machines while faults hit all of them, until so many have.
//!
//! Each machine is a lane: one job after another, each with a few faults at moments drawn from the seed. The host is
//! shared, so that a blow to it hits all lanes at whatever they are at.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::time::{Instant, sleep_until};

use super::keeper::{Blow, Keeper};
use super::machine::{Fault, Machine, processes_of};
use super::random::Random;
use super::summary::Summary;
use super::timeline::Timeline;
use super::verdict::{Wanted, judge};
use super::workload::Workload;

/// How long a task may take to end once nothing happens to it any more: longer than the host's pauses between two tries.
const END_LIMIT: Duration = Duration::from_secs(90);
/// How long a machine may take until nothing of the jobs is left on it.
const CLEAN_LIMIT: Duration = Duration::from_secs(60);
/// After so many discrepancies it is clear enough that something is wrong.
const DISCREPANCIES_MAX: usize = 5;

/// What a storm is like.
#[derive(Debug, Clone, Copy)]
pub struct Storm {
    /// What all of it follows from.
    pub seed: u64,
    /// It ends after so many kills,
    pub kills: u64,
    /// or after so long.
    pub limit: Duration,
    /// Machines.
    pub lanes: u8,
    /// Second part of its addresses: storms that run at once have different ones.
    pub number: u8,
}

struct Weather<'a> {
    storm: Storm,
    keeper: &'a Keeper,
    timeline: Timeline,
    summary: Mutex<Summary>,
    kills: AtomicU64,
    until: Instant,
}

/// One thing that happens during a round.
#[derive(Debug, Clone, Copy)]
enum Event {
    Machine(Fault),
    Host(Blow),
    Cancel,
}

/// Lets it rage; `watch` is given the summary whenever a job was compared.
pub async fn rage(storm: Storm, watch: impl Fn(&Summary) + Send + Sync) -> Result<Summary> {
    let keeper = Keeper::start(storm.number)?;
    let weather = Weather {
        storm,
        keeper: &keeper,
        timeline: Timeline::default(),
        summary: Mutex::default(),
        kills: AtomicU64::new(0),
        until: Instant::now() + storm.limit,
    };
    let lanes = (0..storm.lanes).map(|lane| weather.lane(lane, &watch));
    let lanes = futures::future::try_join_all(lanes).await?;
    keeper.check().await?;
    // A host that has just come clears up.
    keeper.without_host(Blow::Stopped, async { Ok(()) }).await?;
    futures::future::join_all(lanes.iter().map(|(machine, vm)| weather.clean(machine, vm))).await;
    let summary = weather.summary().clone();
    Ok(summary)
}

impl Weather<'_> {
    fn summary(&self) -> MutexGuard<'_, Summary> {
        self.summary.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_over(&self) -> bool {
        self.kills.load(Ordering::Relaxed) >= self.storm.kills
            || Instant::now() >= self.until
            || self.summary().discrepancies.len() >= DISCREPANCIES_MAX
    }

    /// One machine and its jobs.
    async fn lane(&self, lane: u8, watch: &(impl Fn(&Summary) + Send + Sync)) -> Result<(Machine, String)> {
        let machine = Machine::start(self.storm.lanes * self.storm.number + lane + 1).await?;
        let vm = self.keeper.add(&machine.vm()).await?;
        let mut round = 0;
        while !self.is_over() {
            round += 1;
            let since = self.timeline.now();
            if let Err(error) = self.round(&machine, &vm, u64::from(lane) << 32 | round).await {
                self.discrepancy(&machine, round, since, &error).await;
            }
            watch(&self.summary());
        }
        Ok((machine, vm))
    }

    /// Nothing may be left of the jobs: neither what the host had leave to remove nor, a week later, what it forgot about when
    /// it was killed.
    async fn clean(&self, machine: &Machine, vm: &str) {
        let since = self.timeline.now();
        let cleaned = async {
            machine.age()?;
            let job = self.keeper.run("true", vm).await?;
            let task = self.keeper.ended(&job, END_LIMIT).await?;
            ensure!(task["status"] == "succeeded", "a last job on a calm day: {task}");
            machine.clean(CLEAN_LIMIT).await
        };
        if let Err(error) = cleaned.await {
            self.discrepancy(machine, 0, since, &error).await;
        }
    }

    async fn discrepancy(&self, machine: &Machine, round: u64, since: Duration, error: &anyhow::Error) {
        let Storm { seed, .. } = self.storm;
        let text = format!(
            "seed {seed}, {}, round {round}: {error:#}\n{}  the host's log ends in\n{}",
            machine.name,
            self.timeline.of(&machine.name, since),
            self.keeper.log_tail().await
        );
        self.summary().discrepancies.push(text);
    }

    /// One job, and what happens meanwhile.
    async fn round(&self, machine: &Machine, vm: &str, part: u64) -> Result<()> {
        let mut random = Random::part(self.storm.seed, part);
        let workload = Workload { seed: random.number() >> 16, millis: random.between(100, 2_500) };
        let events = schedule(&mut random, workload.millis);
        let account = machine.account(&format!("{part:x}"))?;
        let begun = Instant::now();
        let script = account.script(workload)?;
        // What falls into the time of launching must not wait for the answer to the request.
        let happening = self.happen(machine, &events, &mut random, begun);
        let (job, cancelled) = tokio::join!(self.keeper.run(&script, vm), happening);
        let (job, cancel) = (job?, cancelled?);
        self.timeline.note(&machine.name, format!("job {job}: {workload:?}"));
        if cancel {
            self.cancel(machine, &job).await?;
        }
        let task = self.keeper.ended(&job, END_LIMIT).await?;
        let wanted = wanted(&task, cancel);
        let bytes = judge(self.keeper, &task, (&job, vm), workload, &account, wanted)
            .await
            .with_context(|| format!("the task is {task}"))?;
        let left = processes_of(&job, vm);
        ensure!(left.is_empty(), "processes {left:?} outlive their task {task}");
        let mut summary = self.summary();
        summary.jobs += 1;
        summary.bytes += bytes;
        summary.not_started += u64::from(task["status"] == "unreachable");
        summary.cancelled += u64::from(task["status"] == "cancelled");
        Ok(())
    }

    async fn cancel(&self, machine: &Machine, job: &str) -> Result<()> {
        let asked = self.keeper.act(job, "cancel").await;
        self.timeline
            .note(&machine.name, format!("cancel asked for: {}", if asked.is_ok() { "taken" } else { "refused" }));
        match asked {
            // It may have ended just before.
            Err(_) if !self.keeper.get(&format!("/api/jobs/{job}")).await?["finished_at"].is_null() => Ok(()),
            other => other.map(drop),
        }
    }

    /// Lets the events of a round happen, each at its time; true if one of them is that the job be cancelled.
    async fn happen(
        &self,
        machine: &Machine,
        events: &[(u64, Event)],
        random: &mut Random,
        begun: Instant,
    ) -> Result<bool> {
        let mut cancel = false;
        for (millis, event) in events {
            sleep_until(begun + Duration::from_millis(*millis)).await;
            match event {
                Event::Cancel => cancel = true,
                Event::Machine(fault) => self.fault(machine, *fault, random).await?,
                Event::Host(blow) => {
                    let pause = Duration::from_millis(random.between(0, 400));
                    self.timeline.note_all(format!("{}?", blow.name()));
                    if self.keeper.strike(*blow, pause).await? {
                        self.timeline.note_all(format!("{}, and there again", blow.name()));
                        self.count(blow.name(), true);
                    } else {
                        self.fault(machine, Fault::Reset, random).await?;
                    }
                }
            }
        }
        Ok(cancel)
    }

    async fn fault(&self, machine: &Machine, fault: Fault, random: &mut Random) -> Result<()> {
        self.timeline.note(&machine.name, fault.name());
        if machine.suffer(fault, random).await? {
            self.count(fault.name(), fault.kills());
        }
        Ok(())
    }

    fn count(&self, name: &'static str, kills: bool) {
        let mut summary = self.summary();
        *summary.faults.entry(name).or_default() += 1;
        if kills {
            summary.kills += 1;
            self.kills.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// What happens in a round, and how many milliseconds after its beginning.
fn schedule(random: &mut Random, millis: u64) -> Vec<(u64, Event)> {
    let mut events: Vec<_> = (0..random.between(1, 5))
        .map(|_| {
            let at = match random.between(0, 9) {
                // While it is launched, and while it ends; mostly somewhere between.
                0..=2 => random.between(0, 300),
                3 | 4 => millis + random.between(0, 300),
                _ => random.between(0, millis),
            };
            let event = match random.between(0, 99) {
                0..=7 => Event::Host(Blow::Killed),
                8..=9 => Event::Host(Blow::Stopped),
                _ => Event::Machine(*random.one_of(&Fault::ALL)),
            };
            (at, event)
        })
        .collect();
    if random.chance(6) {
        events.push((random.between(0, millis), Event::Cancel));
    }
    events.sort_by_key(|(at, _)| *at);
    events
}

/// What must be true of a task that ended like that. Faults of a storm are no reason for `unknown`.
fn wanted(task: &Value, cancel: bool) -> Wanted {
    match task["status"].as_str() {
        Some("cancelled") if cancel => Wanted::AnyBeginning,
        Some("unreachable") => Wanted::NotStarted,
        _ => Wanted::Whole,
    }
}
