//! What an operator gave a plugin. The effective right is what the manifest wants and the operator granted; nothing
//! is granted by default, save to the bundled plugins what their own manifests want.

use std::collections::BTreeSet;

use crate::manifest::{Capability, Manifest};

/// What was granted to one plugin: names as [`Capability::grant`] writes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Grants {
    /// All that its manifest wants: a plugin that comes with the host.
    AsWanted,
    /// These and no others.
    Only(BTreeSet<String>),
}

impl Grants {
    /// Whether a capability was granted.
    pub fn has(&self, capability: &Capability) -> bool {
        match self {
            Self::AsWanted => true,
            Self::Only(grants) => grants.contains(&capability.grant()),
        }
    }

    /// Why a plugin must not run yet, if it must not: something that it cannot do without is not granted.
    pub fn blocks(&self, manifest: &Manifest) -> Option<String> {
        let needed: Vec<_> = manifest.wants.iter().filter(|want| !want.optional).collect();
        let unserved = needed.iter().find(|want| !is_served(&want.capability));
        if let Some(want) = unserved {
            let name = want.capability.grant();
            return Some(format!("it cannot do without `{name}`, which this version of the host does not serve"));
        }
        let missing: Vec<_> = needed.into_iter().filter(|want| !self.has(&want.capability)).collect();
        if missing.is_empty() {
            return None;
        }
        let wishes: Vec<_> =
            missing.iter().map(|want| format!("`{}` ({})", want.capability.grant(), want.reason)).collect();
        let grant = self.with(missing.iter().map(|want| want.capability.grant()));
        Some(format!(
            "it wants {}, which was not granted; to grant it, put `grant = {grant:?}` under `[plugins.{}]` in the configuration",
            wishes.join(", "),
            manifest.id
        ))
    }

    fn with(&self, more: impl Iterator<Item = String>) -> Vec<String> {
        let mut all = match self {
            Self::AsWanted => BTreeSet::new(),
            Self::Only(grants) => grants.clone(),
        };
        all.extend(more);
        all.into_iter().collect()
    }
}

/// Whether this version of the host has something to give.
fn is_served(capability: &Capability) -> bool {
    matches!(capability, Capability::ReadFile { .. } | Capability::Kv)
}

/// The text of a denial: what is missing and how it is given.
pub fn denial(plugin: &str, interface: &str) -> String {
    format!(
        "`corral:host/{interface}` was not granted to the plugin `{plugin}`; it needs `[[wants]] capability = \"{interface}\"` \
         in plugin.toml and `grant = [\"{interface}\"]` under `[plugins.{plugin}]` in the configuration"
    )
}

/// The text for what was granted but is not served.
pub fn unserved(interface: &str) -> String {
    format!("`corral:host/{interface}` is not served by this version of the host")
}
