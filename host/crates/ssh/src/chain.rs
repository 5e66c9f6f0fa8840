//! The way to a machine: hops, then the machine itself.

use std::sync::Arc;

use corral_domain::{Vm, VmId};
use corral_engine::ports::Target;

/// Machines in the order in which they are connected to. Never empty.
#[derive(Clone)]
pub(crate) struct Chain(Vec<Arc<Vm>>);

/// Names a way: ids with versions, so that a changed VM is connected to anew.
pub(crate) type Route = Vec<(VmId, u64)>;

impl Chain {
    pub(crate) fn new(target: &Target) -> Self {
        Self(target.hops.iter().chain([&target.vm]).cloned().collect())
    }

    /// The machine at the end.
    pub(crate) fn vm(&self) -> &Arc<Vm> {
        &self.0[self.0.len() - 1]
    }

    /// The machines before it, in the order in which they are met.
    pub(crate) fn hops(&self) -> &[Arc<Vm>] {
        &self.0[..self.0.len() - 1]
    }

    /// The way to the last hop, if there is one.
    pub(crate) fn parent(&self) -> Option<Self> {
        let (_, hops) = self.0.split_last()?;
        (!hops.is_empty()).then(|| Self(hops.to_vec()))
    }

    pub(crate) fn route(&self) -> Route {
        self.0.iter().map(|vm| (vm.id, vm.version)).collect()
    }
}
