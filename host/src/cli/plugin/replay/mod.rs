//! `corral plugin replay`: what a filter would have made of output that is stored, before it is switched on.
//!
//! Stored output has been through the filters of its job already: what `redact` took out then is not there now.

mod compare;
mod source;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use corral_domain::{Extras, FilterChoice, JobId, LineHead, Lines, NewVm, OutputStream, Timestamp, Vm, VmId};
use corral_engine::ports::{FilterChain, StreamInfo};
use corral_plugin_host::{Bench, Setting};
use serde::Deserialize;
use serde_json::{Value, json};

use self::compare::{Counts, Fate, Given, compare};
use self::source::Source;
use super::bench;
use crate::cli::client::Client;
use crate::cli::connect::Connect;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{self, Paint, field, safe};
use crate::cli::resolve;

/// Lines that a filter is given at once.
const BATCH_LINES: usize = 1_024;
/// Where changes end to be shown, without `--show`.
const SHOWN: usize = 200;

/// What to replay, and through what.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  corral plugin replay last                            through the filter in this folder
  corral plugin replay last --plugin structured        through one that comes with Corral
  corral plugin replay JOB --vm web-1 --config try.json --show 0
- is a line as it is stored, + as it would be, x one that would be left out, ~ one that would be annotated.")]
pub struct Replay {
    /// The job: its id, the last part of it, or `last`.
    job: String,
    /// Only this VM, by name or id.
    #[arg(long, value_name = "NAME")]
    vm: Option<String>,
    /// The filter: a project, the folder of a built plugin, or the id of one that comes with Corral.
    #[arg(long, value_name = "DIR|ID", default_value = ".")]
    plugin: String,
    /// A file with its configuration as JSON; without it the manifest's default.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// How many changes of each VM are shown; 0 for all.
    #[arg(long, value_name = "N", default_value_t = SHOWN)]
    show: usize,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: Connect,
}

/// A stored line, as a host exports it.
#[derive(Deserialize)]
struct Stored {
    n: u64,
    stream: OutputStream,
    text: String,
    #[serde(default)]
    partial: bool,
    annotations: BTreeMap<String, String>,
}

/// Replays a job's output.
pub async fn run(args: Replay) -> Result<Exit> {
    let client = args.connect.client()?;
    let id = resolve::job(&client, &args.job).await?;
    let job = client.get(&["api", "jobs", &id], &[]).await?;
    let tasks = chosen(&job, args.vm.as_deref())?;
    let source = Source::find(&args.plugin).await?;
    let setting = Setting { config: config(args.config.as_ref())?, ..Setting::default() };
    let plugin = bench::workshop().await?.load(source.folder(), setting).await;
    let plugin = plugin.map_err(|error| Failure::new(Exit::Failed, format!("the plugin cannot be loaded: {error}")))?;
    let mut report = Report { shown: args.show, json: args.json, tasks: Vec::new(), all: Counts::default() };
    for task in &tasks {
        let one = Task::of(&client, &job, task).await?;
        let replayed = one.replay(&client, &plugin, &mut report).await?;
        report.ended(&one.name, replayed);
    }
    if let Some(fault) = plugin.fault() {
        return Err(Failure::new(Exit::Failed, format!("the filter failed: {fault}")).into());
    }
    report.finish(tasks.len())
}

fn config(file: Option<&PathBuf>) -> Result<Option<Value>, Failure> {
    let Some(path) = file else { return Ok(None) };
    let bad = |why: String| Failure::new(Exit::Usage, format!("{}: {why}", path.display()));
    let text = std::fs::read_to_string(path).map_err(|error| bad(format!("it cannot be read: {error}")))?;
    serde_json::from_str(&text).map(Some).map_err(|error| bad(format!("it is not JSON: {error}")))
}

