//! `corral logs`: what a job wrote, from the store and as it comes.

use anyhow::Result;
use serde_json::Value;

use super::client::Client;
use super::connect::Connect;
use super::exit::{Exit, Failure};
use super::output::field;
use super::printer::{Printer, Style};
use super::resolve;
use super::stream::{self, Message, Wanted};

/// Show what a job wrote.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The job: its id, the last part of it, or `last`.
    job: String,
    /// Only this VM, by name or id; may be given several times.
    vm: Vec<String>,
    /// Go on until the job has ended.
    #[arg(short, long)]
    follow: bool,
    /// Only the last N lines of each VM.
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    tail: Option<u32>,
    /// Show when each line was received.
    #[arg(short, long)]
    timestamps: bool,
    /// Leave the VM's name out.
    #[arg(long)]
    no_prefix: bool,
    /// One JSON object per line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: Connect,
}

/// Shows the output.
pub async fn run(args: Args) -> Result<Exit> {
    let client = args.connect.client()?;
    let id = resolve::job(&client, &args.job).await?;
    let job = client.get(&["api", "jobs", &id], &[]).await?;
    let tasks = chosen(&job, &args.vm)?;
    let names: Vec<_> = tasks.iter().map(|task| field(task, "vm_name")).collect();
    let style = Style { timestamps: args.timestamps, prefix: !args.no_prefix && names.len() > 1, json: args.json };
    let mut printer = Printer::new(&names, style);
    let from = args.tail.map_or(0, |tail| -i64::from(tail));
    let wanted = |index: usize, task: &Value| Wanted { index, vm: field(task, "vm_id"), from, until: None };
    if args.follow {
        let all = tasks.iter().enumerate().map(|(index, task)| wanted(index, task)).collect();
        show(&client, &id, all, &mut printer).await?;
        return Ok(Exit::Ok);
    }
    // One VM after the other: what belongs together stays together.
    for (index, task) in tasks.iter().enumerate() {
        let mut wanted = wanted(index, task);
        let page = first_page(&client, &id, &wanted.vm).await?;
        let total = page.get("total").and_then(Value::as_u64).unwrap_or(0);
        if total == 0 {
            continue;
        }
        wanted.until = Some(total);
        show(&client, &id, vec![wanted], &mut printer).await?;
    }
    Ok(Exit::Ok)
}

async fn first_page(client: &Client, job: &str, vm: &str) -> Result<Value, Failure> {
    client.get(&["api", "jobs", job, "tasks", vm, "log"], &[("count", "1".to_owned())]).await
}

fn chosen(job: &Value, written: &[String]) -> Result<Vec<Value>, Failure> {
    let tasks = job.get("tasks").and_then(Value::as_array).cloned().unwrap_or_default();
    if written.is_empty() {
        return Ok(tasks);
    }
    let find = |name: &String| {
        let fits = |task: &&Value| field(task, "vm_name") == *name || field(task, "vm_id") == *name;
        tasks.iter().find(fits).cloned().ok_or_else(|| {
            let names: Vec<_> = tasks.iter().map(|task| field(task, "vm_name")).collect();
            resolve::unknown("VM in this job", name, &names, &format!("corral job show {}", field(job, "id")))
        })
    };
    written.iter().map(find).collect()
}

async fn show(client: &Client, job: &str, wanted: Vec<Wanted>, printer: &mut Printer) -> Result<(), Failure> {
    let mut messages = stream::follow(client, job, wanted);
    while let Some(message) = messages.recv().await {
        if let Message::Failed(failure) = message {
            return Err(failure);
        }
        if printer.message(&message).is_err() {
            // Whoever read our output went away.
            return Ok(());
        }
    }
    Ok(())
}
