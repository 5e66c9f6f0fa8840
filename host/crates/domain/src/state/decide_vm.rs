//! What may happen to VMs, plugins and settings.

use crate::vm::{PINS_MAX, REVOKED_MAX};
use crate::{
    EventKind, Facts, FieldError, NewVm, Pin, PluginInfo, PluginState, Refusal, Revoked, State, Timestamp, Vm,
    VmHealth, VmId,
};

const SETTING_KEY_MAX: usize = 128;
const SETTING_VALUE_MAX: usize = 64 * 1024;

impl State {
    fn vm_or_refuse(&self, id: VmId) -> Result<&Vm, Refusal> {
        self.vms.get(&id).map(AsRef::as_ref).ok_or_else(|| Refusal::NotFound { kind: "VM", id: id.to_string() })
    }

    fn check_vm(&self, id: VmId, new: &NewVm) -> Result<(), Refusal> {
        let mut problems = new.problems();
        for hop in &new.jump {
            if *hop == id {
                problems.push(FieldError::new("jump", "a VM is not reached through itself"));
            } else if !self.vms.contains_key(hop) {
                problems.push(FieldError::new("jump", format!("there is no VM {hop}")));
            }
        }
        if problems.is_empty()
            && let Some(name) = self.circle(id, new)
        {
            problems.push(FieldError::new("jump", format!("leads in a circle: `{name}` could not be reached")));
        }
        if !problems.is_empty() {
            return Err(Refusal::Invalid(problems));
        }
        match self.vms.values().find(|vm| vm.name == new.name && vm.id != id) {
            Some(other) => Err(Refusal::Conflict(format!("the name `{}` belongs to VM {}", new.name, other.id))),
            None => Ok(()),
        }
    }

    /// The name of a VM whose hops would lead in a circle if `id` had those of `new`.
    fn circle<'a>(&'a self, id: VmId, new: &'a NewVm) -> Option<&'a str> {
        if new.jump.is_empty() {
            return None;
        }
        let jump_of = |vm: VmId| match self.vms.get(&vm) {
            _ if vm == id => new.jump.as_slice(),
            Some(vm) => vm.jump.as_slice(),
            None => &[],
        };
        // A hop further on is reached through the one before it, so that only the first one's own hops matter.
        let turns_back = |vm: VmId| {
            let mut passed = vec![vm];
            let mut hops = jump_of(vm);
            while let Some(first) = hops.first() {
                for hop in hops {
                    if passed.contains(hop) {
                        return true;
                    }
                    passed.push(*hop);
                }
                hops = jump_of(*first);
            }
            false
        };
        if turns_back(id) {
            return Some(&new.name);
        }
        self.vms.values().find(|vm| turns_back(vm.id)).map(|vm| vm.name.as_str())
    }

    pub(super) fn decide_add_vm(&self, id: VmId, new: NewVm, now: Timestamp) -> Result<Vec<EventKind>, Refusal> {
        if self.vms.contains_key(&id) {
            return Err(Refusal::Conflict(format!("VM {id} exists")));
        }
        self.check_vm(id, &new)?;
        Ok(vec![EventKind::VmAdded { vm: Vm::new(id, new, now) }])
    }

    pub(super) fn decide_replace_vm(
        &self,
        id: VmId,
        new: NewVm,
        if_version: Option<u64>,
        now: Timestamp,
    ) -> Result<Vec<EventKind>, Refusal> {
        let old = self.vm_of(id, if_version)?;
        self.check_vm(id, &new)?;
        if old.to_new() == (NewVm { host_keys: Vec::new(), ..new.clone() }) {
            return Ok(Vec::new());
        }
        let mut vm = old.clone();
        vm.replace(new, now);
        Ok(vec![EventKind::VmUpdated { vm }])
    }

    pub(super) fn decide_remove_vm(&self, id: VmId) -> Result<Vec<EventKind>, Refusal> {
        let vm = self.vm_or_refuse(id)?;
        if let Some(other) = self.vms.values().find(|other| other.jump.contains(&id)) {
            return Err(Refusal::Conflict(format!(
                "`{}` is reached through `{}`; change that first",
                other.name, vm.name
            )));
        }
        let busy = self.tasks.iter().any(|(key, task)| key.vm == id && !task.status.is_final());
        if busy {
            return Err(Refusal::Conflict(format!("a job runs on `{}`; cancel it or wait for its end", vm.name)));
        }
        Ok(vec![EventKind::VmRemoved { id }])
    }

    /// A VM that is still as it was seen.
    fn vm_of(&self, id: VmId, if_version: Option<u64>) -> Result<&Vm, Refusal> {
        let vm = self.vm_or_refuse(id)?;
        match if_version.filter(|version| *version != vm.version) {
            Some(expected) => Err(Refusal::Stale { expected, actual: vm.version }),
            None => Ok(vm),
        }
    }

