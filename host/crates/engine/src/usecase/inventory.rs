//! VMs: add, edit, remove, test, host keys.

use std::collections::HashSet;
use std::sync::Arc;

use corral_domain::{Command, NewVm, Vm, VmId};

use super::note;
use crate::ports::{Probe, Target};
use crate::{Actor, Engine, Role, UseCaseError, health};

/// What to do about a VM's host key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostKeyAction {
    /// Accept a key besides those that are accepted; without one, the key that the VM offered.
    Accept {
        /// In OpenSSH format.
        key: Option<String>,
    },
    /// Accept this key and no other: the VM was rebuilt.
    Replace {
        /// In OpenSSH format.
        key: Option<String>,
    },
    /// Never accept a key again, also not where known_hosts has it; without one, those that are pinned.
    Revoke {
        /// In OpenSSH format.
        key: Option<String>,
    },
}

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
            self.pin(&Actor::host(), id, |keys| keys.push(key.clone()), "first contact").await?;
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

    /// Accepts, replaces or revokes host keys of a VM. Needs [`Role::Admin`].
    pub async fn host_key(&self, actor: &Actor, id: VmId, action: HostKeyAction) -> Result<Arc<Vm>, UseCaseError> {
        actor.require(Role::Admin)?;
        self.vm(id)?;
        let vm = match action {
            HostKeyAction::Accept { key } => {
                let key = self.offered(id, key)?;
                self.pardon(actor, id, &key).await?;
                self.pin(actor, id, |keys| keys.push(key), "accept").await?
            }
            HostKeyAction::Replace { key } => {
                let key = self.offered(id, key)?;
                self.pardon(actor, id, &key).await?;
                self.pin(actor, id, |keys| *keys = vec![key], "replace").await?
            }
            HostKeyAction::Revoke { key: Some(key) } => {
                let key = normal_key(&key)?;
                self.revoke(actor, id, |keys| keys.push(key), "revoke").await?
            }
            HostKeyAction::Revoke { key: None } => {
                let pinned: Vec<_> = self.vm(id)?.pins.iter().map(|pin| pin.key.clone()).collect();
                self.revoke(actor, id, |keys| keys.extend(pinned), "revoke all").await?
            }
        };
        self.inner.deps.runner.forget(id).await;
        self.look_soon(&vm);
        Ok(vm)
    }

    fn look_soon(&self, vm: &Arc<Vm>) {
        let (engine, vm) = (self.clone(), vm.clone());
        let tracker = engine.inner.work.clone();
        tracker.spawn(async move { health::look(&engine, &vm).await });
    }

    fn offered(&self, id: VmId, key: Option<String>) -> Result<String, UseCaseError> {
        let offered = || self.state().health.get(&id).and_then(|health| health.offered_host_key.clone());
        match key.or_else(offered) {
            Some(key) => normal_key(&key),
            None => Err(UseCaseError::invalid(
                "key",
                "the VM has offered no key; test its connection first, or give the key",
            )),
        }
    }

    async fn pin(
        &self,
        actor: &Actor,
        id: VmId,
        edit: impl FnOnce(&mut Vec<String>),
        why: &str,
    ) -> Result<Arc<Vm>, UseCaseError> {
        let mut keys: Vec<String> = self.vm(id)?.pins.iter().map(|pin| pin.key.clone()).collect();
        let before = keys.clone();
        edit(&mut keys);
        keys.dedup();
        if keys != before {
            let audit = note("vm.host-key", id, why);
            self.inner.manager.submit(actor, Command::PinHostKeys { id, keys }, audit).await?;
        }
        self.vm(id)
    }

    /// A person who accepts a revoked key by name takes the revocation back. The host itself never does.
    async fn pardon(&self, actor: &Actor, id: VmId, key: &str) -> Result<(), UseCaseError> {
        if *actor != Actor::host() {
            self.revoke(actor, id, |keys| keys.retain(|revoked| revoked != key), "pardon").await?;
        }
        Ok(())
    }

    async fn revoke(
        &self,
        actor: &Actor,
        id: VmId,
        edit: impl FnOnce(&mut Vec<String>),
        why: &str,
    ) -> Result<Arc<Vm>, UseCaseError> {
        let before: Vec<String> = self.vm(id)?.revoked.iter().map(|revoked| revoked.key.clone()).collect();
        let mut keys = before.clone();
        edit(&mut keys);
        let mut seen = HashSet::new();
        keys.retain(|key| seen.insert(key.clone()));
        if keys != before {
            let audit = note("vm.host-key", id, why);
            self.inner.manager.submit(actor, Command::RevokeHostKeys { id, keys }, audit).await?;
        }
        self.vm(id)
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

/// Algorithm and key without a comment.
fn normal_key(key: &str) -> Result<String, UseCaseError> {
    let mut words = key.split_ascii_whitespace();
    match (words.next(), words.next()) {
        (Some(kind), Some(blob)) if blob.starts_with("AAAA") => Ok(format!("{kind} {blob}")),
        _ => Err(UseCaseError::invalid("key", "is a public key in OpenSSH format: `ssh-ed25519 AAAA…`")),
    }
}
