//! A job from its creation to its end, as a person sees it.

use std::io::IsTerminal as _;
use std::time::Duration;

use corral_domain::Strategy;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use super::Args;
use crate::cli::client::Client;
use crate::cli::exit::{Exit, Failure};
use crate::cli::fold::fold;
use crate::cli::output::{Paint, field, safe};
use crate::cli::printer::{Printer, Style};
use crate::cli::stream::{self, Message, Wanted};
use crate::cli::{job, output};

/// How often the counts are asked for.
const LOOK_EVERY: Duration = Duration::from_millis(400);
/// Looks in a row that may fail before the host counts as gone: about half a minute.
const LOOKS_FAILED_MAX: u32 = 75;
/// How often the end is asked for once all output has come.
const LAST_LOOK_EVERY: Duration = Duration::from_millis(50);
/// Names of VMs at work are cut here, in characters.
const AT_WORK_WIDTH_MAX: usize = 40;
/// Above this many VMs the summary leaves those out that went well.
const SUMMARY_ROWS_MAX: usize = 40;

/// Follows a job until all its tasks have ended; the job as it ended.
pub async fn to_the_end(args: &Args, client: &Client, created: &Value) -> Result<Value, Failure> {
    let id = field(created, "id");
    let tasks = created.get("tasks").and_then(Value::as_array).cloned().unwrap_or_default();
    let names: Vec<_> = tasks.iter().map(|task| field(task, "vm_name")).collect();
    let style = Style { timestamps: args.timestamps, prefix: !args.no_prefix, json: args.json };
    let mut printer = Printer::new(&names, style);
    let wanted = |(index, task): (usize, &Value)| Wanted { index, vm: field(task, "vm_id"), from: 0, until: None };
    // Output that is grouped is read at the end.
    let mut messages =
        (!args.group).then(|| stream::follow(client, &id, tasks.iter().enumerate().map(wanted).collect()));
    let bar = progress(args, names.len());
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let (mut interrupts, mut failed) = (0, 0);
    loop {
        tokio::select! {
            // Output first: a tick that is late hurts nobody.
            biased;
            message = next(&mut messages) => match message {
                None => break,
                Some(Message::Failed(failure)) => return Err(failure),
                Some(message) => {
                    let shown = bar.suspend(|| printer.message(&message));
                    if shown.is_err() {
                        // Whoever read our output went away; the job goes on without a viewer.
                        return wait(client, &id).await;
                    }
                }
            },
            _ = tokio::signal::ctrl_c() => {
                interrupts += 1;
                interrupted(client, &id, interrupts, &bar).await?;
            }
            _ = look.tick(), if !bar.is_hidden() || args.group => {
                match client.get(&["api", "jobs", &id], &[]).await {
                    Ok(job) if args.group && has_ended(&job) => break,
                    Ok(job) => {
                        failed = 0;
                        show(&bar, &job);
                    }
                    // Without a stream of output it is the looks that decide whether the host is gone.
                    Err(failure) if args.group && failed == LOOKS_FAILED_MAX => return Err(failure),
                    // A look that fails is tried again; the stream of output decides whether the host is gone.
                    Err(_) => failed += 1,
                }
            }
        }
    }
    bar.finish_and_clear();
    wait(client, &id).await
}

/// The next message; never one if output is not followed.
async fn next(messages: &mut Option<tokio::sync::mpsc::Receiver<Message>>) -> Option<Message> {
    match messages {
        Some(messages) => messages.recv().await,
        None => std::future::pending().await,
    }
}

fn has_ended(job: &Value) -> bool {
    !matches!(field(job, "status").as_str(), "queued" | "running")
}

/// Shows the output of a job that has ended, what is identical once.
pub async fn groups(args: &Args, client: &Client, job: &Value) -> Result<(), Failure> {
    let groups = job::groups::read(client, &field(job, "id"), "both").await?;
    if args.json {
        output::print_text(&format!("{}\n", json!({"type": "groups", "groups": groups})));
    } else {
        output::print_text(&job::groups::render(&groups, false, Paint::stdout()));
    }
    Ok(())
}

async fn interrupted(client: &Client, id: &str, count: u32, bar: &ProgressBar) -> Result<(), Failure> {
    if count > 1 {
        bar.finish_and_clear();
        return Err(Failure::new(Exit::Interrupted, format!("the job {id} is left alone"))
            .hint(format!("`corral logs {id} -f` follows it, `corral job cancel {id}` stops it")));
    }
    bar.suspend(|| eprintln!("corral: cancelling; Ctrl-C again leaves the job alone"));
    match client.post(&["api", "jobs", id, "cancel"], &json!({})).await {
        // It ended by itself in the meantime.
        Ok(_) | Err(Failure { exit: Exit::Conflict, .. }) => Ok(()),
        Err(failure) => Err(failure),
    }
}

/// The job once it has ended. All output was sent, so the end is near.
async fn wait(client: &Client, id: &str) -> Result<Value, Failure> {
    let mut pause = LAST_LOOK_EVERY;
    loop {
        let job = client.get(&["api", "jobs", id], &[]).await?;
        if has_ended(&job) {
            return Ok(job);
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LOOK_EVERY);
    }
}