    pub(super) fn decide_pin(
        &self,
        id: VmId,
        keys: Vec<String>,
        if_version: Option<u64>,
        now: Timestamp,
    ) -> Result<Vec<EventKind>, Refusal> {
        let mut vm = self.vm_of(id, if_version)?.clone();
        if keys.len() > PINS_MAX {
            return Err(Refusal::Invalid(vec![FieldError::new("host_keys", format!("at most {PINS_MAX}"))]));
        }
        // Also a first contact that was under way when the key was revoked ends here.
        if keys.iter().any(|key| vm.revoked.iter().any(|revoked| revoked.key == *key)) {
            return Err(Refusal::Conflict(format!("the host key was revoked for `{}`", vm.name)));
        }
        vm.pins = keys
            .into_iter()
            .map(|key| vm.pins.iter().find(|pin| pin.key == key).cloned().unwrap_or(Pin { key, pinned_at: now }))
            .collect();
        Ok(self.host_keys_decided(vm, now))
    }

    pub(super) fn decide_revoke(
        &self,
        id: VmId,
        keys: Vec<String>,
        if_version: Option<u64>,
        now: Timestamp,
    ) -> Result<Vec<EventKind>, Refusal> {
        let mut vm = self.vm_of(id, if_version)?.clone();
        if keys.len() > REVOKED_MAX {
            let text =
                format!("at most {REVOKED_MAX} are remembered as revoked; accept those again that no longer matter");
            return Err(Refusal::Invalid(vec![FieldError::new("key", text)]));
        }
        vm.pins.retain(|pin| !keys.contains(&pin.key));
        vm.revoked = keys
            .into_iter()
            .map(|key| {
                let known = vm.revoked.iter().find(|revoked| revoked.key == key).cloned();
                known.unwrap_or(Revoked { key, revoked_at: now })
            })
            .collect();
        Ok(self.host_keys_decided(vm, now))
    }

    /// A key that was offered is a pending decision no longer.
    fn host_keys_decided(&self, mut vm: Vm, now: Timestamp) -> Vec<EventKind> {
        let id = vm.id;
        vm.version += 1;
        vm.updated_at = now;
        let mut events = vec![EventKind::VmUpdated { vm }];
        if let Some(health) = self.health.get(&id).filter(|health| health.offered_host_key.is_some()) {
            let health = VmHealth { offered_host_key: None, ..VmHealth::clone(health) };
            events.push(EventKind::VmStatusChanged { id, health });
        }
        events
    }

    pub(super) fn decide_health(&self, id: VmId, health: VmHealth) -> Result<Vec<EventKind>, Refusal> {
        self.vm_or_refuse(id)?;
        let same = self.health.get(&id).is_some_and(|old| {
            // The time of the look alone is no news.
            VmHealth { checked_at: health.checked_at, ..VmHealth::clone(old) } == health
        });
        Ok(if same { Vec::new() } else { vec![EventKind::VmStatusChanged { id, health }] })
    }

    pub(super) fn decide_facts(&self, id: VmId, facts: Facts) -> Result<Vec<EventKind>, Refusal> {
        self.vm_or_refuse(id)?;
        Ok(vec![EventKind::VmFactsChanged { id, facts }])
    }

    pub(super) fn decide_plugin(&self, plugin: PluginInfo) -> Vec<EventKind> {
        if self.plugins.get(&plugin.id).is_some_and(|old| **old == plugin) {
            Vec::new()
        } else if plugin.state == PluginState::Superseded {
            vec![EventKind::PluginSuperseded { plugin }]
        } else if plugin.state == PluginState::Active {
            vec![EventKind::PluginLoaded { plugin }]
        } else {
            vec![EventKind::PluginFailed { plugin }]
        }
    }

    pub(super) fn decide_remove_plugin(&self, id: String) -> Vec<EventKind> {
        if self.plugins.contains_key(&id) { vec![EventKind::PluginRemoved { id }] } else { Vec::new() }
    }

    pub(super) fn decide_setting(&self, key: String, value: serde_json::Value) -> Result<Vec<EventKind>, Refusal> {
        if key.is_empty() || key.len() > SETTING_KEY_MAX {
            return Err(Refusal::Invalid(vec![FieldError::new("key", format!("has 1 to {SETTING_KEY_MAX} bytes"))]));
        }
        if value.to_string().len() > SETTING_VALUE_MAX {
            return Err(Refusal::Invalid(vec![FieldError::new(key, format!("has at most {SETTING_VALUE_MAX} bytes"))]));
        }
        let same = match self.settings.get(&key) {
            Some(old) => **old == value,
            None => value.is_null(),
        };
        Ok(if same { Vec::new() } else { vec![EventKind::SettingChanged { key, value }] })
    }
}
