//! `corral:host/vms`: not served by this version; says which grant is missing.

use crate::bindings::corral::host::vms::Host;
use crate::bindings::corral::types::types::{Error, Vm, VmId};
use crate::guest::Guest;
use crate::host::denied;
use crate::manifest::Capability;

impl Host for Guest {
    async fn get(&mut self, _id: VmId) -> Result<Vm, Error> {
        Err(denied(self, &Capability::Vms))
    }

    async fn query(&mut self, _: String, _: Option<String>) -> Result<(Vec<Vm>, Option<String>), Error> {
        Err(denied(self, &Capability::Vms))
    }
}
