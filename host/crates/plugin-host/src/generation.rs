//! One loaded version of a plugin: its manifest, its compiled code, and which of the contract's exports it has.

use std::sync::Arc;

use corral_domain::PluginKind;
use wasmtime::component::{Component, InstancePre};

use crate::bindings::exports::corral::command_template::command_templates;
use crate::bindings::exports::corral::discovery::discovery;
use crate::bindings::exports::corral::log_filter::{filter, handover};
use crate::error::LoadError;
use crate::guest::{Guest, PluginContext};
use crate::runtime::Runtime;

/// A version that can be instantiated.
pub struct Generation {
    /// 1 after start, one more after every reload.
    pub number: u64,
    /// SHA-256 of the component.
    pub digest: String,
    /// What its instances share.
    pub context: Arc<PluginContext>,
    /// The engine it was compiled for.
    pub runtime: Arc<Runtime>,
    /// Everything linked; what is left is to give it memory.
    pub pre: InstancePre<Guest>,
    /// Its exports.
    pub exports: Exports,
}

/// Which exports a component has.
pub struct Exports {
    /// Of `command-template`.
    pub templates: Option<command_templates::GuestIndices>,
    /// Of `log-filter`.
    pub filter: Option<filter::GuestIndices>,
    /// Of `log-filter`, optional there.
    pub handover: Option<handover::GuestIndices>,
    /// Of `discovery`.
    pub discovery: Option<discovery::GuestIndices>,
}

impl Generation {
    /// Links a compiled component and checks that it is what its manifest says.
    pub fn link(
        number: u64,
        digest: String,
        context: Arc<PluginContext>,
        runtime: Arc<Runtime>,
        component: &Component,
    ) -> Result<Self, LoadError> {
        let pre = runtime.linker.instantiate_pre(component).map_err(|error| {
            let cause = error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ");
            LoadError::Contract(format!("it imports what this host does not have: {cause}"))
        })?;
        let exports = Exports {
            templates: command_templates::GuestIndices::new(&pre).ok(),
            filter: filter::GuestIndices::new(&pre).ok(),
            handover: handover::GuestIndices::new(&pre).ok(),
            discovery: discovery::GuestIndices::new(&pre).ok(),
        };
        for kind in &context.manifest.provides {
            let (there, interface) = match kind {
                PluginKind::CommandTemplate => {
                    (exports.templates.is_some(), "corral:command-template/command-templates")
                }
                PluginKind::LogFilter => (exports.filter.is_some(), "corral:log-filter/filter"),
                PluginKind::Discovery => (exports.discovery.is_some(), "corral:discovery/discovery"),
            };
            if !there {
                return Err(LoadError::Contract(format!(
                    "plugin.toml says that it provides it, but the component does not export `{interface}@0.1.0`"
                )));
            }
        }
        Ok(Self { number, digest, context, runtime, pre, exports })
    }

    /// Whether it provides an extension point.
    pub fn provides(&self, kind: PluginKind) -> bool {
        self.context.manifest.provides.contains(&kind)
    }
}
