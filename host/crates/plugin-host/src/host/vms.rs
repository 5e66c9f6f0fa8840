//! `corral:host/vms`: the inventory, as far as `vms` was granted. A VM beyond that is as if it were not there.

use corral_domain::{Right, Selector, VmId};

use super::vm_id;
use crate::bindings::corral::host::vms::Host;
use crate::bindings::corral::types::types::{Error, Vm};
use crate::convert;
use crate::guest::Guest;

/// VMs of one page.
const PAGE: usize = 500;

impl Host for Guest {
    async fn get(&mut self, id: String) -> Result<Vm, Error> {
        self.require(Right::Vms)?;
        let found = self.services()?.machine(vm_id(&id)?);
        let admitted = found.filter(|machine| self.plugin.rights().admits(Right::Vms, &machine.vm));
        admitted.map(|machine| convert::machine(&machine)).ok_or_else(|| unknown(&id))
    }

    async fn query(&mut self, selector: String, cursor: Option<String>) -> Result<(Vec<Vm>, Option<String>), Error> {
        self.require(Right::Vms)?;
        let wanted = match selector.trim() {
            "" => None,
            text => Some(text.parse::<Selector>().map_err(|error| Error::InvalidInput(error.to_string()))?),
        };
        let after = cursor.as_deref().map(vm_id).transpose()?;
        let mut page: Vec<(VmId, Vm)> = Vec::new();
        let mut more = false;
        self.services()?.machines(after, &mut |machine| {
            let admitted = self.plugin.rights().admits(Right::Vms, &machine.vm);
            if !admitted || !wanted.as_ref().is_none_or(|selector| selector.admits(&machine.vm)) {
                return true;
            }
            more = page.len() == PAGE;
            if !more {
                page.push((machine.vm.id, convert::machine(&machine)));
            }
            !more
        });
        let next = page.last().filter(|_| more).map(|(id, _)| id.to_string());
        Ok((page.into_iter().map(|(_, vm)| vm).collect(), next))
    }
}

fn unknown(id: &str) -> Error {
    Error::NotFound(format!("there is no VM {id}"))
}
