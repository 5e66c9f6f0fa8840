//! A job from its creation to its end, as a person sees it.

use std::io::IsTerminal as _;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};

use super::Args;
use crate::cli::client::Client;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{Paint, field};
use crate::cli::printer::{Printer, Style};
use crate::cli::stream::{self, Message, Wanted};
use crate::cli::{job, output};

/// How often the counts are asked for.
const LOOK_EVERY: Duration = Duration::from_millis(400);
/// How often the end is asked for once all output has come.
const LAST_LOOK_EVERY: Duration = Duration::from_millis(50);
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
    let mut messages = stream::follow(client, &id, tasks.iter().enumerate().map(wanted).collect());
    let bar = progress(args, names.len());
    let mut look = tokio::time::interval(LOOK_EVERY);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut interrupts = 0;
    loop {
        tokio::select! {
            // Output first: a tick that is late hurts nobody.
            biased;
            message = messages.recv() => match message {
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
            _ = look.tick(), if !bar.is_hidden() => {
                // A look that fails is tried again; the stream of output decides whether the host is gone.
                if let Ok(job) = client.get(&["api", "jobs", &id], &[]).await {
                    show(&bar, &job);
                }
            }
        }
    }
    bar.finish_and_clear();
    wait(client, &id).await
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
        if !matches!(field(&job, "status").as_str(), "queued" | "running") {
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
    bar.set_message(counts(job, Paint::stderr()));
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
    eprintln!("{} {}: {}", paint.sgr("1", "job"), field(job, "id"), counts(job, paint));
}
