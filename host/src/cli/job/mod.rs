//! `corral job`: what was run.

mod act;
mod export;
pub mod groups;

use anyhow::Result;
use serde_json::Value;

use super::connect::Connect;
use super::exit::{Exit, Failure};
use super::output::{self, Paint, Table, field, safe, time};
use super::resolve;

/// The jobs.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List jobs, newest first.
    Ls(Ls),
    /// Show a job and its tasks.
    Show(One),
    /// Stop a job, or its tasks on some VMs.
    Cancel(act::Tasks),
    /// Give up on a job whose machines do not answer; what runs there may go on.
    Close(One),
    /// Run again what did not go well, as a new job.
    #[command(after_help = RETRY_HELP)]
    Retry(act::Retry),
    /// Look after tasks whose end is unknown.
    Check(act::Tasks),
    /// Show identical output once, and how the rest differs.
    Groups(groups::Groups),
    /// Write what it wrote into a file: one log, or an archive of all.
    Export(export::Export),
}

const RETRY_HELP: &str = "\
Examples:
  corral job retry last                          those that failed or took too long
  corral job retry last --which unreachable
  corral job retry 0b5a --which not-started      those that a canary, a limit or a cancel kept from beginning

The new job has the same commands and settings, on those VMs that still exist. Standard input is never kept: a job that had
some is started anew.";

/// List jobs.
#[derive(Debug, clap::Args)]
pub struct Ls {
    /// Only those with this status.
    #[arg(long, value_parser = ["queued", "running", "succeeded", "failed", "cancelled", "unknown"])]
    status: Option<String>,
    /// Only those with a task on this VM, by name or id.
    #[arg(long)]
    vm: Option<String>,
    /// Only those made from this template.
    #[arg(long, value_name = "ID")]
    template: Option<String>,
    /// At most this many.
    #[arg(short = 'n', long, default_value_t = 20)]
    limit: usize,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: Connect,
}

/// One job.
#[derive(Debug, clap::Args)]
pub struct One {
    /// Its id, the last part of it, or `last`.
    job: String,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: Connect,
}

/// Does what was asked.
pub async fn run(command: Command) -> Result<Exit> {
    match command {
        Command::Ls(args) => ls(args).await,
        Command::Show(args) => show(args).await,
        Command::Cancel(args) => act::cancel(args).await,
        Command::Close(args) => act::close(args).await,
        Command::Retry(args) => act::retry(args).await,
        Command::Check(args) => act::check(args).await,
        Command::Groups(args) => groups::run(args).await,
        Command::Export(args) => export::run(args).await,
    }
}

async fn ls(args: Ls) -> Result<Exit> {
    let client = args.connect.client()?;
    let mut query = Vec::new();
    query.extend(args.status.map(|status| ("status", status)));
    query.extend(args.template.map(|template| ("template", template)));
    if let Some(vm) = &args.vm {
        query.push(("vm", field(&resolve::vm(&client, vm).await?, "id")));
    }
    let jobs = client.list(&["api", "jobs"], &query, Some(args.limit)).await?;
    if args.json {
        output::json(&Value::Array(jobs))?;
        return Ok(Exit::Ok);
    }
    let mut table = Table::new(&["JOB", "STATUS", "CREATED (UTC)", "VMS", "FAILED", "BY", "COMMAND"]);
    for job in &jobs {
        let vms = job.get("targets").and_then(Value::as_array).map_or(0, Vec::len);
        let failed = not_well(job.get("counts").unwrap_or(&Value::Null));
        table.row([
            field(job, "id"),
            field(job, "status"),
            time(job, "created_at"),
            vms.to_string(),
            failed.to_string(),
            field(job, "created_by"),
            what(job),
        ]);
    }
    table.print("no jobs; `corral run -l all -- uptime` makes one");
    Ok(Exit::Ok)
}

fn not_well(counts: &Value) -> u64 {
    let count = |key: &str| counts.get(key).and_then(Value::as_u64).unwrap_or(0);
    ["failed", "timed_out", "unreachable", "unknown"].into_iter().map(count).sum()
}

/// What a job runs, on one line.
pub fn what(job: &Value) -> String {
    const WIDTH_MAX: usize = 60;
    let template = job.get("template").filter(|template| !template.is_null()).map(|template| field(template, "id"));
    let text = template.unwrap_or_else(|| {
        let command = job.get("command").cloned().unwrap_or_default();
        match command.get("argv").and_then(Value::as_array) {
            Some(argv) => corral_domain::quote_argv(&argv.iter().filter_map(Value::as_str).collect::<Vec<_>>()),
            None => field(&command, "script"),
        }
    });
    let text = safe(text.trim());
    if text.chars().count() <= WIDTH_MAX {
        return text;
    }
    text.chars().take(WIDTH_MAX - 1).chain(['…']).collect()
}

