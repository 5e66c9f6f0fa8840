//! Standard input of a job's tasks. It may be secret, so it lives in memory alone.

use std::collections::HashMap;

use corral_domain::{RenderedCommand, VmId};

/// What is not written to disk: one input for all VMs, and those that a template gave to single ones.
#[derive(Default)]
pub(crate) struct Inputs {
    common: Option<Vec<u8>>,
    own: HashMap<VmId, Vec<u8>>,
}

impl Inputs {
    /// Takes standard input out of commands and leaves only that there is one. What a template gave has precedence over
    /// `common`, which is held once however many VMs there are.
    pub(crate) fn take(common: Option<Vec<u8>>, commands: &mut [(VmId, RenderedCommand)]) -> Self {
        let mut own = HashMap::new();
        for (vm, command) in commands {
            match &mut command.stdin {
                Some(stdin) => {
                    own.insert(*vm, std::mem::take(stdin));
                }
                none => *none = common.as_ref().map(|_| Vec::new()),
            }
        }
        Self { common, own }
    }

    /// Of one VM, which does not ask again.
    pub(crate) fn of(&mut self, vm: VmId) -> Option<Vec<u8>> {
        self.own.remove(&vm).or_else(|| self.common.clone())
    }
}
