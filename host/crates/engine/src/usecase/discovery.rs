//! What sources offer, how it differs from the inventory, and taking it over.

use std::collections::HashMap;

use corral_domain::{NewVm, State, VmId};

use crate::ports::Found;
use crate::{Actor, Engine, Role, UseCaseError};

/// How a found VM stands to the inventory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// Not in the inventory.
    New,
    /// As in the inventory.
    Same,
    /// These fields differ.
    Changed(Vec<String>),
    /// Another VM has its name.
    NameTaken(VmId),
}

/// A found VM beside what is known of it.
#[derive(Debug, Clone)]
pub struct Discovered {
    /// What the source says.
    pub found: Found,
    /// The VM that was imported from it.
    pub existing: Option<VmId>,
    /// How they differ.
    pub difference: Difference,
}

/// What an import did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// New VMs.
    pub added: Vec<VmId>,
    /// VMs that were brought up to date.
    pub updated: Vec<VmId>,
    /// VMs that were up to date.
    pub unchanged: usize,
    /// What could not be taken over: external id and reason.
    pub problems: Vec<(String, String)>,
}

impl Engine {
    /// Discovery plugins by id.
    pub fn discovery_sources(&self) -> Vec<String> {
        self.inner.deps.plugins.discovery_sources()
    }

    /// Asks a source what it finds and compares it with the inventory. Needs [`Role::Operator`].
    pub async fn discover(&self, actor: &Actor, source: &str) -> Result<Vec<Discovered>, UseCaseError> {
        actor.require(Role::Operator)?;
        let found = self.inner.deps.plugins.discover(source).await?;
        let state = self.state();
        let known = by_external_id(&state, source);
        Ok(found.into_iter().map(|found| compare(&state, &known, found)).collect())
    }

    /// Takes found VMs over: all, or those named. Hops come along before those that need them. Needs [`Role::Admin`].
    pub async fn import(
        &self,
        actor: &Actor,
        source: &str,
        external_ids: Option<&[String]>,
    ) -> Result<Imported, UseCaseError> {
        actor.require(Role::Admin)?;
        let all = self.inner.deps.plugins.discover(source).await?;
        let mut import = Import {
            engine: self,
            actor,
            known: by_external_id(&self.state(), source),
            found: all.into_iter().map(|found| (found.external_id.clone(), found)).collect(),
            done: HashMap::new(),
            result: Imported::default(),
        };
        let mut wanted: Vec<String> = match external_ids {
            Some(ids) => ids.to_vec(),
            None => import.found.keys().cloned().collect(),
        };
        wanted.sort();
        for id in &wanted {
            import.take(id, 0).await?;
        }
        Ok(import.result)
    }
}

/// Longest chain of hops that is followed.
const HOPS_MAX: usize = 8;

struct Import<'a> {
    engine: &'a Engine,
    actor: &'a Actor,
    known: HashMap<String, VmId>,
    found: HashMap<String, Found>,
    done: HashMap<String, Option<VmId>>,
    result: Imported,
}

impl Import<'_> {
    /// Takes one over after its hops. Refusals are problems of that one; only a failing store ends the import.
    async fn take(&mut self, id: &str, depth: usize) -> Result<Option<VmId>, UseCaseError> {
        if let Some(done) = self.done.get(id) {
            return Ok(*done);
        }
        let Some(found) = self.found.get(id).cloned().filter(|_| depth <= HOPS_MAX) else {
            self.problem(id, "the source does not name it");
            return Ok(None);
        };
        self.done.insert(id.to_owned(), None);
        let mut new = found.new;
        for hop in &found.jump_ids {
            let Some(vm) = Box::pin(self.take(hop, depth + 1)).await? else {
                self.problem(id, format!("its hop `{hop}` could not be taken over"));
                return Ok(None);
            };
            new.jump.push(vm);
        }
        let taken = match self.known.get(id).copied() {
            None => self.engine.add_vm(self.actor, new).await.map(|vm| (vm.id, 0)),
            Some(vm) => self.update(vm, new).await,
        };
        match taken {
            Ok((vm, kind)) => {
                match kind {
                    0 => self.result.added.push(vm),
                    1 => self.result.updated.push(vm),
                    _ => self.result.unchanged += 1,
                }
                self.done.insert(id.to_owned(), Some(vm));
                Ok(Some(vm))
            }
            Err(UseCaseError::Refused(refusal)) => {
                self.problem(id, refusal.to_string());
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Brings one up to date; what people added to its labels stays.
    async fn update(&self, id: VmId, mut new: NewVm) -> Result<(VmId, u8), UseCaseError> {
        let old = self.engine.vm(id)?.to_new();
        for (key, value) in &old.labels {
            new.labels.entry(key.clone()).or_insert_with(|| value.clone());
        }
        new.accept_new_host_key = old.accept_new_host_key;
        new.host_keys = Vec::new();
        if new == old {
            return Ok((id, 2));
        }
        self.engine.replace_vm(self.actor, id, new, None).await.map(|vm| (vm.id, 1))
    }

    fn problem(&mut self, id: &str, reason: impl Into<String>) {
        self.result.problems.push((id.to_owned(), reason.into()));
        self.done.insert(id.to_owned(), None);
    }
}

fn by_external_id(state: &State, source: &str) -> HashMap<String, VmId> {
    let of_source = |vm: &corral_domain::Vm| vm.source.clone().filter(|s| s.plugin == source);
    state.vms.values().filter_map(|vm| of_source(vm).map(|s| (s.external_id, vm.id))).collect()
}

fn compare(state: &State, known: &HashMap<String, VmId>, found: Found) -> Discovered {
    let existing = known.get(&found.external_id).copied();
    let difference = match existing.and_then(|id| state.vms.get(&id)) {
        Some(vm) => {
            let fields = changed(&vm.to_new(), &found.new);
            if fields.is_empty() { Difference::Same } else { Difference::Changed(fields) }
        }
        None => match state.vms.values().find(|vm| vm.name == found.new.name) {
            Some(other) => Difference::NameTaken(other.id),
            None => Difference::New,
        },
    };
    Discovered { found, existing, difference }
}

fn changed(old: &NewVm, new: &NewVm) -> Vec<String> {
    let mut fields = Vec::new();
    let mut check = |name: &str, differs: bool| {
        if differs {
            fields.push(name.to_owned());
        }
    };
    check("name", old.name != new.name);
    check("address", old.address != new.address);
    check("port", old.port != new.port);
    check("user", old.user != new.user);
    check("auth", old.auth != new.auth);
    check("labels", new.labels.iter().any(|(key, value)| old.labels.get(key) != Some(value)));
    fields
}
