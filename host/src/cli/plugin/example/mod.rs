//! Examples: what a plugin is given and what it must answer, as JSON beside its sources. They are documentation that is
//! tried: `corral plugin test` runs them on the real plugin host.
//!
//! One file holds an example or a list of them. An example is one call (`filter`, `templates`, `render` or `discover`)
//! with all that the plugin finds around it, and what is expected. What it finds is made up: nothing of this machine is
//! read, and nothing is reached.

mod answer;
mod compare;
mod given;
mod run;
mod services;
mod web;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use corral_domain::Grant;
use serde::Deserialize;
use serde_json::Value;

pub use answer::Answer;
pub use compare::Difference;
pub use run::{Outcome, run};

/// Largest file of examples, in bytes.
const FILE_MAX: u64 = 16 << 20;

/// One example.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// What it shows, in one line.
    pub about: String,
    /// The configuration; without it the manifest's default.
    pub config: Option<Value>,
    /// What is granted; without it all that the manifest wants.
    pub grant: Option<BTreeSet<Grant>>,
    /// State that is there.
    #[serde(default)]
    pub kv: BTreeMap<String, String>,
    /// The inventory.
    #[serde(default)]
    pub vms: Vec<Machine>,
    /// Jobs, the newest first.
    #[serde(default)]
    pub jobs: Vec<Job>,
    /// Secrets; what is here is granted.
    #[serde(default)]
    pub secrets: BTreeMap<String, String>,
    /// Answers to requests, in the place of hosts that were granted.
    #[serde(default)]
    pub http: Vec<WebAnswer>,
    /// Files, by the path at which the plugin sees them.
    #[serde(default)]
    pub files: BTreeMap<String, String>,
    /// Lines through a log filter.
    pub filter: Option<Filter>,
    /// What is offered to be run.
    pub templates: Option<Nothing>,
    /// A template rendered for machines.
    pub render: Option<Render>,
    /// A search for machines.
    pub discover: Option<Nothing>,
    /// What must come of it.
    pub expect: Expect,
}

/// A call that is given nothing.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

/// Lines of one stream.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Filter {
    /// The lines, in one batch.
    pub lines: Vec<String>,
    /// `stdout`, or `stderr`.
    #[serde(default)]
    pub source: Source,
    /// The job's template.
    pub template: Option<String>,
    /// The machine.
    #[serde(default)]
    pub vm: Machine,
}

/// Which output.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    #[default]
    Stdout,
    Stderr,
}

/// A template and what it is given.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Render {
    /// Its id within the plugin.
    pub template: String,
    /// The values of its form.
    #[serde(default)]
    pub args: Value,
    /// For which machines.
    pub vms: Vec<Machine>,
}

/// A machine. What is left out is made up.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Machine {
    pub name: Option<String>,
    pub address: Option<String>,
    pub port: Option<u16>,
    pub user: Option<String>,
    pub labels: BTreeMap<String, String>,
}

/// A request that may come, and the answer. Each answers once, in order; the last of the same request answers for good.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebAnswer {
    #[serde(default = "get")]
    pub method: String,
    pub url: String,
    /// Headers that the request must have; others may be there.
    #[serde(default)]
    pub with: BTreeMap<String, String>,
    #[serde(default = "all_right")]
    pub status: u16,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The body as text.
    pub body: Option<String>,
    /// The body as JSON.
    pub json: Option<Value>,
}

fn get() -> String {
    "GET".to_owned()
}

fn all_right() -> u16 {
    200
}

/// A job that is there.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Job {
    pub template: Option<String>,
    #[serde(default)]
    pub args: Value,
    #[serde(default = "succeeded")]
    pub status: String,
    /// Names of machines.
    #[serde(default)]
    pub vms: Vec<String>,
    /// Its output, by machine.
    #[serde(default)]
    pub log: BTreeMap<String, Vec<String>>,
}

fn succeeded() -> String {
    "succeeded".to_owned()
}

/// A job that must have been started.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Started {
    pub template: String,
    #[serde(default)]
    pub args: Value,
    pub vms: Vec<String>,
}

/// What must come of an example. What is left out is not looked at.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Expect {
    /// All lines after the filter, those that it adds at the end included.
    pub lines: Option<Vec<Line>>,
    /// Ids of all templates that are offered.
    pub templates: Option<Vec<String>>,
    /// All sources that could not be read.
    pub problems: Option<Vec<String>>,
    /// One command for each machine.
    pub commands: Option<Vec<Command>>,
    /// All machines that are found.
    pub vms: Option<Vec<Found>>,
    /// A part of the error that it must end in.
    pub error: Option<String>,
    /// All jobs that it started.
    pub started: Option<Vec<Started>>,
    /// Parts of lines that the plugin's log must have.
    pub log: Vec<String>,
    /// State that must be there afterwards.
    pub kv: BTreeMap<String, String>,
}

/// A line that is expected: its text, or also what is kept beside it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Line {
    /// Without annotations.
    Plain(String),
    /// With them.
    Annotated(Annotated),
}

