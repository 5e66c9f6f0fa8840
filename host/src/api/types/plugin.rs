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
    /// What the operator granted it. A bundled plugin has what it wants without, save hosts and secrets.
    pub grants: Vec<PluginGrant>,
}

/// A capability that a plugin asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Want {
    /// Which.
    pub capability: String,
    /// Why.
    pub reason: String,
    /// Whether it can do without.
    pub optional: bool,
    /// Whether something of it is granted.
    pub granted: bool,
}

/// Something that was granted to a plugin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PluginGrant {
    /// What: `vms:env=dev`.
    pub grant: String,
    /// Whether the configuration says so; then it cannot be taken away here.
    pub configured: bool,
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
    Discovered,
    Compiling,
    Active,
    Failing,
    Quarantined,
    Broken,
    Blocked,
    Disabled,
    Superseded,
}

impl From<&PluginInfo> for Plugin {
    fn from(plugin: &PluginInfo) -> Self {
        let wants = plugin.wants.iter().cloned();
        let grants = plugin.grants.iter().cloned();
        Self {
            id: plugin.id.clone(),
            name: plugin.name.clone(),
            description: plugin.description.clone(),
            version: plugin.version.clone(),
            api: plugin.api.clone(),
            provides: plugin.provides.iter().map(|kind| (*kind).into()).collect(),
            state: plugin.state.into(),
            reason: plugin.reason.clone(),
            generation: plugin.generation,
            digest: plugin.digest.clone(),
            origin: plugin.origin.clone(),
            wants: wants.map(Want::from).collect(),
            grants: grants.map(|given| PluginGrant { grant: given.grant, configured: given.configured }).collect(),
        }
    }
}

impl From<corral_domain::PluginWant> for Want {
    fn from(want: corral_domain::PluginWant) -> Self {
        let corral_domain::PluginWant { capability, reason, optional, granted } = want;
        Self { capability, reason, optional, granted }
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
            Domain::Discovered => Self::Discovered,
            Domain::Compiling => Self::Compiling,
            Domain::Active => Self::Active,
            Domain::Failing => Self::Failing,
            Domain::Quarantined => Self::Quarantined,
            Domain::Broken => Self::Broken,
            Domain::Blocked => Self::Blocked,
            Domain::Disabled => Self::Disabled,
            Domain::Superseded => Self::Superseded,
        }
    }
}
