//! `corral search`: lines of what was ever written.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::time::Duration;

use anyhow::Result;
use corral_domain::{Clock, Timestamp};
use serde_json::Value;

use super::connect::Connect;
use super::exit::{Exit, Failure};
use super::output::{Paint, field, print_text, safe, terminal_text, time};
use super::resolve;

/// Search the output of jobs, newest first.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  corral search 'connection refused'
  corral search -E 'timeout after [0-9]+ ms' --vm web-1 --since 2h -C 2
  corral search --where 'level>=warn' --job last

Ends with 0 if lines were found and with 1 if none were, as grep does; with 12 if none were and some could not be
searched because they are damaged on disk.")]
pub struct Args {
    /// What a line holds; leave it out to find lines by --where alone.
    #[arg(required_unless_present = "annotations")]
    pattern: Option<String>,
    /// The pattern is a regular expression.
    #[arg(short = 'E', long)]
    regex: bool,
    /// Upper and lower case are the same.
    #[arg(short, long)]
    ignore_case: bool,
    /// Only this job: its id, the last part of it, or `last`.
    #[arg(long)]
    job: Option<String>,
    /// Only this VM, by name or id.
    #[arg(long)]
    vm: Option<String>,
    /// Only jobs made from this template.
    #[arg(long, value_name = "ID")]
    template: Option<String>,
    /// Only standard output, or only standard error.
    #[arg(long, value_parser = ["stdout", "stderr"])]
    stream: Option<String>,
    /// What filters found out: `level>=warn`, `user=ann`; may be given several times.
    #[arg(long = "where", value_name = "KEY=VALUE")]
    annotations: Vec<String>,
    /// Only lines received since: `30m`, `2h`, `7d`, or a time as in `2026-01-31T12:00:00Z`.
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only lines received before.
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Lines shown around each hit.
    #[arg(short = 'C', long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=50))]
    context: u32,
    /// End after so many hits.
    #[arg(short = 'n', long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// One JSON object per line, as the host sends them.
    #[arg(long)]
    json: bool,
    /// No progress on standard error.
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    connect: Connect,
}

/// Searches.
pub async fn run(args: Args) -> Result<Exit> {
    let client = args.connect.client()?;
    let mut query = vec![("context", args.context.to_string()), ("limit", args.limit.to_string())];
    let mut with = |key, value: Option<String>| query.extend(value.map(|value| (key, value)));
    with("q", args.pattern.clone());
    with("regex", args.regex.then(|| "true".to_owned()));
    with("ignore_case", args.ignore_case.then(|| "true".to_owned()));
    with("template", args.template.clone());
    with("stream", args.stream.clone());
    with("annotations", (!args.annotations.is_empty()).then(|| args.annotations.join(",")));
    with("since", args.since.as_deref().map(|text| moment("--since", text)).transpose()?);
    with("until", args.until.as_deref().map(|text| moment("--until", text)).transpose()?);
    if let Some(job) = &args.job {
        query.push(("job", resolve::job(&client, job).await?));
    }
    if let Some(vm) = &args.vm {
        query.push(("vm", field(&resolve::vm(&client, vm).await?, "id")));
    }
    let mut lines = client.lines(&["api", "search", "logs"], &query).await?;
    let (mut hits, mut damaged) = (0_u64, false);
    let mut shown = Shown::default();
    let progress = Progress::new(&args);
    while let Some(line) = lines.next().await? {
        if args.json {
            print_text(&format!("{line}\n"));
        }
        let Ok(message) = serde_json::from_str::<Value>(&line) else { continue };
        match field(&message, "type").as_str() {
            "hit" => {
                hits += 1;
                if !args.json {
                    progress.clear();
                    print_text(&shown.hit(&message));
                }
            }
            "progress" => progress.show(&message),
            "damaged" => {
                damaged = true;
                progress.clear();
                eprintln!(
                    "corral: {} lines from line {} of job {} are damaged on disk and were not searched",
                    field(&message, "count"),
                    message.get("first").and_then(Value::as_u64).unwrap_or(0) + 1,
                    field(&message, "job_id")
                );
            }
            "end" => {
                progress.clear();
                print_text(&shown.rest());
                return ended(&args, &message, hits, damaged);
            }
            _ => {}
        }
    }
    Err(Failure::new(Exit::Unreachable, "the host broke off the search")
        .hint("look into its log, and search again")
        .into())
}

/// How far a search is, on a terminal that shows nothing else: one line that is written over.
struct Progress {
    shown: bool,
}

impl Progress {
    fn new(args: &Args) -> Self {
        Self { shown: !args.quiet && std::io::stderr().is_terminal() }
    }

    fn show(&self, message: &Value) {
        if self.shown {
            let number = |key: &str| message.get(key).and_then(Value::as_u64).unwrap_or(0);
            let megabytes = number("bytes") / 1_000_000;
            let (lines, tasks, hits) = (number("lines"), number("tasks"), number("hits"));
            eprint!("\r\x1b[Ksearched {lines} lines, {megabytes} MB of {tasks} tasks; {hits} found");
        }
    }