async fn show(args: One) -> Result<Exit> {
    let client = args.connect.client()?;
    let id = resolve::job(&client, &args.job).await?;
    let job = client.get(&["api", "jobs", &id], &[]).await?;
    if args.json {
        output::json(&job)?;
    } else {
        print_job(&job);
    }
    Ok(Exit::Ok)
}

fn print_job(job: &Value) {
    let line = |key: &str, value: &str| {
        if !value.is_empty() {
            say!("{key:<10} {value}");
        }
    };
    line("job", &field(job, "id"));
    line("status", &Paint::stdout().status(&field(job, "status")));
    line("command", &what(job));
    line("again of", &field(job, "retry_of"));
    line("as", &job.get("run_as").map(|run_as| safe(&field(run_as, "user"))).unwrap_or_default());
    line("order", &order(job));
    line("by", &safe(&field(job, "created_by")));
    line("created", &time(job, "created_at"));
    line("started", &time(job, "started_at"));
    line("finished", &time(job, "finished_at"));
    say!();
    output::print_text(&tasks(job, |_| true).render(Paint::stdout()));
}

/// How it goes over its VMs: `canary 1; batches of 20%, 30 s apart; stops at 3`.
pub fn order(job: &Value) -> String {
    let mut parts = Vec::new();
    let mut part = |key: &str, before: &str, after: &str| {
        let value = field(job, key);
        if !value.is_empty() {
            parts.push(format!("{before}{}{after}", safe(&value)));
        }
    };
    part("canary", "canary ", "");
    part("max_failures", "stops at ", " that go wrong");
    part("job_timeout_seconds", "at most ", " s");
    if let Some(batch) = job.get("batch").filter(|batch| !batch.is_null()) {
        let pause = batch.get("pause_seconds").and_then(Value::as_u64).unwrap_or(0);
        let pause = if pause > 0 { format!(", {pause} s apart") } else { String::new() };
        parts.push(format!("batches of {}{pause}", safe(&field(batch, "size"))));
    }
    parts.join("; ")
}

/// The tasks of a job as a table.
pub fn tasks(job: &Value, wanted: impl Fn(&Value) -> bool) -> Table {
    let mut table = Table::new(&["VM", "STATUS", "EXIT", "TIME", "LINES", "MESSAGE"]);
    let tasks = job.get("tasks").and_then(Value::as_array);
    for task in tasks.into_iter().flatten().filter(|task| wanted(task)) {
        let signal = field(task, "signal");
        let exit = if signal.is_empty() { field(task, "exit_code") } else { format!("SIG{signal}") };
        table.row([
            field(task, "vm_name"),
            field(task, "status"),
            exit,
            duration(task),
            field(task, "lines"),
            message(task),
        ]);
    }
    table
}

/// Why a task ended as it did, with its receipt.
fn message(task: &Value) -> String {
    let message = field(task, "message");
    let receipt = task.get("receipt").map(|receipt| field(receipt, "message")).unwrap_or_default();
    match (message.is_empty(), receipt.is_empty() || message.contains(&receipt)) {
        (_, true) => message,
        (true, false) => receipt,
        (false, false) => format!("{message}; {receipt}"),
    }
}

fn duration(task: &Value) -> String {
    let at = |key: &str| field(task, key).parse::<corral_domain::Timestamp>().ok();
    let (Some(from), Some(to)) = (at("started_at"), at("finished_at")) else { return String::new() };
    let millis = to.millis_since(from);
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..60_000 => format!("{}.{} s", millis / 1_000, millis % 1_000 / 100),
        _ => format!("{} min {} s", millis / 60_000, millis % 60_000 / 1_000),
    }
}

/// How a program that waited for a job ends.
pub fn exit_of(job: &Value) -> Result<Exit, Failure> {
    match field(job, "status").as_str() {
        "succeeded" => Ok(Exit::Ok),
        "failed" | "cancelled" => Ok(Exit::Failed),
        "unknown" => Ok(Exit::Unknown),
        other => Err(Failure::new(Exit::Internal, format!("the job ended with the status `{}`", safe(other)))),
    }
}