fn progress(args: &Args, total: usize) -> ProgressBar {
    let terminal = std::io::stderr().is_terminal() && std::io::stdout().is_terminal();
    if args.quiet || args.json || !terminal {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::with_draw_target(Some(total as u64), ProgressDrawTarget::stderr());
    if let Ok(style) = ProgressStyle::with_template("{spinner:.cyan} [{bar:24.cyan/dim}] {pos}/{len} {elapsed} {msg}") {
        bar.set_style(style.progress_chars("━╸─"));
    }
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

fn show(bar: &ProgressBar, job: &Value) {
    let count = |key: &str| job["counts"].get(key).and_then(Value::as_u64).unwrap_or(0);
    let ended = ["succeeded", "failed", "cancelled", "timed_out", "unreachable", "unknown"];
    bar.set_position(ended.into_iter().map(count).sum());
    let parts = [wave(job), counts(job, Paint::stderr()), at_work(job)];
    bar.set_message(parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(" · "));
}

/// Which wave is at work, where there are several: `batch 2, wave 3 of 6`.
fn wave(job: &Value) -> String {
    let read = |key: &str| job.get(key).filter(|value| !value.is_null()).cloned();
    let strategy = Strategy {
        canary: read("canary").and_then(|share| serde_json::from_value(share).ok()),
        batch: read("batch").and_then(|batch| serde_json::from_value(batch).ok()),
        ..Strategy::default()
    };
    let tasks = job.get("tasks").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let waves = strategy.waves(tasks.len());
    let open = |task: &Value| matches!(field(task, "status").as_str(), "queued" | "connecting" | "running");
    match waves.iter().position(|wave| tasks[wave.tasks.clone()].iter().any(open)) {
        Some(at) if waves.len() > 1 => format!("{}, wave {} of {}", waves[at].name, at + 1, waves.len()),
        _ => String::new(),
    }
}

/// The VMs that are at work, as far as there is room: `web-[3-6]`.
fn at_work(job: &Value) -> String {
    let tasks = job.get("tasks").and_then(Value::as_array).into_iter().flatten();
    let running = tasks.filter(|task| matches!(field(task, "status").as_str(), "connecting" | "running"));
    let names: Vec<_> = running.map(|task| field(task, "vm_name")).collect();
    let folded = safe(&fold(names.iter().map(String::as_str)));
    if folded.chars().count() <= AT_WORK_WIDTH_MAX {
        return folded;
    }
    folded.chars().take(AT_WORK_WIDTH_MAX - 1).chain(['…']).collect()
}

/// `3 running, 12 succeeded, 1 failed`.
fn counts(job: &Value, paint: Paint) -> String {
    let all = ["queued", "running", "succeeded", "failed", "cancelled", "timed_out", "unreachable", "unknown"];
    let one = |status: &str| {
        let count = job["counts"].get(status).and_then(Value::as_u64).unwrap_or(0);
        (count > 0).then(|| format!("{count} {}", paint.status(status)))
    };
    all.into_iter().filter_map(one).collect::<Vec<_>>().join(", ")
}

/// How it ended, on standard error; with `--json` as the last object.
pub fn report(args: &Args, job: &Value) {
    if args.json {
        output::print_text(&format!("{}\n", json!({"type": "job", "job": job})));
        return;
    }
    if args.quiet {
        return;
    }
    let total = job.get("tasks").and_then(Value::as_array).map_or(0, Vec::len);
    let all = total <= SUMMARY_ROWS_MAX;
    let table = job::tasks(job, |task| all || field(task, "status") != "succeeded");
    let paint = Paint::stderr();
    eprintln!();
    if all || field(job, "status") != "succeeded" {
        eprint!("{}", table.render(paint));
    }
    let id = field(job, "id");
    eprintln!("{} {id}: {}", paint.sgr("1", "job"), counts(job, paint));
    if let Some(advice) = advice(job) {
        eprintln!("   help: {advice}");
    }
}

/// What to do about a job that did not go well.
fn advice(job: &Value) -> Option<String> {
    let id = field(job, "id");
    let count = |key: &str| job["counts"].get(key).and_then(Value::as_u64).unwrap_or(0);
    if count("unknown") > 0 {
        return Some(format!("`corral job check {id}` looks after those whose end is unknown"));
    }
    let which = if count("failed") + count("timed_out") > 0 {
        "failed"
    } else if count("unreachable") > 0 {
        "unreachable"
    } else {
        return None;
    };
    Some(format!("`corral job retry {id} --which {which}` runs those again"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_tells_the_wave_and_who_is_at_work() {
        let task = |n: u32, status: &str| json!({"vm_name": format!("web-{n}"), "status": status});
        let mut job = json!({"id": "x", "canary": 1, "batch": {"size": "40%", "pause_seconds": 5}, "counts": {"failed": 1},
            "tasks": [task(1, "succeeded"), task(2, "running"), task(3, "connecting"), task(4, "queued"), task(5, "queued")]});
        assert_eq!(wave(&job), "batch 1, wave 2 of 3");
        assert_eq!(at_work(&job), "web-[2-3]");
        assert_eq!(advice(&job).unwrap(), "`corral job retry x --which failed` runs those again");
        job["canary"] = Value::Null;
        job["batch"] = Value::Null;
        assert_eq!(wave(&job), "");
    }
}
