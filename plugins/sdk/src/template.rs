//! The extension point for command templates.

use serde::Deserialize;

use crate::{Result, Vm};

/// How the host runs a rendered command.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Survives a dropped connection and a restart of the host.
    #[default]
    Durable,
    /// On the bare SSH channel: cheaper, lost when the connection is.
    Direct,
    /// In an interactive terminal.
    Terminal,
}

/// A template as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// Stable within the plugin.
    pub id: String,
    /// One line.
    pub title: String,
    /// What it does.
    pub description: String,
    /// Where the dashboard files it.
    pub category: String,
    /// JSON Schema (draft 2020-12) of its parameters: an object schema.
    pub parameters: serde_json::Value,
    /// How it runs.
    pub mode: Mode,
    /// Ask the person to confirm.
    pub dangerous: bool,
    /// 0 means the host's default.
    pub timeout_seconds: u32,
    /// Label selector of the machines that it suits; empty for all.
    pub applies_to: String,
}

/// A source that could not be offered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it is, as its author knows it.
    pub source: String,
    /// What is wrong and what would be right; one line.
    pub message: String,
}

/// All that is offered now, and what is broken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// What can be run.
    pub templates: Vec<Template>,
    /// What could not be read.
    pub problems: Vec<Problem>,
}

/// A command as words. There is no shell: the host does all quoting.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rendered {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// Variables beside those that the machine sets.
    pub env: Vec<(String, String)>,
    /// Where it runs.
    pub workdir: Option<String>,
    /// What it is given to read; the place for anything secret.
    pub stdin: Option<Vec<u8>>,
}

/// A source of command templates. Export it with [`export_command_templates!`](crate::export_command_templates).
pub trait CommandTemplates {
    /// Lists what can be run. Called at load and after every change in a granted folder: read the sources anew.
    ///
    /// # Errors
    ///
    /// Nothing can be said at all. One source that cannot be read is a [`Problem`] in the listing.
    fn templates() -> Result<Listing>;
    /// Renders a template for machines: one command each, in the order given. The arguments satisfy the template's
    /// `parameters`: the host has checked them.
    ///
    /// # Errors
    ///
    /// `invalid-input` for what a schema cannot say; the text names the field.
    fn render(template_id: &str, args: &serde_json::Value, vms: &[Vm]) -> Result<Vec<Rendered>>;
}
