//! Command templates from YAML files in a watched folder.
//!
//! Invariants: a template renders to words, never to a line of shell, and what a person types is never put into the
//! text of a script; a broken file is a problem that names file and line and does not hinder the others. Files are read
//! anew with every call, so that what is rendered is what the folder holds.
//!
//! `document` is the YAML, `compile` checks one template, `schema` makes the form, `text` is placeholders, `files` is
//! the folder.

mod compile;
mod document;
mod files;
mod library;
mod parameter;
mod render;
mod text;

use std::path::{Path, PathBuf};

use corral_plugin_sdk::prelude::*;

pub use compile::{Body, Compiled};
pub use library::{Library, read_text};

/// Where the host mounts the first folder; the others are at `/templates-2` and so on.
const MOUNT: &str = "/templates";

/// The most folders that are looked at.
const MOUNTS_MAX: usize = 16;

/// The plugin.
pub struct Templates;

impl CommandTemplates for Templates {
    fn templates() -> Result<Listing> {
        Ok(Library::read(&mounts()).listing())
    }

    fn render(template_id: &str, args: &serde_json::Value, vms: &[Vm]) -> Result<Vec<Rendered>> {
        Library::read(&mounts()).render(template_id, args, vms)
    }
}

/// The folders that are there, without a gap after the first.
fn mounts() -> Vec<PathBuf> {
    let later = (2..=MOUNTS_MAX).map(|n| PathBuf::from(format!("{MOUNT}-{n}"))).take_while(|path| path.is_dir());
    std::iter::once(Path::new(MOUNT).to_owned()).chain(later).filter(|path| path.is_dir()).collect()
}

corral_plugin_sdk::export_command_templates!(Templates);
