//! `corral job cancel | close | retry | check`: what can be done to a job.

use anyhow::Result;
use serde_json::{Value, json};

use super::One;
use crate::cli::client::Client;
use crate::cli::connect::Connect;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{self, field, safe};
use crate::cli::{fold, resolve};

/// A job, or some of its tasks.
#[derive(Debug, clap::Args)]
pub struct Tasks {
    /// Its id, the last part of it, or `last`.
    job: String,
    /// Only the tasks on these VMs, by name or id; may be given several times, or joined by commas.
    #[arg(long, value_name = "NAME", num_args = 1..)]
    vm: Vec<String>,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: Connect,
}

/// What of a job to run again.
#[derive(Debug, clap::Args)]
pub struct Retry {
    /// Its id, the last part of it, or `last`.
    job: String,
    /// Which of its tasks: those that failed or took too long, those that never began, those whose VM was not reached, those
    /// whose end is unknown (they may have run), or all.
    #[arg(long, default_value = "failed", value_parser = ["failed", "not-started", "unreachable", "unknown", "all"])]
    which: String,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: Connect,
}

/// Stops a job or some of its tasks.
pub async fn cancel(args: Tasks) -> Result<Exit> {
    let client = args.connect.client()?;
    let id = resolve::job(&client, &args.job).await?;
    let body = body(&client, &id, &args.vm).await?;
    let job = client.post(&["api", "jobs", &id, "cancel"], &body).await?;
    told(&job, args.json, &format!("cancelling; `corral job show {id}` tells how it ended, with a receipt for each VM"))
}

/// Gives up on a job.
pub async fn close(args: One) -> Result<Exit> {
    let client = args.connect.client()?;
    let id = resolve::job(&client, &args.job).await?;
    let job = client.post(&["api", "jobs", &id, "close"], &json!({})).await?;
    let unknown = job["counts"]["unknown"].as_u64().unwrap_or(0);
    let text = match unknown {
        0 => format!("closed; `corral job show {id}` tells how its tasks ended"),
        n => format!(
            "closed; how {n} of its tasks ended is not known, and they may go on: `corral job check {id}` looks"
        ),
    };
    told(&job, args.json, &text)
}

/// Looks after tasks whose end is unknown.
pub async fn check(args: Tasks) -> Result<Exit> {
    let client = args.connect.client()?;
    let id = resolve::job(&client, &args.job).await?;
    let body = body(&client, &id, &args.vm).await?;
    let job = client.post(&["api", "jobs", &id, "check"], &body).await?;
    told(&job, args.json, &format!("looking; `corral job show {id}` tells what was found out"))
}

/// Runs some of it again, as a new job.
pub async fn retry(args: Retry) -> Result<Exit> {
    let client = args.connect.client()?;
    let id = resolve::job(&client, &args.job).await?;
    let body = json!({ "which": args.which.replace('-', "_") });
    let job = client.post(&["api", "jobs", &id, "retry"], &body).await?;
    if args.json {
        return told(&job, true, "");
    }
    let names: Vec<_> = job["tasks"].as_array().into_iter().flatten().map(|task| field(task, "vm_name")).collect();
    let new = field(&job, "id");
    say!("{new}");
    eprintln!(
        "runs again on {}; `corral logs -f {new}` follows it",
        safe(&fold::fold(names.iter().map(String::as_str)))
    );
    Ok(Exit::Ok)
}

/// The tasks that were named, by the ids of their VMs. The VMs may be gone, so it is the job that knows their names.
async fn body(client: &Client, id: &str, written: &[String]) -> Result<Value, Failure> {
    if written.is_empty() {
        return Ok(json!({}));
    }
    let job = client.get(&["api", "jobs", id], &[]).await?;
    let tasks = job.get("tasks").and_then(Value::as_array).cloned().unwrap_or_default();
    let mut vms = Vec::new();
    for name in written.iter().flat_map(|names| names.split(',')).filter(|name| !name.is_empty()) {
        let task = tasks.iter().find(|task| field(task, "vm_name") == name || field(task, "vm_id") == name);
        let Some(task) = task else {
            let names: Vec<_> = tasks.iter().map(|task| field(task, "vm_name")).collect();
            return Err(resolve::unknown("VM in this job named", name, &names, &format!("corral job show {id}")));
        };
        vms.push(field(task, "vm_id"));
    }
    Ok(json!({ "vms": vms }))
}

fn told(job: &Value, json: bool, text: &str) -> Result<Exit> {
    if json {
        output::json(job)?;
    } else {
        say!("{text}");
    }
    Ok(Exit::Ok)
}
