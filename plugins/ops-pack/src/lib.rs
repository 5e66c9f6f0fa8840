//! Command templates for what one does on servers every day.
//!
//! Invariants: a command is words, and what a person types is a word or the end of one; where a script is needed to
//! serve Debian and Red Hat alike, its text is fixed and values are its arguments. A value can never be taken for an
//! option. What changes something that serves is marked as dangerous.
//!
//! `entry` is what templates are made of, `services`, `journal`, `docker`, `disk`, `packages`, `processes`, `users` and
//! `system` are the templates, `pack` makes the forms and the commands.

mod disk;
mod docker;
mod entry;
mod journal;
mod pack;
mod packages;
mod processes;
mod services;
mod system;
mod users;

use corral_plugin_sdk::prelude::*;

pub use pack::Pack;

/// What an operator may change; `config.schema.json` says the same to the dashboard.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether what needs the rights of root is run by sudo.
    pub sudo: bool,
    /// Ids of templates that are off, or their beginnings with a `*`.
    pub disabled: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self { sudo: true, disabled: Vec::new() }
    }
}

/// The plugin.
pub struct OpsPack;

impl CommandTemplates for OpsPack {
    fn templates() -> Result<Listing> {
        Ok(Pack::new(config()?).listing())
    }

    fn render(template_id: &str, args: &serde_json::Value, vms: &[Vm]) -> Result<Vec<Rendered>> {
        let rendered = Pack::new(config()?).render(template_id, args)?;
        Ok(vec![rendered; vms.len()])
    }
}

corral_plugin_sdk::export_command_templates!(OpsPack);
