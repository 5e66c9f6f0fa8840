//! `corral job export`: what a job wrote, as a file.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;

use crate::cli::client::{Answer, Client};
use crate::cli::connect::Connect;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{field, safe};
use crate::cli::resolve;

/// What to export, and how.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  corral job export last                             an archive: corral-JOB.tar
  corral job export last --vm web-1 -o -             one log, to standard output
  corral job export last --format ndjson --compress zstd
  corral job export last --ansi strip -o run.tar")]
pub struct Export {
    /// Its id, the last part of it, or `last`.
    job: String,
    /// Only the log of this VM, by name or id; without it an archive of all, with job.json.
    #[arg(long, value_name = "NAME")]
    vm: Option<String>,
    /// text: the bytes as they came. ndjson: a JSON object a line, with number, time, output and annotations.
    #[arg(long, default_value = "text", value_parser = ["text", "ndjson"])]
    format: String,
    /// How the file is compressed.
    #[arg(long, default_value = "none", value_parser = ["none", "gzip", "zstd"])]
    compress: String,
    /// Whether colours and other escape sequences stay.
    #[arg(long, default_value = "keep", value_parser = ["keep", "strip"])]
    ansi: String,
    /// Where to write it; `-` is standard output. Without it a file of a name that says what it is, in this folder.
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Write over a file that is there.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    connect: Connect,
}

/// Exports a job or one of its logs.
pub async fn run(args: Export) -> Result<Exit> {
    let client = args.connect.client()?;
    let id = resolve::job(&client, &args.job).await?;
    let query = [("format", args.format.clone()), ("compress", args.compress.clone()), ("ansi", args.ansi.clone())];
    let vm = match &args.vm {
        Some(vm) => Some(task_vm(&client, &id, vm).await?),
        None => None,
    };
    let segments = match &vm {
        Some(vm) => vec!["api", "jobs", &id, "tasks", vm, "log", "export"],
        None => vec!["api", "jobs", &id, "export"],
    };
    if args.output.as_deref() == Some(Path::new("-")) {
        let mut answer = client.stream(&segments, &query).await?;
        while let Some(part) = answer.chunk().await? {
            if std::io::stdout().lock().write_all(&part).is_err() {
                // Whoever read our output went away.
                return Ok(Exit::Ok);
            }
        }
        return Ok(Exit::Ok);
    }
    let path = args.output.clone().unwrap_or_else(|| default_name(&args, &id).into());
    if !args.force && path.exists() {
        let failure = Failure::new(Exit::Usage, format!("{} is there already", path.display()));
        return Err(failure.hint("name another file with --output, or write over it with --force").into());
    }
    let answer = client.stream(&segments, &query).await?;
    let bytes = save(answer, &path).await?;
    eprintln!("{}: {bytes} bytes", path.display());
    Ok(Exit::Ok)
}

/// The id of a VM of the job. It may have left the inventory since.
async fn task_vm(client: &Client, job: &str, written: &str) -> Result<String, Failure> {
    let job = client.get(&["api", "jobs", job], &[]).await?;
    let tasks = job.get("tasks").and_then(Value::as_array).cloned().unwrap_or_default();
    let found = tasks.iter().find(|task| field(task, "vm_name") == written || field(task, "vm_id") == written);
    found.map(|task| field(task, "vm_id")).ok_or_else(|| {
        let names: Vec<_> = tasks.iter().map(|task| field(task, "vm_name")).collect();
        resolve::unknown("VM in this job", written, &names, &format!("corral job show {}", field(&job, "id")))
    })
}

/// A name made here: what a host sends is no name for a file of ours.
fn default_name(args: &Export, id: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let compressed = match args.compress.as_str() {
        "gzip" => ".gz",
        "zstd" => ".zst",
        _ => "",
    };
    let kind = if args.format == "ndjson" { "ndjson" } else { "log" };
    match &args.vm {
        Some(vm) => format!("corral-{id}-{}.{kind}{compressed}", vm.chars().map(plain).collect::<String>()),
        None => format!("corral-{id}.tar{compressed}"),
    }
}

/// Writes beside the file and puts it in place once all is there: a download that breaks off leaves nothing under its name.
async fn save(mut answer: Answer, path: &Path) -> Result<u64, Failure> {
    let fail = |error: std::io::Error| {
        let exit = if error.kind() == std::io::ErrorKind::StorageFull { Exit::DiskFull } else { Exit::Usage };
        Failure::new(exit, format!("{} cannot be written: {error}", safe(&path.display().to_string())))
    };
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let part = tempfile::Builder::new().prefix(".corral-").suffix(".part").tempfile_in(folder).map_err(fail)?;
    let mut file = tokio::fs::File::from_std(part.reopen().map_err(fail)?);
    let mut bytes = 0;
    while let Some(piece) = answer.chunk().await? {
        bytes += piece.len() as u64;
        file.write_all(&piece).await.map_err(fail)?;
    }
    file.flush().await.map_err(fail)?;
    part.persist(path).map_err(|error| fail(error.error))?;
    Ok(bytes)
}