fn chosen(job: &Value, vm: Option<&str>) -> Result<Vec<Value>, Failure> {
    let tasks = job.get("tasks").and_then(Value::as_array).cloned().unwrap_or_default();
    let Some(vm) = vm else { return Ok(tasks) };
    let found = tasks.iter().find(|task| field(task, "vm_name") == vm || field(task, "vm_id") == vm);
    found.cloned().map(|task| vec![task]).ok_or_else(|| {
        let names: Vec<_> = tasks.iter().map(|task| field(task, "vm_name")).collect();
        resolve::unknown("VM in this job", vm, &names, &format!("corral job show {}", field(job, "id")))
    })
}

/// A task whose output is replayed.
struct Task {
    job: JobId,
    vm_id: VmId,
    name: String,
    template: Option<String>,
    vm: Arc<Vm>,
}

impl Task {
    async fn of(client: &Client, job: &Value, task: &Value) -> Result<Self> {
        let (job_id, vm_id) = (field(job, "id").parse().context("the job's id")?, field(task, "vm_id"));
        let template = job.pointer("/template/id").and_then(Value::as_str).map(str::to_owned);
        let name = field(task, "vm_name");
        // It may have left the inventory since; the filter is then told its name and no more.
        let known = client.get(&["api", "vms", &vm_id], &[]).await.unwrap_or(Value::Null);
        let port = known.get("port").and_then(Value::as_u64).and_then(|port| port.try_into().ok()).unwrap_or(22);
        let mut new = NewVm::ssh(&name, field(&known, "address"), port, field(&known, "user"));
        for (key, value) in known.get("labels").and_then(Value::as_object).into_iter().flatten() {
            new.labels.insert(key.clone(), value.as_str().unwrap_or_default().to_owned());
        }
        let vm_id = vm_id.parse().context("the VM's id")?;
        let vm = Arc::new(Vm::new(vm_id, new, Timestamp::from_millis(0)));
        Ok(Self { job: job_id, vm_id, name, template, vm })
    }

    fn stream(&self, stream: OutputStream) -> StreamInfo {
        let (template, vm) = (self.template.clone(), self.vm.clone());
        StreamInfo { job: self.job, template, vm, stream, filters: FilterChoice::default() }
    }

    /// Sends all that is stored through the filter, each output through a stream of its own.
    async fn replay(&self, client: &Client, plugin: &Bench, report: &mut Report) -> Result<Replayed> {
        let (job, vm) = (self.job.to_string(), self.vm_id.to_string());
        let segments = ["api", "jobs", &job, "tasks", &vm, "log", "export"];
        let mut lines = client.lines(&segments, &[("format", "ndjson".to_owned())]).await?;
        let [out, err] = [OutputStream::Stdout, OutputStream::Stderr];
        let mut streams =
            [Stream::open(plugin, self.stream(out)).await?, Stream::open(plugin, self.stream(err)).await?];
        let mut replayed = Replayed::default();
        loop {
            let line = lines.next().await?;
            if let Some(line) = &line {
                match serde_json::from_str::<Stored>(line) {
                    Ok(stored) => streams[usize::from(stored.stream == err)].push(stored),
                    // A run that cannot be read any more.
                    Err(_) => replayed.damaged += 1,
                }
            }
            let full = streams.iter().any(|stream| stream.given.len() >= BATCH_LINES);
            if full || line.is_none() {
                let fates = [streams[0].flush().await?, streams[1].flush().await?].concat();
                report.add(&self.name, &mut replayed, fates);
            }
            if line.is_none() {
                break;
            }
        }
        let [out, err] = streams;
        let added = [out.end().await?, err.end().await?].concat();
        report.add(&self.name, &mut replayed, added);
        Ok(replayed)
    }
}

/// One output of a task on its way through the filter.
struct Stream {
    chain: Box<dyn FilterChain>,
    given: Vec<Given>,
    lines: Lines,
}

impl Stream {
    async fn open(plugin: &Bench, info: StreamInfo) -> Result<Self, Failure> {
        let chain = plugin.filter(info).await.map_err(|error| Failure::new(Exit::Failed, error.to_string()))?;
        Ok(Self { chain, given: Vec::new(), lines: Lines::default() })
    }

