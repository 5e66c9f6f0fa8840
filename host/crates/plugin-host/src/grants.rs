//! What an operator gave a plugin. The effective right is what the manifest wants and the operator granted; nothing
//! is granted by default, save to the bundled plugins what their own manifests want. A host and a secret are always
//! named by the operator.

use std::collections::BTreeSet;
use std::sync::Arc;

use corral_domain::{Grant, PluginWant, Right, Vm};

use crate::manifest::Manifest;
use crate::wants::{Capability, Want};

/// What was granted to one plugin.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Grants {
    /// All that its manifest wants, too: it came with the host.
    pub as_wanted: bool,
    /// What the operator gave it.
    pub given: BTreeSet<Grant>,
}

impl Grants {
    /// Whether something of what is wanted was granted.
    pub fn has(&self, capability: &Capability) -> bool {
        self.by_default(capability) || self.given.iter().any(|grant| fits(capability, grant))
    }

    fn by_default(&self, capability: &Capability) -> bool {
        self.as_wanted && !matches!(capability, Capability::Http { .. } | Capability::Secrets { .. })
    }

    /// A want as it is shown.
    pub fn describe(&self, want: &Want) -> PluginWant {
        PluginWant {
            capability: want.capability.wish(),
            reason: want.reason.clone(),
            optional: want.optional,
            granted: self.has(&want.capability),
        }
    }

    /// Why a plugin must not run yet, if it must not: something that it cannot do without is not granted.
    pub fn blocks(&self, manifest: &Manifest) -> Option<String> {
        let missing: Vec<_> =
            manifest.wants.iter().filter(|want| !want.optional && !self.has(&want.capability)).collect();
        if missing.is_empty() {
            return None;
        }
        let wishes: Vec<_> =
            missing.iter().map(|want| format!("`{}` ({})", want.capability.wish(), want.reason)).collect();
        let grants: Vec<_> = missing.iter().flat_map(|want| want.capability.to_grant()).collect();
        Some(format!("it wants {}, which was not granted; {}", wishes.join(", "), how(&manifest.id, &grants)))
    }
}

/// What a plugin may, now: of all that it wants, what is granted.
pub struct Rights<'a> {
    wants: &'a [Want],
    grants: Arc<Grants>,
}

impl<'a> Rights<'a> {
    /// What is both wanted and granted.
    pub fn new(wants: &'a [Want], grants: Arc<Grants>) -> Self {
        Self { wants, grants }
    }

    /// Whether it has something of a right.
    pub fn has(&self, right: Right) -> bool {
        self.wanted(right).any(|capability| self.grants.has(capability))
    }

    /// Whether a right goes as far as a VM.
    pub fn admits(&self, right: Right, vm: &Vm) -> bool {
        self.by_default(right) || self.given(right).any(|grant| grant.admits(vm))
    }

    /// Whether a right is not bound to some VMs: it goes as far as those that are no longer in the inventory.
    pub fn is_whole(&self, right: Right) -> bool {
        self.by_default(right) || self.given(right).any(|grant| grant.scope().is_none())
    }

    /// What the grants of a right name: hosts, secrets.
    pub fn scopes(&self, right: Right) -> impl Iterator<Item = &str> {
        self.given(right).filter_map(Grant::scope)
    }

    fn wanted(&self, right: Right) -> impl Iterator<Item = &Capability> {
        self.wants.iter().map(|want| &want.capability).filter(move |capability| capability.right() == right)
    }

    fn by_default(&self, right: Right) -> bool {
        self.wanted(right).any(|capability| self.grants.by_default(capability))
    }

    fn given(&self, right: Right) -> impl Iterator<Item = &Grant> {
        self.grants.given.iter().filter(move |grant| self.wanted(right).any(|capability| fits(capability, grant)))
    }
}

/// Whether a grant gives something of what is wanted.
fn fits(capability: &Capability, grant: &Grant) -> bool {
    match capability {
        Capability::ReadFile { path, .. } => grant.gives(Right::ReadFile, &[path]),
        Capability::Http { hosts: named } | Capability::Secrets { names: named } => {
            grant.gives(capability.right(), named)
        }
        other => grant.right() == other.right(),
    }
}

/// The text of a denial: what is missing and how it is given.
pub fn denial(manifest: &Manifest, right: Right, grant: &str) -> String {
    let (id, name) = (&manifest.id, right.as_str());
    if manifest.wants.iter().any(|want| want.capability.right() == right) {
        return format!("`{grant}` was not granted to the plugin `{id}`; {}", how(id, &[grant.to_owned()]));
    }
    format!(
        "the plugin `{id}` does not say in plugin.toml that it wants `{name}`: add `[[wants]] capability = \"{name}\"` with a \
         reason; then {}",
        how(id, &[grant.to_owned()])
    )
}

/// How something is granted.
fn how(id: &str, grants: &[String]) -> String {
    let words: Vec<_> = grants.iter().map(|grant| corral_domain::quote_word(grant)).collect();
    format!("`corral plugin grant {id} {}` grants it", words.join(" "))
}
