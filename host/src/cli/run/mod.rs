//! `corral run`: a command or a template on chosen VMs, with the output as it comes.

mod preview;
mod request;
mod watch;

use std::path::PathBuf;

use anyhow::Result;
use corral_domain::Share;
use serde_json::{Value, json};

use super::connect::Connect;
use super::exit::{Exit, Failure};
use super::output::{self, field};
use super::vm::pair;

/// Run a command or a template on VMs and show the output live.
///
/// Give the VMs by --select or --vm, and what to run as words after `--`, as a script, or as a template. Words reach the
/// command as they are, no shell in between; a script is run by the account's sh.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  corral run -l env=prod,role=web -- uptime
  corral run --vm web-1,web-2 --script 'df -h | sort'
  corral run -l all --template templates/disk-usage --arg warn_at=80
  corral run -l role=web --canary 1 --batch 20% --batch-pause 30 --max-failures 3 -- systemctl restart nginx
  corral run -l role=db --run-as postgres --run-as-secret db-sudo -- psql -c 'select 1'
  corral run -l all --group -- uname -r           identical output once, under the VMs that gave it
  corral run -l env=prod --dry-run -- reboot      what would run where; nothing is started

Ends with 0 if all tasks succeeded, 1 if some failed or were cancelled, 4 if the end of some is not known; otherwise as
`corral --help` says. Ctrl-C cancels the job, a second one leaves it running and ends.")]
pub struct Args {
    /// VMs by selector: `env=prod,role=web|db,!canary`, names with `*`, or `all`.
    #[arg(short = 'l', long, value_name = "SELECTOR", required_unless_present = "vm", conflicts_with = "vm")]
    select: Option<String>,
    /// VMs by name or id; may be given several times, or joined by commas.
    #[arg(long, value_name = "NAME", num_args = 1..)]
    vm: Vec<String>,
    /// The command and its words, after `--`.
    #[arg(last = true, value_name = "COMMAND")]
    words: Vec<String>,
    /// Shell text.
    #[arg(long, value_name = "TEXT", group = "what", conflicts_with = "words")]
    script: Option<String>,
    /// A file with shell text; `-` reads standard input.
    #[arg(long, value_name = "FILE", group = "what", conflicts_with = "words")]
    script_file: Option<PathBuf>,
    /// A template by its id.
    #[arg(long, value_name = "ID", group = "what", conflicts_with = "words")]
    template: Option<String>,
    /// An argument of the template; may be given several times.
    #[arg(long = "arg", value_name = "KEY=VALUE", value_parser = pair, requires = "template")]
    template_args: Vec<(String, String)>,
    /// At most this many VMs at once.
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    parallelism: Option<u32>,
    /// Stop a task after this many seconds.
    #[arg(short, long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    timeout: Option<u32>,
    /// Stop the whole job after this many seconds; what has not begun by then never does.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    job_timeout: Option<u32>,
    /// How it runs: `durable` survives broken connections and restarts of the host; `direct` does not and costs less. Without,
    /// as the template says, else durable.
    #[arg(long, value_parser = ["durable", "direct"])]
    mode: Option<String>,
    /// So many VMs go first, alone: `1` or `5%`. The others only if all of these succeed.
    #[arg(long, value_name = "N|N%")]
    canary: Option<Share>,
    /// So many VMs at a time: `5` or `20%`. The next ones begin when all of these have ended.
    #[arg(long, value_name = "N|N%")]
    batch: Option<Share>,
    /// Seconds between two batches.
    #[arg(long, value_name = "SECONDS", requires = "batch")]
    batch_pause: Option<u32>,
    /// No task begins any more once so many have gone wrong: `3` or `10%`.
    #[arg(long, value_name = "N|N%")]
    max_failures: Option<Share>,
    /// Run as this account, by sudo.
    #[arg(long, value_name = "USER")]
    run_as: Option<String>,
    /// The secret that holds the password that sudo asks for (`corral secret set NAME`); without, it must not ask.
    #[arg(long, value_name = "NAME", requires = "run_as")]
    run_as_secret: Option<String>,
    /// Pass output through this log filter too; may be given several times.
    #[arg(long, value_name = "PLUGIN")]
    filter: Vec<String>,
    /// Do not pass output through this log filter; for admins, as it may be what keeps secrets out of the log.
    #[arg(long, value_name = "PLUGIN")]
    no_filter: Vec<String>,
    /// The same key with the same request makes one job, however often it is sent within a day.
    #[arg(long, value_name = "KEY")]
    idempotency_key: Option<String>,
    /// Only show what would run, where and in which order.
    #[arg(long, conflicts_with_all = ["detach", "group"])]
    dry_run: bool,
    /// Show output at the end: what is identical once, under the VMs that gave it, and how the rest differs.
    #[arg(short, long, conflicts_with_all = ["detach", "timestamps", "no_prefix"])]
    group: bool,
    /// A variable of the command's environment; may be given several times.
    #[arg(short, long, value_name = "KEY=VALUE", value_parser = pair)]
    env: Vec<(String, String)>,
    /// The folder in which it starts.
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<String>,
    /// Print the job's id and do not wait.
    #[arg(short, long)]
    detach: bool,
    /// Only the output: no progress, no summary.
    #[arg(short, long)]
    quiet: bool,
    /// Leave the VM's name out.
    #[arg(long)]
    no_prefix: bool,
    /// Show when each line was received.
    #[arg(long)]
    timestamps: bool,
    /// One JSON object per line: `line` for output, `job` at the end.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: Connect,
}

/// Creates the job and shows it to its end.
pub async fn run(args: Args) -> Result<Exit> {
    if args.words.is_empty() && args.script.is_none() && args.script_file.is_none() && args.template.is_none() {
        return Err(Failure::new(Exit::Usage, "nothing to run")
            .hint("give a command after `--`, or --script, --script-file or --template")
            .into());
    }
    let client = args.connect.client()?;
    let body = request::build(&args, &client).await?;
    let job = client.post_keyed(&["api", "jobs"], &body, args.idempotency_key.as_deref()).await?;
    if args.dry_run {
        preview::show(&args, &job)?;
        return Ok(Exit::Ok);
    }
    if args.detach {
        if args.json {
            output::json(&json!({"type": "job", "job": job}))?;
        } else {
            say!("{}", field(&job, "id"));
        }
        return Ok(Exit::Ok);
    }
    let end: Value = watch::to_the_end(&args, &client, &job).await?;
    if args.group {
        watch::groups(&args, &client, &end).await?;
    }
    watch::report(&args, &end);
    Ok(super::job::exit_of(&end)?)
}
