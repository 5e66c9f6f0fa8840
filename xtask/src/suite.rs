//! `cargo xtask test`: runs the steps, goes on after a failure where it can, ends with a table.

use std::time::{Duration, Instant};

use crate::shell::{Result, seconds};
use crate::steps::{STEPS, Step};
use crate::tally::Tally;

/// How a step went.
enum Ending {
    Passed,
    Failed(String),
    /// One that it needs did not go well.
    NotRun(&'static str),
}

struct Outcome {
    name: &'static str,
    took: Duration,
    tally: Tally,
    ending: Ending,
}

/// Runs all steps, or the named ones and what they need.
pub fn test(args: &[&str]) -> Result {
    let full = args.contains(&"--full");
    let named: Vec<&str> = args.iter().copied().filter(|arg| *arg != "--full").collect();
    if let Some(unknown) = named.iter().find(|name| !STEPS.iter().any(|step| step.name == **name)) {
        let names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
        return Err(format!("no such step: {unknown}; there are {}", names.join(", ")));
    }
    let begun = Instant::now();
    let mut outcomes: Vec<Outcome> = Vec::new();
    for step in STEPS.iter().filter(|step| is_wanted(step, &named, full)) {
        let outcome = one(step, &outcomes);
        outcomes.push(outcome);
    }
    summary(&outcomes, begun.elapsed(), full || !named.is_empty())
}

fn is_wanted(step: &Step, named: &[&str], full: bool) -> bool {
    if named.is_empty() { full || !step.full } else { named.iter().any(|name| needed_by(step.name, name)) }
}

/// Whether `step` is `goal` or something that it needs.
fn needed_by(step: &str, goal: &str) -> bool {
    step == goal || STEPS.iter().any(|other| other.name == goal && other.needs.iter().any(|need| needed_by(step, need)))
}

fn one(step: &Step, before: &[Outcome]) -> Outcome {
    let went_wrong = |need: &&&'static str| {
        before.iter().any(|outcome| outcome.name == **need && !matches!(outcome.ending, Ending::Passed))
    };
    let mut outcome =
        Outcome { name: step.name, took: Duration::ZERO, tally: Tally::default(), ending: Ending::Passed };
    if let Some(need) = step.needs.iter().find(went_wrong) {
        outcome.ending = Ending::NotRun(need);
        return outcome;
    }
    println!("\n━━ {} ━━", step.name);
    let begun = Instant::now();
    let done = (step.work)(&mut outcome.tally);
    outcome.took = begun.elapsed();
    outcome.ending = match done {
        Err(message) => {
            eprintln!("{message}");
            Ending::Failed(message)
        }
        Ok(()) if outcome.tally.failed > 0 => Ending::Failed("tests failed".to_owned()),
        Ok(()) if outcome.tally.ignored > 0 => Ending::Failed("tests were left out; none may be".to_owned()),
        Ok(()) => Ending::Passed,
    };
    outcome
}

/// The table, and the sum over tests; a step without counted tests counts as one.
fn summary(outcomes: &[Outcome], took: Duration, partial: bool) -> Result {
    println!("\n━━ summary ━━");
    let (mut passed, mut failed) = (0, 0);
    for outcome in outcomes {
        let counted = outcome.tally.passed + outcome.tally.failed > 0;
        let tests = if counted { format!("{} tests", outcome.tally.passed) } else { String::new() };
        passed += outcome.tally.passed;
        failed += outcome.tally.failed;
        let (mark, remark) = match &outcome.ending {
            Ending::Passed => {
                passed += u64::from(!counted);
                ("✓", String::new())
            }
            Ending::Failed(message) => {
                failed += u64::from(outcome.tally.failed == 0);
                ("✗", message.lines().next().unwrap_or("failed").to_owned())
            }
            Ending::NotRun(need) => {
                failed += 1;
                ("✗", format!("not run: {need} did not go well"))
            }
        };
        println!("{mark} {:<14} {:>12}  {tests:<12} {remark}", outcome.name, seconds(outcome.took));
    }
    if !partial {
        println!("  (a build by cargo-component is checked too with --full)");
    }
    println!("in {}", seconds(took));
    println!("{passed} passed, {failed} failed");
    if failed == 0 { Ok(()) } else { Err("not all of it went well; see above".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_step_brings_what_it_needs() {
        assert!(needed_by("plugins", "system-test"));
        assert!(needed_by("e2e-install", "system-test"));
        assert!(!needed_by("clippy", "system-test"));
    }

    #[test]
    fn steps_stand_after_what_they_need() {
        for (at, step) in STEPS.iter().enumerate() {
            for need in step.needs {
                assert!(STEPS[..at].iter().any(|earlier| earlier.name == *need), "{} needs {need}", step.name);
            }
        }
    }
}
