//! `corral plugin test`: runs a plugin's own examples.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::Result;
use serde_json::{Value, json};

use super::build::fresh;
use super::check::examples;
use super::example::{self, Difference, Example, Outcome};
use super::{bench, project::Project};
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{self, Paint, safe};

/// Lines around a difference that are shown with it.
const CONTEXT: usize = 3;

/// What to test.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
An example is JSON: one call, and what must come of it.
  {\"about\": \"errors are marked\", \"filter\": {\"lines\": [\"ERROR x\"]},
   \"expect\": {\"lines\": [{\"text\": \"ERROR x\", \"annotations\": {\"level\": \"error\"}}]}}
docs/plugins/testing.md has all of it.")]
pub struct Test {
    /// The project, or the folder of a built plugin with examples.
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// Only examples whose `about` has this in it.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Show what the plugin logs, also where all is as it should be.
    #[arg(long)]
    log: bool,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Runs the examples.
pub async fn run(args: Test) -> Result<Exit> {
    let project = Project::open(&args.dir)?;
    let files = examples(&project.dir);
    if files.is_empty() {
        let what = format!("there is no {}/examples/*.json", project.dir.display());
        return Err(Failure::new(Exit::NotFound, what)
            .hint("docs/plugins/testing.md shows what they look like")
            .into());
    }
    let folder = fresh(&project).await?;
    let workshop = bench::workshop().await?;
    let mut tally = Tally { results: Vec::new(), passed: 0, failed: 0, json: args.json, log: args.log };
    let begun = Instant::now();
    for file in &files {
        match Example::read(file) {
            Err(problem) => tally.unreadable(file, problem),
            Ok(examples) => {
                let asked_for =
                    |one: &&Example| args.only.as_ref().is_none_or(|part| one.about.contains(part.as_str()));
                for example in examples.iter().filter(asked_for) {
                    let outcome = example::run(&workshop, &folder, &project.manifest, example).await;
                    tally.add(file, outcome);
                }
            }
        }
    }
    tally.end(begun)
}

struct Tally {
    results: Vec<Value>,
    passed: usize,
    failed: usize,
    json: bool,
    log: bool,
}

impl Tally {
    fn unreadable(&mut self, file: &Path, problem: String) {
        let differences = vec![Difference::Said(problem)];
        self.add(file, Outcome { about: "it can be read".into(), differences, log: Vec::new() });
    }

    fn add(&mut self, file: &Path, outcome: Outcome) {
        let good = outcome.differences.is_empty();
        *(if good { &mut self.passed } else { &mut self.failed }) += 1;
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if self.json {
            let log: Vec<_> =
                outcome.log.iter().map(|line| json!({ "level": line.level.as_str(), "text": line.text })).collect();
            self.results.push(json!({
                "file": name,
                "about": outcome.about,
                "ok": good,
                "differences": outcome.differences.iter().map(as_json).collect::<Vec<_>>(),
                "log": log,
            }));
            return;
        }
        let paint = Paint::stdout();
        let word = if good { paint.status("ok") } else { paint.status("fail") };
        say!("{word}{} {}: {}", if good { "  " } else { "" }, safe(&name), safe(&outcome.about));
        for difference in &outcome.differences {
            show(difference, paint);
        }
        if self.log || !good {
            for line in &outcome.log {
                say!("     {} {}", paint.sgr("2", line.level.as_str()), paint.sgr("2", &safe(&line.text)));
            }
        }
    }

    fn end(self, begun: Instant) -> Result<Exit> {
        if self.passed + self.failed == 0 {
            return Err(Failure::new(Exit::NotFound, "no example was run: none has that in its `about`").into());
        }
        if self.json {
            output::json(&json!({ "passed": self.passed, "failed": self.failed, "examples": self.results }))?;
        } else {
            say!("{} passed, {} failed, {} ms", self.passed, self.failed, begun.elapsed().as_millis());
        }
        Ok(if self.failed == 0 { Exit::Ok } else { Exit::Failed })
    }
}

fn as_json(difference: &Difference) -> Value {
    match difference {
        Difference::Said(text) => json!({ "text": text }),
        Difference::Lines { what, lines } => {
            let lines: Vec<_> = lines.iter().map(|line| format!("{}{}", line.sign, line.text)).collect();
            json!({ "what": what, "lines": lines })
        }
    }
}

/// Shows a difference: minus is what was expected, plus is what came.
fn show(difference: &Difference, paint: Paint) {
    match difference {
        Difference::Said(text) => say!("     {}", safe(text)),
        Difference::Lines { what, lines } => {
            say!("     {what}: - expected, + came");
            let near = |at: usize| {
                let (from, to) = (at.saturating_sub(CONTEXT), (at + CONTEXT + 1).min(lines.len()));
                lines[from..to].iter().any(|line| line.sign != ' ')
            };
            let mut skipped = false;
            for (at, line) in lines.iter().enumerate() {
                if near(at) {
                    let code = match line.sign {
                        '-' => "31",
                        '+' => "32",
                        _ => "2",
                    };
                    say!("     {}", paint.sgr(code, &format!("{} {}", line.sign, safe(&line.text))));
                } else if !skipped {
                    say!("     {}", paint.sgr("2", "  …"));
                }
                skipped = !near(at);
            }
        }
    }
}
