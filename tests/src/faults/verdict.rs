//! Compares what became of a task with what its command did.

use anyhow::{Context, Result, bail, ensure};
use corral_domain::OutputStream;
use serde_json::Value;

use super::compare::{Extent, compare};
use super::keeper::Keeper;
use super::stored::stored;
use super::workload::{Outputs, Workload};
use super::writer::Account;

/// What must be true of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// It ran to its end; all is stored and its exit code is known.
    Whole,
    /// It ran to its end and all is stored, but how it ended need not be known.
    Written,
    /// It was started once, and ended on its way: its output is the beginning of what it would have written, and all that
    /// it wrote.
    Beginning,
    /// It was not started at all.
    NotStarted,
    /// It was started at most once, and part of what it wrote may be out of reach.
    AnyBeginning,
}

/// Compares; returns how many bytes were stored.
pub async fn judge(
    keeper: &Keeper,
    task: &Value,
    (job, vm): (&str, &str),
    workload: Workload,
    account: &Account,
    wanted: Wanted,
) -> Result<u64> {
    let (starts, written) = (account.starts(), account.outputs());
    let expected = workload.outputs();
    let allowed = match wanted {
        Wanted::Whole | Wanted::Written | Wanted::Beginning => 1..=1,
        Wanted::NotStarted => 0..=0,
        Wanted::AnyBeginning => 0..=1,
    };
    ensure!(allowed.contains(&starts), "the command was started {starts} times, pids {:?}", account.pids());
    if wanted == Wanted::Whole {
        ended_as(task, workload.exit_code())?;
    }
    if matches!(wanted, Wanted::Whole | Wanted::Written) {
        ensure!(written == expected, "the harness itself: the command did not write what it should have");
    }
    let (mut found, lines) = stored_patiently(keeper, job, vm).await?;
    let bytes = found.len() as u64;
    let (mut expected, mut written) = (expected, written);
    for stream in [OutputStream::Stdout, OutputStream::Stderr] {
        let extent = match wanted {
            Wanted::Whole | Wanted::Written => Extent::Whole,
            Wanted::Beginning => Extent::AtLeast(written.of(stream).len()),
            Wanted::AnyBeginning | Wanted::NotStarted => Extent::AtLeast(0),
        };
        compare(stream, expected.of(stream), found.of(stream), extent)?;
    }
    let counted = task["lines"].as_u64().context("a task counts its lines")?;
    ensure!(counted == lines, "the task says {counted} lines, {lines} are stored");
    // Where the host gave up in the middle of a line and was made to look again, that line is in two parts: once or twice here.
    let fewest = lines_of(&found);
    ensure!((fewest..=fewest + GIVEN_UP_MAX).contains(&lines), "{lines} lines are stored where there are {fewest}");
    Ok(bytes)
}

fn ended_as(task: &Value, code: i32) -> Result<()> {
    let status = if code == 0 { "succeeded" } else { "failed" };
    ensure!(task["status"] == status && task["exit_code"] == code, "expected {status} with {code}, got {task}");
    Ok(())
}

/// How often a test gives up on a task before it looks again, times the outputs of which a line may then be cut.
const GIVEN_UP_MAX: u64 = 4;

/// Lines as they are stored: a long one in parts.
fn lines_of(outputs: &Outputs) -> u64 {
    let parts = |line: &[u8]| {
        let text = line.strip_suffix(b"\n").unwrap_or(line).len();
        text.div_ceil(super::stored::PART_BYTES).max(1) as u64
    };
    let lines = |bytes: &[u8]| bytes.split_inclusive(|byte| *byte == b'\n').map(parts).sum::<u64>();
    lines(&outputs.stdout) + lines(&outputs.stderr)
}

/// The host may be killed in the middle of its answer.
async fn stored_patiently(keeper: &Keeper, job: &str, vm: &str) -> Result<(Outputs, u64)> {
    const TRIES: usize = 20;
    for _ in 0..TRIES {
        // Waits until the host is there.
        keeper.get(&format!("/api/jobs/{job}")).await?;
        match stored(&keeper.client, job, vm).await {
            Err(error) if error.chain().any(<dyn std::error::Error>::is::<reqwest::Error>) => {}
            other => return other,
        }
    }
    bail!("the log could not be read in {TRIES} tries")
}
