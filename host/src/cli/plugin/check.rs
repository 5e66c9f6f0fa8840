//! `corral plugin check`: whether a host would take it, and what its operator will ask.

use std::path::{Path, PathBuf};

use anyhow::Result;
use corral_domain::Right;
use corral_plugin_host::{API_FIRST, API_LAST, Inspection, Setting};
use serde_json::json;

use super::build::{fresh, size};
use super::project::Project;
use super::{bench, starter};
use crate::cli::exit::Exit;
use crate::cli::output::{self, Paint, safe};

/// A component that is larger than this takes seconds to compile at its first load.
const LARGE: u64 = 24 << 20;
/// Interfaces of the host that nobody has to grant.
const FREE: [&str; 2] = ["log", "config"];

/// What to check.
#[derive(Debug, clap::Args)]
pub struct Check {
    /// The project, or the folder of a built plugin.
    #[arg(default_value = ".")]
    dir: PathBuf,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Grade {
    Ok,
    Warn,
    Fail,
}

/// What was found.
#[derive(Debug)]
struct Finding {
    grade: Grade,
    what: &'static str,
    text: String,
}

fn finding(grade: Grade, what: &'static str, text: impl Into<String>) -> Finding {
    Finding { grade, what, text: text.into() }
}

/// Checks a plugin.
pub async fn run(args: Check) -> Result<Exit> {
    let project = Project::open(&args.dir)?;
    let built = fresh(&project).await?;
    let workshop = bench::workshop().await?;
    let mut findings = vec![about_manifest(&project)];
    match workshop.inspect(&built).await {
        Err(error) => findings.push(finding(Grade::Fail, "component", error.to_string())),
        Ok(seen) => {
            findings.extend(about_component(&seen));
            // Everything that a host does before a plugin serves: links, configuration, first calls.
            findings.push(match workshop.load(&built, Setting::default()).await {
                Ok(_) => finding(
                    Grade::Ok,
                    "loads",
                    "it is linked, configured with its default, and answers its first calls",
                ),
                Err(error) => finding(Grade::Fail, "loads", error.to_string()),
            });
        }
    }
    findings.extend(about_files(&project));
    report(&project, &findings, args.json)
}

fn report(project: &Project, findings: &[Finding], as_json: bool) -> Result<Exit> {
    let worst = findings.iter().any(|found| found.grade == Grade::Fail);
    let word = |grade| match grade {
        Grade::Ok => "ok",
        Grade::Warn => "warn",
        Grade::Fail => "fail",
    };
    if as_json {
        let each =
            findings.iter().map(|found| json!({ "status": word(found.grade), "what": found.what, "text": found.text }));
        let manifest = &project.manifest;
        output::json(&json!({
            "id": manifest.id,
            "version": manifest.version.to_string(),
            "ok": !worst,
            "findings": each.collect::<Vec<_>>(),
        }))?;
    } else {
        let paint = Paint::stdout();
        for found in findings {
            let word = word(found.grade);
            say!("{}{:pad$} {:9} {}", paint.status(word), "", found.what, safe(&found.text), pad = 4 - word.len());
        }
    }
    Ok(if worst { Exit::Failed } else { Exit::Ok })
}

fn about_manifest(project: &Project) -> Finding {
    let manifest = &project.manifest;
    let provides: Vec<_> = manifest.provides.iter().map(|kind| starter::kind_name(*kind)).collect();
    let range = |(major, minor): (u64, u64)| format!("{major}.{minor}");
    let text = format!(
        "{} {} provides {}; API {}, hosts of this version have {} to {}",
        manifest.id,
        manifest.version,
        provides.join(", "),
        manifest.api,
        range(API_FIRST),
        range(API_LAST)
    );
    finding(Grade::Ok, "manifest", text)
}

fn about_component(seen: &Inspection) -> Vec<Finding> {
    let grade = if seen.bytes > LARGE { Grade::Warn } else { Grade::Ok };
    let mut findings = vec![finding(grade, "size", size(seen.bytes))];
    let uses = used(seen);
    let wants: Vec<&str> = seen.manifest.wants.iter().map(|want| interface(want.capability.right())).collect();
    for name in uses.iter().filter(|name| !wants.contains(name)) {
        let text = format!(
            "the component imports `corral:host/{name}`, but plugin.toml does not want it, so every call would be denied; \
             add [[wants]] capability = \"{name}\" with a reason, or do not call it"
        );
        findings.push(finding(Grade::Fail, "wants", text));
    }
    for want in &seen.manifest.wants {
        let grant = want.capability.wish();
        let name = interface(want.capability.right());
        let files = name == "read-file" && seen.imports.iter().any(|import| import.starts_with("wasi:filesystem/"));
        findings.push(if files || uses.contains(&name) {
            finding(Grade::Ok, "wants", format!("{grant}: {}", want.reason))
        } else {
            let text = format!("{grant} is wanted, but the component never uses it; operators grant less more gladly");
            finding(Grade::Warn, "wants", text)
        });
    }
    if seen.manifest.wants.is_empty() && uses.is_empty() {
        findings.push(finding(Grade::Ok, "wants", "nothing that an operator would have to grant"));
    }
    findings
}

/// Interfaces of the host that the component calls and that must be granted.
fn used(seen: &Inspection) -> Vec<&str> {
    let names = seen.imports.iter().filter_map(|import| import.strip_prefix("corral:host/")?.split('@').next());
    names.filter(|name| !FREE.contains(name)).collect()
}

/// The interface that a right is about.
fn interface(right: Right) -> &'static str {
    match right {
        Right::JobsSubmit => Right::Jobs.as_str(),
        other => other.as_str(),
    }
}

fn about_files(project: &Project) -> Vec<Finding> {
    let there = |name: &str| project.dir.join(name).exists();
    let mut findings = Vec::new();
    if project.manifest.config_schema.is_none() && project.manifest.config_default != json!({}) {
        let text = "there is a default configuration, but no `config.schema`: what operators write is not checked, and there is no form";
        findings.push(finding(Grade::Warn, "config", text));
    }
    if !there("README.md") {
        findings.push(finding(
            Grade::Warn,
            "readme",
            "there is no README.md: operators read it before they grant anything",
        ));
    }
    if project.lang.is_some() && examples(&project.dir).is_empty() {
        findings.push(finding(
            Grade::Warn,
            "examples",
            "there is no examples/*.json: `corral plugin test` has nothing to run",
        ));
    }
    findings
}

/// The examples of a project, in order.
pub fn examples(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir.join("examples")).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|end| end == "json")).collect();
    files.sort();
    files
}
