//! `[plugins]`: further plugin folders, and where templates are; `[plugins.ID]`: settings of one plugin.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Plugins and templates.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Plugins {
    /// Watched folders, each with one folder per plugin.
    pub folders: Vec<PathBuf>,
    /// The watched folder of template files; without one `templates` in the data folder.
    pub templates: Option<PathBuf>,
    /// Everything else is the id of a plugin; a slip among the keys above is refused because it is no table.
    #[serde(flatten)]
    pub each: BTreeMap<String, OnePlugin>,
}

/// Settings of one plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OnePlugin {
    /// Whether it is used at all.
    pub enabled: bool,
    /// Capabilities that it is granted: `kv`, `read-file:~/.ssh`. Left out: what a bundled plugin wants, nothing for others.
    pub grant: Option<BTreeSet<String>>,
    /// Its configuration, as its schema describes it.
    pub config: Option<serde_json::Value>,
}

impl Default for OnePlugin {
    fn default() -> Self {
        Self { enabled: true, grant: None, config: None }
    }
}