    fn clear(&self) {
        if self.shown {
            eprint!("\r\x1b[K");
        }
    }
}

fn ended(args: &Args, end: &Value, hits: u64, damaged: bool) -> Result<Exit> {
    if let Some(error) = end.get("error").and_then(Value::as_str) {
        return Err(Failure::new(Exit::Internal, format!("the search broke off: {}", safe(error))).into());
    }
    if let Some(removed) = end.get("removed").and_then(Value::as_u64).filter(|removed| *removed > 0 && !args.json) {
        eprintln!("corral: the output of {removed} tasks is not kept any more and was not searched");
    }
    if end.get("limited") == Some(&Value::Bool(true)) && !args.json {
        eprintln!("corral: ended at {hits} lines; there may be more, -n shows more");
    }
    Ok(match (hits, damaged) {
        (0, true) => Exit::Database,
        (0, false) => Exit::Failed,
        _ => Exit::Ok,
    })
}

/// Puts hits on the terminal: under a head that names the log where it is another one than before, each line once.
#[derive(Default)]
struct Shown {
    log: String,
    /// Number of the last line that was shown of it.
    last: Option<u64>,
    /// Lines behind the last hit: they wait, as one of them may be the next hit.
    after: Vec<Value>,
}

impl Shown {
    fn hit(&mut self, hit: &Value) -> String {
        let mut out = String::new();
        let log = format!("{} {}", field(hit, "job_id"), field(hit, "vm_id"));
        let around = |key: &str| hit[key].as_array().cloned().unwrap_or_default();
        if log == self.log {
            let until = numbered(&hit["line"]);
            self.after.retain(|line| numbered(line) < until);
            out.push_str(&self.rest());
        } else {
            out.push_str(&self.rest());
            let name = Paint::stdout().sgr("1", &safe(&field(hit, "vm_name")));
            // Writing to a String cannot fail.
            let _ = writeln!(out, "{name}  job {}  {}", field(hit, "job_id"), time(hit, "job_created_at"));
            (self.log, self.last) = (log, None);
        }
        for line in around("before") {
            self.line(&mut out, &line, false);
        }
        self.line(&mut out, &hit["line"], true);
        self.after = around("after");
        out
    }

    /// What waits to be shown.
    fn rest(&mut self) -> String {
        let mut out = String::new();
        for line in std::mem::take(&mut self.after) {
            self.line(&mut out, &line, false);
        }
        out
    }

    fn line(&mut self, out: &mut String, line: &Value, is_hit: bool) {
        let n = numbered(line);
        if self.last.is_some_and(|last| n <= last) {
            return;
        }
        if self.last.is_some_and(|last| n > last + 1) {
            out.push_str("--\n");
        }
        self.last = Some(n);
        let number = format!("{:>7}{}", n + 1, if is_hit { ':' } else { '-' });
        let text = terminal_text(field(line, "text").as_bytes());
        let text = match line.get("cut") {
            Some(cut) => format!("…{text}… ({} bytes in all)", field(cut, "bytes")),
            None => text,
        };
        let _ = writeln!(out, "{} {text}", Paint::stdout().sgr(if is_hit { "32" } else { "2" }, &number));
    }
}

fn numbered(line: &Value) -> u64 {
    line.get("n").and_then(Value::as_u64).unwrap_or(0)
}

/// A time as the API takes it: as it is written, or so long before now.
fn moment(flag: &str, text: &str) -> Result<String, Failure> {
    let invalid = || {
        Failure::new(Exit::Usage, format!("{flag}: `{}` is no time", safe(text)))
            .hint("write how long ago, as in `30m`, `2h` or `7d`, or a time, as in `2026-01-31T12:00:00Z`")
    };
    if text.parse::<Timestamp>().is_ok() {
        return Ok(text.to_owned());
    }
    let unit = text.chars().last().ok_or_else(invalid)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(invalid()),
    };
    let count: u64 = text[..text.len() - unit.len_utf8()].parse().map_err(|_| invalid())?;
    let ago = Duration::from_secs(count.checked_mul(seconds).ok_or_else(invalid)?);
    let now = crate::wiring::clock().now().as_millis();
    let then = now.saturating_sub(i64::try_from(ago.as_millis()).unwrap_or(i64::MAX));
    Ok(Timestamp::from_millis(then.max(0)).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_moment_or_how_long_ago() {
        assert_eq!(moment("--since", "2026-01-31T12:00:00Z").unwrap(), "2026-01-31T12:00:00Z");
        assert!(moment("--since", "2h").unwrap().ends_with('Z'));
        for wrong in ["", "2", "h", "2w", "-1h", "99999999999999999999d"] {
            assert!(moment("--since", wrong).is_err(), "{wrong}");
        }
    }
}
