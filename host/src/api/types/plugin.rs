//! Plugins.

use corral_domain::PluginInfo;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A plugin and how it fares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Plugin {
    /// Unique.
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
    /// Why; empty when active.
    pub reason: String,
    /// Counts its loads since the host started.
    pub generation: u64,
    /// SHA-256 of the component, in hex.
    pub digest: String,
    /// `bundled`, or its folder.
    pub origin: String,
    /// Capabilities that it asks for.
    pub wants: Vec<Want>,
}

/// A capability that a plugin asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Want {
    /// Which.
    pub capability: String,
    /// Why.
    pub reason: String,
}

/// What a plugin extends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PluginKind {
    CommandTemplate,
    LogFilter,
    Discovery,
}

/// How a plugin fares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PluginState {
    Compiling,
    Active,
    Failing,
    Quarantined,
    Broken,
    Blocked,
}

impl From<&PluginInfo> for Plugin {
    fn from(plugin: &PluginInfo) -> Self {
        let wants = plugin.wants.iter().cloned();
        Self {
            id: plugin.id.clone(),
            name: plugin.name.clone(),
            version: plugin.version.clone(),
            api: plugin.api.clone(),
            provides: plugin.provides.iter().map(|kind| (*kind).into()).collect(),
            state: plugin.state.into(),
            reason: plugin.reason.clone(),
            generation: plugin.generation,
            digest: plugin.digest.clone(),
            origin: plugin.origin.clone(),
            wants: wants.map(|(capability, reason)| Want { capability, reason }).collect(),
        }
    }
}

impl From<corral_domain::PluginKind> for PluginKind {
    fn from(kind: corral_domain::PluginKind) -> Self {
        match kind {
            corral_domain::PluginKind::CommandTemplate => Self::CommandTemplate,
            corral_domain::PluginKind::LogFilter => Self::LogFilter,
            corral_domain::PluginKind::Discovery => Self::Discovery,
        }
    }
}

impl From<corral_domain::PluginState> for PluginState {
    fn from(state: corral_domain::PluginState) -> Self {
        use corral_domain::PluginState as Domain;
        match state {
            Domain::Compiling => Self::Compiling,
            Domain::Active => Self::Active,
            Domain::Failing => Self::Failing,
            Domain::Quarantined => Self::Quarantined,
            Domain::Broken => Self::Broken,
            Domain::Blocked => Self::Blocked,
        }
    }
}
