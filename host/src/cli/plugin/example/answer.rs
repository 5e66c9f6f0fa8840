//! What a call came to, and what was expected of it, in the same words: a line for each thing, so that they can be
//! compared line by line.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use corral_domain::{Auth, CommandLine, Lines, PluginTemplates, RenderedCommand};
use corral_engine::ports::Found as FoundMachine;
use corral_plugin_host::Bench;
use serde_json::json;

use super::{Command, Found, Line};

/// Lines, commands, templates or machines as text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer(pub Vec<String>);

impl Answer {
    /// Lines after a filter.
    pub fn of_lines(lines: &Lines) -> Self {
        let one = |line: corral_domain::LineRef<'_>| {
            let annotations = line.extras.map(|extras| extras.annotations.clone()).unwrap_or_default();
            show_line(&String::from_utf8_lossy(line.text), &annotations)
        };
        Self(lines.iter().map(one).collect())
    }

    /// Lines that are expected.
    pub fn of_expected_lines(lines: &[Line]) -> Self {
        let one = |line: &Line| match line {
            Line::Plain(text) => show_line(text, &BTreeMap::new()),
            Line::Annotated(line) => show_line(&line.text, &line.annotations),
        };
        Self(lines.iter().map(one).collect())
    }

    /// Ids of templates.
    pub fn of_templates(offer: &PluginTemplates, bench: &Bench) -> Self {
        Self(offer.templates.iter().map(|template| bench.own_id(template).to_owned()).collect())
    }

    /// Commands that were rendered.
    pub fn of_commands(commands: &[RenderedCommand]) -> Self {
        let one = |command: &RenderedCommand| {
            let argv = match &command.command {
                CommandLine::Argv(argv) => argv.clone(),
                CommandLine::Script(text) => vec![text.clone()],
            };
            let stdin = command.stdin.as_ref().map(|stdin| String::from_utf8_lossy(stdin).into_owned());
            let env = command.env.iter().cloned().collect();
            show_command(&Command { argv, env, workdir: command.workdir.clone(), stdin })
        };
        Self(commands.iter().map(one).collect())
    }

    /// Commands that are expected.
    pub fn of_expected_commands(commands: &[Command]) -> Self {
        Self(commands.iter().map(show_command).collect())
    }

    /// Machines that were found.
    pub fn of_machines(machines: &[FoundMachine]) -> Self {
        let one = |found: &FoundMachine| {
            let identity_file = match &found.new.auth {
                Auth::Key { identity_file, .. } => identity_file.clone(),
                _ => None,
            };
            show_machine(&Found {
                external_id: found.external_id.clone(),
                name: found.new.name.clone(),
                address: found.new.address.clone(),
                port: found.new.port,
                user: found.new.user.clone(),
                labels: found.new.labels.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
                jump: found.jump_ids.clone(),
                identity_file,
                host_keys: found.new.host_keys.clone(),
                running: found.running,
            })
        };
        Self(machines.iter().map(one).collect())
    }

    /// Machines that are expected.
    pub fn of_expected_machines(machines: &[Found]) -> Self {
        Self(machines.iter().map(show_machine).collect())
    }
}

/// `text  {level=error}`
fn show_line(text: &str, annotations: &BTreeMap<String, String>) -> String {
    let facts: Vec<_> = annotations.iter().map(|(key, value)| format!("{key}={value}")).collect();
    if facts.is_empty() { text.to_owned() } else { format!("{text}  {{{}}}", facts.join(" ")) }
}

fn show_command(command: &Command) -> String {
    let mut text = json!(command.argv).to_string();
    // Writing to a String cannot fail.
    if !command.env.is_empty() {
        let _ = write!(text, " env={}", json!(command.env));
    }
    if let Some(workdir) = &command.workdir {
        let _ = write!(text, " workdir={}", json!(workdir));
    }
    if let Some(stdin) = &command.stdin {
        let _ = write!(text, " stdin={}", json!(stdin));
    }
    text
}

/// Only what is not as usual.
fn show_machine(found: &Found) -> String {
    let mut text = format!("{} {} {}", found.external_id, found.name, found.address);
    let mut more = |name: &str, value: serde_json::Value| {
        let _ = write!(text, " {name}={value}");
    };
    if found.port != super::ssh() {
        more("port", json!(found.port));
    }
    if !found.user.is_empty() {
        more("user", json!(found.user));
    }
    if !found.labels.is_empty() {
        more("labels", json!(found.labels));
    }
    if !found.jump.is_empty() {
        more("jump", json!(found.jump));
    }
    if let Some(file) = &found.identity_file {
        more("identity_file", json!(file));
    }
    if !found.host_keys.is_empty() {
        more("host_keys", json!(found.host_keys));
    }
    if let Some(running) = found.running {
        more("running", json!(running));
    }
    text
}
