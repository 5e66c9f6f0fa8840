//! Plugins as the rest of the host sees them.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// What a plugin extends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PluginKind {
    /// Offers command templates.
    CommandTemplate,
    /// Sees every line before it is stored.
    LogFilter,
    /// Finds VMs.
    Discovery,
}

/// How a plugin fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PluginState {
    /// Found; nothing is known of it yet.
    Discovered,
    /// Being compiled.
    Compiling,
    /// Serving.
    Active,
    /// Serving, but recent calls failed; it is being restarted with back-off.
    Failing,
    /// Failed too often; not called until it is changed or reloaded.
    Quarantined,
    /// Could not be loaded.
    Broken,
    /// Wants capabilities that were not granted.
    Blocked,
    /// Switched off.
    Disabled,
    /// A version that served until a newer one took its place. Only told, never the state of a plugin.
    Superseded,
}

/// A plugin and its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginInfo {
    /// Unique; `a-z 0-9 -`.
    pub id: String,
    /// For people.
    pub name: String,
    /// What it is for, in a sentence; empty if its manifest does not say.
    #[serde(default)]
    pub description: String,
    /// Of the plugin.
    pub version: String,
    /// API version that it was built against.
    pub api: String,
    /// What it extends.
    pub provides: Vec<PluginKind>,
    /// How it fares.
    pub state: PluginState,
    /// Why it fares so; empty when active.
    pub reason: String,
    /// Which load of this plugin serves: 1 after start, one more after every reload.
    pub generation: u64,
    /// SHA-256 of the component, in hex; empty if it could not be read.
    pub digest: String,
    /// `bundled`, or the folder it was loaded from.
    pub origin: String,
    /// What it wants and why.
    pub wants: Vec<PluginWant>,
    /// What the operator granted it.
    #[serde(default)]
    pub grants: Vec<PluginGrant>,
}

/// A capability that a plugin wants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "StoredWant")]
pub struct PluginWant {
    /// Which: `kv`, `read-file:~/.ssh`, `http`.
    pub capability: String,
    /// Why, in its author's words.
    pub reason: String,
    /// Whether it can do without.
    pub optional: bool,
    /// Whether something of it is granted.
    pub granted: bool,
}

/// A want as events have it that were written before it said more than capability and reason.
#[derive(Deserialize)]
#[serde(untagged)]
enum StoredWant {
    Short(String, String),
    Whole { capability: String, reason: String, optional: bool, granted: bool },
}

impl From<StoredWant> for PluginWant {
    fn from(want: StoredWant) -> Self {
        match want {
            StoredWant::Short(capability, reason) => Self { capability, reason, optional: false, granted: false },
            StoredWant::Whole { capability, reason, optional, granted } => {
                Self { capability, reason, optional, granted }
            }
        }
    }
}

/// What an operator granted a plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginGrant {
    /// What: `vms:env=dev`, `http:inventory.example.com`.
    pub grant: String,
    /// Whether the configuration says so; then it cannot be taken away while the host runs.
    pub configured: bool,
}

/// A step in a plugin's life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginTransition {
    /// When.
    pub at: Timestamp,
    /// What it became.
    pub state: PluginState,
    /// Of the version that it is about; empty if it could not be read.
    pub version: String,
    /// Which load; 0 before the first.
    pub generation: u64,
    /// Why.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_want_is_read_as_it_was_stored_before_grants_were_shown() {
        let want: PluginWant = serde_json::from_str(r#"["kv", "to remember"]"#).unwrap();
        assert_eq!((want.capability.as_str(), want.granted), ("kv", false));
        let again: PluginWant = serde_json::from_str(&serde_json::to_string(&want).unwrap()).unwrap();
        assert_eq!(again, want);
    }
}
