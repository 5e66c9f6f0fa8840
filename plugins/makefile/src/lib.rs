//! Command templates from the targets of Makefiles.
//!
//! Invariants: make is never run to find out what there is, and neither is anything that a Makefile says; what would
//! have to be run to be known is left out. A value that a person types is one word of the command, has no character
//! that means something to a shell, and is not expanded by make.
//!
//! `lines` joins lines, `parse` reads statements, `expand` fills in variables, `project` finds files and makes
//! templates of them.

mod expand;
mod lines;
mod parse;
mod project;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use corral_plugin_sdk::prelude::*;

pub use parse::{Makefile, Target, Variable};
pub use project::Projects;

/// Where the host mounts the first folder; the others are at `/templates-2` and so on.
const MOUNT: &str = "/templates";

/// The most folders that are looked at.
const MOUNTS_MAX: usize = 16;

/// Which targets are offered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Which {
    /// Documented ones if there are any, else phony ones, else all.
    #[default]
    Auto,
    /// Those with a help text.
    Documented,
    /// Those too that are no files.
    Phony,
    /// Every one.
    All,
}

/// What an operator may change; `config.schema.json` says the same to the dashboard.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Which targets are offered.
    pub targets: Which,
    /// Where projects lie on the machines, by the Makefile's folder.
    pub directories: BTreeMap<String, String>,
}

/// The plugin.
pub struct Makefiles;

impl CommandTemplates for Makefiles {
    fn templates() -> Result<Listing> {
        Ok(Projects::read(&mounts(), &config()?).listing())
    }

    fn render(template_id: &str, args: &serde_json::Value, vms: &[Vm]) -> Result<Vec<Rendered>> {
        let rendered = Projects::read(&mounts(), &config()?).render(template_id, args)?;
        Ok(vec![rendered; vms.len()])
    }
}

/// The folders that are there, without a gap after the first.
fn mounts() -> Vec<PathBuf> {
    let later = (2..=MOUNTS_MAX).map(|n| PathBuf::from(format!("{MOUNT}-{n}"))).take_while(|path| path.is_dir());
    std::iter::once(Path::new(MOUNT).to_owned()).chain(later).filter(|path| path.is_dir()).collect()
}

corral_plugin_sdk::export_command_templates!(Makefiles);
