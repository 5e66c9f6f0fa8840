//! What an operator may change.

use serde::Deserialize;

/// The plugin's configuration; `config.schema.json` says the same to the dashboard.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Ids of built-in rules that are not to be used.
    pub disabled: Vec<String>,
    /// Rules of one's own.
    pub patterns: Vec<Pattern>,
    /// Whether a changed line is annotated with `redacted=RULE`.
    pub annotate: bool,
}

/// A rule of one's own.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pattern {
    /// What stands in the line instead: `[redacted:NAME]`.
    pub name: String,
    /// Regular expression in the syntax of the crate `regex`. The group `secret`, where there is one, is what is taken
    /// out; otherwise all that matched.
    pub pattern: String,
}

impl Default for Config {
    fn default() -> Self {
        Self { disabled: Vec::new(), patterns: Vec::new(), annotate: true }
    }
}
