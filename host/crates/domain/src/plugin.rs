//! Plugins as the rest of the host sees them.

use serde::{Deserialize, Serialize};

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
}

/// A plugin and its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PluginInfo {
    /// Unique; `a-z 0-9 -`.
    pub id: String,
    /// For people.
    pub name: String,
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
    /// What it wants and why: capability, reason.
    pub wants: Vec<(String, String)>,
}
