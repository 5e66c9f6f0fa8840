//! One machine, one host, one job: what most tests begin with.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use corral_tests::faults::keeper::Keeper;
use corral_tests::faults::machine::{Machine, kill_all, processes_of};
use corral_tests::faults::verdict::{Wanted, judge};
use corral_tests::faults::workload::Workload;
use corral_tests::faults::writer::Account;
use corral_tests::sshd::Options;
use serde_json::Value;

/// How long anything here may take that takes a moment on a machine of one's own.
pub const SOON: Duration = Duration::from_secs(90);
/// How long a machine may take until nothing is left on it.
const CLEAN_LIMIT: Duration = Duration::from_secs(45);

/// What a test works with.
pub struct Scene {
    pub keeper: Keeper,
    pub machine: Machine,
    pub vm: String,
    number: u8,
}

/// A job that writes.
pub struct Job {
    pub id: String,
    pub workload: Workload,
    pub account: Account,
}

impl Scene {
    /// A host and a machine. Tests have different numbers, which tell their addresses and their seeds apart.
    pub async fn new(number: u8) -> Result<Self> {
        Self::with(number, "", Options::default()).await
    }

    /// The same with lines for the host's `[limits]`, and with an sshd that is as wanted.
    pub async fn with(number: u8, limits: &str, options: Options) -> Result<Self> {
        let machine = Machine::start_with(100 + number, options).await?;
        let keeper = Keeper::start_with(100 + number, limits)?;
        let vm = keeper.add(&machine.vm()).await?;
        Ok(Self { keeper, machine, vm, number })
    }

    /// A workload of this test, and the account of its command.
    pub fn prepare(&self, name: &str, millis: u64) -> Result<(Workload, Account)> {
        let seed = crate::seed(u64::from(self.number)) ^ name.bytes().fold(0, |sum, byte| sum * 31 + u64::from(byte));
        Ok((Workload { seed: seed >> 8, millis }, self.machine.account(name)?))
    }

    /// Starts a job that pauses for so long, all pauses together.
    pub async fn start(&self, millis: u64) -> Result<Job> {
        let (workload, account) = self.prepare("job", millis)?;
        let id = self.keeper.run(&account.script(workload)?, &self.vm).await?;
        Ok(Job { id, workload, account })
    }

    /// The same, and waits until something of it is stored.
    pub async fn running(&self, millis: u64) -> Result<Job> {
        let job = self.start(millis).await?;
        self.keeper.task_when(&job.id, SOON, |task| task["lines"].as_u64() > Some(0)).await?;
        Ok(job)
    }

    /// Waits until a job has ended.
    pub async fn ended(&self, job: &Job) -> Result<Value> {
        self.keeper.ended(&job.id, SOON).await
    }

    /// Waits until the command has written its last, which nobody told the host.
    pub async fn command_gone(&self, job: &Job) -> Result<()> {
        let begun = tokio::time::Instant::now();
        while job.account.pids().is_empty() || job.account.pids().iter().any(|pid| is_alive(*pid)) {
            ensure!(begun.elapsed() < SOON, "the command does not end");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// Compares what is stored with what was written.
    pub async fn judge(&self, job: &Job, task: &Value, wanted: Wanted) -> Result<()> {
        let judged = judge(&self.keeper, task, (&job.id, &self.vm), job.workload, &job.account, wanted).await;
        judged.map(drop).with_context(|| format!("seed {}; the task is {task}", job.workload.seed))
    }

    /// All of it is stored, its exit code is known, and nothing of it is left anywhere.
    pub async fn whole(&self, job: &Job) -> Result<()> {
        let task = self.ended(job).await?;
        self.judge(job, &task, Wanted::Whole).await?;
        self.machine.clean(CLEAN_LIMIT).await
    }

    /// Its end is not known, for a reason that has these words in it, and looking again cannot change that.
    pub async fn unknown(&self, job: &Job, words: &str, wanted: Wanted) -> Result<()> {
        let task = self.ended(job).await?;
        is_unknown(&task, words)?;
        self.judge(job, &task, wanted).await?;
        self.keeper.act(&job.id, "check").await?;
        let task = self.ended(job).await?;
        is_unknown(&task, words)?;
        self.judge(job, &task, wanted).await
    }

    /// Ends what runs of a job, as its machine would end it if it went down.
    pub fn kill_processes(&self, job: &Job) {
        kill_all(processes_of(&job.id, &self.vm));
    }

    /// The folder of a job's capsule.
    pub fn capsule(&self, job: &Job) -> std::path::PathBuf {
        self.machine.capsule(&job.id, &self.vm)
    }
}

/// Fails unless a task's end is not known, and the reason has these words in it.
pub fn is_unknown(task: &Value, words: &str) -> Result<()> {
    let message = task["message"].as_str().unwrap_or_default();
    ensure!(task["status"] == "unknown" && message.contains(words), "expected unknown, `{words}`; got {task}");
    Ok(())
}

/// Whether a process runs.
pub fn is_alive(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !stat.is_empty() && !stat.contains(") Z ")
}
