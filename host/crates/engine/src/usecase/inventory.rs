//! VMs: add, edit, remove, test.

use std::sync::Arc;

use corral_domain::{Command, NewVm, Vm, VmId};

use super::host_keys::List;
use super::note;
use crate::ports::{Probe, Target};
use crate::{Actor, Engine, Role, UseCaseError, health};

impl Engine {
    /// Adds a VM. Needs [`Role::Admin`].
    pub async fn add_vm(&self, actor: &Actor, new: NewVm) -> Result<Arc<Vm>, UseCaseError> {
        actor.require(Role::Admin)?;
        let id = self.ids().vm();
        let audit = note("vm.add", id, &new.name);
        self.inner.manager.submit(actor, Command::AddVm { id, new }, audit).await?;
        self.vm(id)
    }

    /// Replaces what a person can edit of a VM. Needs [`Role::Admin`].
    pub async fn replace_vm(
        &self,
        actor: &Actor,
        id: VmId,
        new: NewVm,
        if_version: Option<u64>,
    ) -> Result<Arc<Vm>, UseCaseError> {
        actor.require(Role::Admin)?;
        let audit = note("vm.edit", id, &new.name);
        self.inner.manager.submit(actor, Command::ReplaceVm { id, new, if_version }, audit).await?;
        self.inner.deps.runner.forget(id).await;
        self.vm(id)
    }

    /// Removes a VM; its jobs stay. Needs [`Role::Admin`].
    pub async fn remove_vm(&self, actor: &Actor, id: VmId) -> Result<(), UseCaseError> {
        actor.require(Role::Admin)?;
        self.inner.manager.submit(actor, Command::RemoveVm { id }, note("vm.remove", id, "")).await?;
        self.inner.deps.runner.forget(id).await;
        Ok(())
    }

    /// Tests the way to a VM step by step. Needs [`Role::Operator`].
    pub async fn test_vm(&self, actor: &Actor, id: VmId) -> Result<Probe, UseCaseError> {
        actor.require(Role::Operator)?;
        let vm = self.vm(id)?;
        let target = self.target(&vm).map_err(|message| UseCaseError::invalid("jump", message))?;
        let probe = self.inner.deps.runner.probe(&target).await;
        if let Some(key) = &probe.new_host_key {
            self.decide_keys(&Actor::host(), id, List::Pinned, |keys| keys.push(key.clone()), "first contact").await?;
        }
        let before = health::status(self, id);
        let seen = match (&probe.failure, probe.latency) {
            (Some(failure), _) => Err(failure.clone()),
            (None, latency) => Ok(latency.unwrap_or_default()),
        };
        let online = seen.is_ok();
        health::report(self, id, seen).await;
        if online && health::facts_are_due(self, &vm, before) {
            let engine = self.clone();
            self.inner.work.spawn(async move { health::gather_quietly(&engine, &vm).await });
        }
        Ok(probe)
    }

    /// Asks a VM now what it is. Needs [`Role::Operator`].
    pub async fn gather_facts(&self, actor: &Actor, id: VmId) -> Result<Arc<Vm>, UseCaseError> {
        actor.require(Role::Operator)?;
        let vm = self.vm(id)?;
        let target = self.target(&vm).map_err(|message| UseCaseError::invalid("jump", message))?;
        let facts = self.inner.deps.runner.facts(&target).await.map_err(UseCaseError::Machine)?;
        let audit = note("vm.facts", id, &vm.name);
        self.inner.manager.submit(actor, Command::ReportFacts { id, facts }, audit).await?;
        self.vm(id)
    }

    pub(super) fn look_soon(&self, vm: &Arc<Vm>) {
        let (engine, vm) = (self.clone(), vm.clone());
        let tracker = engine.inner.work.clone();
        tracker.spawn(async move { health::look(&engine, &vm).await });
    }

    pub(crate) fn vm(&self, id: VmId) -> Result<Arc<Vm>, UseCaseError> {
        self.state().vms.get(&id).cloned().ok_or_else(|| UseCaseError::not_found("VM", id))
    }

    /// A VM with all hops that lead to it, in the order in which they are connected to. A message if a hop is gone or
    /// leads back to itself. Only the first hop's own hops count: the others are reached through the one before.
    pub(crate) fn target(&self, vm: &Arc<Vm>) -> Result<Target, String> {
        let state = self.state();
        let mut hops: Vec<Arc<Vm>> = Vec::new();
        let mut first = vm.clone();
        while !first.jump.is_empty() {
            let mut before = Vec::with_capacity(first.jump.len() + hops.len());
            for id in &first.jump {
                let hop = state.vms.get(id).ok_or_else(|| format!("its jump host {id} is gone; correct `jump`"))?;
                if hop.id == vm.id || hops.iter().chain(&before).any(|known| known.id == hop.id) {
                    return Err("its jump hosts lead in a circle; correct `jump`".to_owned());
                }
                before.push(hop.clone());
            }
            first = before[0].clone();
            before.append(&mut hops);
            hops = before;
        }
        Ok(Target { vm: vm.clone(), hops })
    }
}
