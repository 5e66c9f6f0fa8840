//! The world of discovery.

use std::marker::PhantomData;

use self::exports::corral::discovery::discovery as wire;
use crate::Discovery;
use crate::bindings::host::corral::types::types;

generate_world!(
    "../../wit/discovery/0.1.0",
    "corral:discovery/discovery-plugin",
    "corral_plugin_sdk::bindings::discovery",
    {
        "corral:host/http@0.1.0": crate::bindings::host::corral::host::http,
        "corral:host/secrets@0.1.0": crate::bindings::host::corral::host::secrets
    }
);

/// Speaks to the host for a plugin.
pub struct Exported<T>(PhantomData<T>);

impl<T: Discovery> wire::Guest for Exported<T> {
    fn discover(cursor: Option<String>) -> Result<wire::Page, types::Error> {
        let page = T::discover(cursor.as_deref())?;
        Ok(wire::Page { vms: page.vms.into_iter().map(Into::into).collect(), next: page.next })
    }
}

impl From<crate::FoundVm> for wire::FoundVm {
    fn from(vm: crate::FoundVm) -> Self {
        Self {
            external_id: vm.external_id,
            name: vm.name,
            address: vm.address,
            port: vm.port,
            user: vm.user,
            labels: vm.labels.into_iter().map(Into::into).collect(),
            jump: vm.jump,
            identity_file: vm.identity_file,
            host_keys: vm.host_keys,
            running: vm.running,
        }
    }
}