    fn push(&mut self, stored: Stored) {
        // A filter sees no times, so a line's number travels in its place and tells which one came back.
        let number = i64::try_from(stored.n).unwrap_or(i64::MAX);
        let head = LineHead { at: Timestamp::from_millis(number), stream: stored.stream, partial: stored.partial };
        let extras = Extras { annotations: stored.annotations.clone(), changed_by: Vec::new() };
        self.lines.push_with(head, stored.text.as_bytes(), extras);
        self.given.push(Given { number, text: stored.text, annotations: stored.annotations });
    }

    async fn flush(&mut self) -> Result<Vec<Fate>, Failure> {
        if self.given.is_empty() {
            return Ok(Vec::new());
        }
        let (given, lines) = (std::mem::take(&mut self.given), std::mem::take(&mut self.lines));
        let out = self.chain.process(lines).await;
        let out = out.map_err(|error| Failure::new(Exit::Failed, format!("the filter failed: {error}")))?;
        Ok(compare(given, &out))
    }

    async fn end(mut self) -> Result<Vec<Fate>, Failure> {
        let added = self.chain.finish().await;
        let added = added.map_err(|error| Failure::new(Exit::Failed, format!("the filter failed: {error}")))?;
        Ok(added.iter().map(|line| Fate::Added(String::from_utf8_lossy(line.text).into_owned())).collect())
    }
}

/// What came of one task.
#[derive(Default)]
struct Replayed {
    counts: Counts,
    damaged: u64,
    shown: usize,
    changes: Vec<Value>,
}

/// What is told of it.
struct Report {
    shown: usize,
    json: bool,
    tasks: Vec<Value>,
    all: Counts,
}

impl Report {
    fn add(&mut self, vm: &str, replayed: &mut Replayed, mut fates: Vec<Fate>) {
        fates.sort_by_key(Fate::number);
        for fate in fates {
            replayed.counts.count(&fate);
            if fate == Fate::Same {
                continue;
            }
            replayed.shown += 1;
            if self.shown > 0 && replayed.shown > self.shown {
                continue;
            }
            if self.json {
                replayed.changes.push(fate.to_json());
            } else {
                show(vm, &fate);
            }
        }
    }

    fn ended(&mut self, vm: &str, replayed: Replayed) {
        if self.json {
            self.tasks.push(json!({
                "vm": vm,
                "lines": replayed.counts.to_json(),
                "damaged": replayed.damaged,
                "changes": replayed.changes,
            }));
        } else {
            let hidden = if self.shown == 0 { 0 } else { replayed.shown.saturating_sub(self.shown) };
            if hidden > 0 {
                say!("{}  … and {hidden} more; --show 0 shows all", safe(vm));
            }
            if replayed.damaged > 0 {
                say!("{}  {} runs of lines are damaged and were left out", safe(vm), replayed.damaged);
            }
            say!("{}  {}", safe(vm), replayed.counts);
        }
        self.all.add(&replayed.counts);
    }

    fn finish(self, tasks: usize) -> Result<Exit> {
        if self.json {
            output::json(&json!({ "lines": self.all.to_json(), "tasks": self.tasks }))?;
        } else if tasks != 1 {
            say!("in all  {}", self.all);
        }
        Ok(Exit::Ok)
    }
}

fn show(vm: &str, fate: &Fate) {
    let paint = Paint::stdout();
    let at = |number: i64| format!("{}  {number:>6}", safe(vm));
    match fate {
        Fate::Same => {}
        Fate::Changed { number, before, after, facts } => {
            say!("{} {}", at(*number), paint.sgr("31", &format!("- {}", safe(before))));
            say!("{} {}", at(*number), paint.sgr("32", &format!("+ {}{}", safe(after), compare::shown(facts))));
        }
        Fate::Annotated { number, text, facts } => {
            say!("{} {}", at(*number), paint.sgr("36", &format!("~ {}{}", safe(text), compare::shown(facts))));
        }
        Fate::Dropped { number, text } => say!("{} {}", at(*number), paint.sgr("2", &format!("x {}", safe(text)))),
        Fate::Added(text) => say!("{}     end {}", safe(vm), paint.sgr("32", &format!("+ {}", safe(text)))),
    }
}