/// A line and what is kept beside it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Annotated {
    pub text: String,
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
}

/// A command that is expected.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Command {
    pub argv: Vec<String>,
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    pub workdir: Option<String>,
    pub stdin: Option<String>,
}

/// A machine that is expected to be found. What is left out is as usual: port 22, no labels, no hops.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Found {
    pub external_id: String,
    pub name: String,
    pub address: String,
    #[serde(default = "ssh")]
    pub port: u16,
    #[serde(default)]
    pub user: String,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    #[serde(default)]
    pub jump: Vec<String>,
    pub identity_file: Option<String>,
    #[serde(default)]
    pub host_keys: Vec<String>,
    pub running: Option<bool>,
}

/// The usual port.
fn ssh() -> u16 {
    22
}

impl Example {
    /// Reads a file of examples.
    pub fn read(path: &Path) -> Result<Vec<Self>, String> {
        let size = fs::metadata(path).map_err(|error| error.to_string())?.len();
        if size > FILE_MAX {
            return Err(format!("it has {size} bytes; at most {FILE_MAX} are read"));
        }
        Self::parse(&fs::read_to_string(path).map_err(|error| error.to_string())?)
    }

    fn parse(text: &str) -> Result<Vec<Self>, String> {
        // By hand, because an untagged enum would hide which key is wrong.
        let value: Value = serde_json::from_str(text).map_err(|error| format!("it is not JSON: {error}"))?;
        let each = match value {
            Value::Array(each) => each,
            one => vec![one],
        };
        let examples = each.into_iter().enumerate().map(|(index, value)| {
            let about = value.get("about").and_then(Value::as_str).unwrap_or("without `about`").to_owned();
            let example = Self::of(value).map_err(|problem| format!("example {} ({about}): {problem}", index + 1))?;
            example.check().map_err(|problem| format!("example {} ({about}): {problem}", index + 1))?;
            Ok(example)
        });
        examples.collect()
    }

    fn of(value: Value) -> Result<Self, String> {
        serde_path_to_error::deserialize(value).map_err(|error| {
            let path = error.path().to_string();
            if path == "." { error.inner().to_string() } else { format!("{path}: {}", error.inner()) }
        })
    }

    /// Whether it is one call that expects something of the same kind.
    fn check(&self) -> Result<(), String> {
        let calls = [
            ("filter", self.filter.is_some()),
            ("templates", self.templates.is_some()),
            ("render", self.render.is_some()),
            ("discover", self.discover.is_some()),
        ];
        let given: Vec<_> = calls.into_iter().filter(|(_, given)| *given).map(|(name, _)| name).collect();
        let &[call] = given.as_slice() else {
            return Err("an example makes one call: `filter`, `templates`, `render` or `discover`".into());
        };
        let expect = &self.expect;
        let expected = [
            ("lines", "filter", expect.lines.is_some()),
            ("templates", "templates", expect.templates.is_some()),
            ("problems", "templates", expect.problems.is_some()),
            ("commands", "render", expect.commands.is_some()),
            ("vms", "discover", expect.vms.is_some()),
        ];
        if let Some((name, of, _)) = expected.iter().find(|(_, of, there)| *there && *of != call) {
            return Err(format!("`expect.{name}` is what comes of `{of}`, and this is `{call}`"));
        }
        let something = expected.iter().any(|(_, _, there)| *there) || expect.error.is_some();
        if something || expect.started.is_some() || !expect.log.is_empty() || !expect.kv.is_empty() {
            return Ok(());
        }
        Err("it expects nothing, so it shows nothing".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(text: &str) -> String {
        Example::parse(text).unwrap_err()
    }

    #[test]
    fn a_file_holds_one_example_or_several() {
        let one = r#"{"about": "a", "discover": {}, "expect": {"vms": []}}"#;
        assert_eq!(Example::parse(one).unwrap().len(), 1);
        assert_eq!(Example::parse(&format!("[{one}, {one}]")).unwrap().len(), 2);
    }

    #[test]
    fn what_is_wrong_with_an_example_is_named_with_its_place() {
        assert!(problem("{").contains("not JSON"));
        let slip = problem(r#"[{"about": "a", "filter": {"line": []}, "expect": {}}]"#);
        assert!(slip.contains("example 1 (a): filter") && slip.contains("`line`"), "{slip}");
        assert!(problem(r#"{"about": "a", "expect": {"error": "x"}}"#).contains("one call"));
        let both = r#"{"about": "a", "templates": {}, "discover": {}, "expect": {"error": "x"}}"#;
        assert!(problem(both).contains("one call"));
        let other = r#"{"about": "a", "discover": {}, "expect": {"lines": []}}"#;
        assert!(problem(other).contains("`expect.lines` is what comes of `filter`"));
        assert!(problem(r#"{"about": "a", "discover": {}, "expect": {}}"#).contains("expects nothing"));
    }
}
