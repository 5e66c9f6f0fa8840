//! `[plugins]`: further plugin folders, and where templates are; `[plugins.ID]`: settings of one plugin.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};

use corral_domain::{Grant, Selector};

use crate::cli::suggest;

const KEYS: [&str; 3] = ["folders", "templates", "filters"];

/// Plugins and templates.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Plugins {
    /// Watched folders, each with one folder per plugin.
    pub folders: Vec<PathBuf>,
    /// The watched folder of template files; without one `templates` in the data folder.
    pub templates: Option<PathBuf>,
    /// Which streams go through which filters beside those that are for every job, or not through which.
    pub filters: Vec<FilterRuleTable>,
    /// Everything else is the id of a plugin; a slip among the keys above is refused because it is no table.
    #[serde(flatten, deserialize_with = "each_plugin")]
    pub each: BTreeMap<String, OnePlugin>,
}

/// One of `[[plugins.filters]]`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FilterRuleTable {
    /// Only jobs of this template: `ops/*`.
    pub template: Option<String>,
    /// Only VMs that this selector admits: `env=prod`.
    #[serde(deserialize_with = "selector")]
    pub selector: Option<String>,
    /// Ids of filters that are added.
    pub with: Vec<String>,
    /// Ids of filters that are left out.
    pub without: Vec<String>,
}

fn selector<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    match text.as_deref().map(str::parse::<Selector>) {
        Some(Err(error)) => Err(D::Error::custom(format!("[[plugins.filters]]: {error}"))),
        _ => Ok(text),
    }
}

/// Settings of one plugin.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OnePlugin {
    /// Whether it is used at all.
    pub enabled: bool,
    /// What it is granted: `kv`, `read-file:~/.ssh`, `vms:env=dev`. Left out: what a bundled plugin wants, nothing for others.
    pub grant: Option<BTreeSet<Grant>>,
    /// Its configuration, as its schema describes it.
    pub config: Option<serde_json::Value>,
}

impl Default for OnePlugin {
    fn default() -> Self {
        Self { enabled: true, grant: None, config: None }
    }
}

/// What is no table is no plugin, but a slip in the name of a key.
fn each_plugin<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, OnePlugin>, D::Error> {
    let found = BTreeMap::<String, serde_json::Value>::deserialize(deserializer)?;
    let one = |(id, value): (String, serde_json::Value)| {
        if !value.is_object() {
            let meant = suggest::closest(&id, KEYS).map(|near| format!("did you mean `{near}`?"));
            let known = || "known are folders, templates, filters, and a table [plugins.ID] for each plugin".to_owned();
            return Err(D::Error::custom(format!("there is no key `{id}`; {}", meant.unwrap_or_else(known))));
        }
        match serde_json::from_value(value) {
            Ok(settings) => Ok((id, settings)),
            Err(error) => Err(D::Error::custom(format!("[plugins.{id}]: {error}"))),
        }
    };
    found.into_iter().map(one).collect()
}
