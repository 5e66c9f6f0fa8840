//! Host keys of VMs: accept, replace, revoke. Each decision is an event and an audit row that names the keys.

use std::collections::HashSet;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use corral_domain::{Command, Refusal, Vm, VmId};
use sha2::{Digest as _, Sha256};

use super::note;
use crate::{Actor, Engine, Role, UseCaseError};

/// How often a decision is made anew because another one came between.
const TRIES_MAX: usize = 16;

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

/// Which keys are decided on.
#[derive(Clone, Copy)]
pub(super) enum List {
    /// Those that are accepted.
    Pinned,
    /// Those that never are.
    Revoked,
}

impl List {
    fn of(self, vm: &Vm) -> Vec<String> {
        match self {
            Self::Pinned => vm.pins.iter().map(|pin| pin.key.clone()).collect(),
            Self::Revoked => vm.revoked.iter().map(|revoked| revoked.key.clone()).collect(),
        }
    }

    /// The wish that they be these, of a VM that nobody changed meanwhile.
    fn becomes(self, vm: &Vm, keys: Vec<String>) -> Command {
        let (id, if_version) = (vm.id, Some(vm.version));
        match self {
            Self::Pinned => Command::PinHostKeys { id, keys, if_version },
            Self::Revoked => Command::RevokeHostKeys { id, keys, if_version },
        }
    }
}

impl Engine {
    /// Accepts, replaces or revokes host keys of a VM. Needs [`Role::Admin`].
    pub async fn host_key(&self, actor: &Actor, id: VmId, action: HostKeyAction) -> Result<Arc<Vm>, UseCaseError> {
        actor.require(Role::Admin)?;
        self.vm(id)?;
        let vm = match action {
            HostKeyAction::Accept { key } => {
                let key = self.offered(id, key)?;
                self.pardon(actor, id, &key).await?;
                self.decide_keys(actor, id, List::Pinned, |keys| keys.push(key.clone()), "accept").await?
            }
            HostKeyAction::Replace { key } => {
                let key = self.offered(id, key)?;
                self.pardon(actor, id, &key).await?;
                self.decide_keys(actor, id, List::Pinned, |keys| *keys = vec![key.clone()], "replace").await?
            }
            HostKeyAction::Revoke { key: Some(key) } => {
                let key = normal_key(&key)?;
                self.decide_keys(actor, id, List::Revoked, |keys| keys.push(key.clone()), "revoke").await?
            }
            HostKeyAction::Revoke { key: None } => {
                let pinned: Vec<_> = self.vm(id)?.pins.iter().map(|pin| pin.key.clone()).collect();
                self.decide_keys(actor, id, List::Revoked, |keys| keys.extend(pinned.iter().cloned()), "revoke all")
                    .await?
            }
        };
        self.inner.deps.runner.forget(id).await;
        self.look_soon(&vm);
        Ok(vm)
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

    /// A person who accepts a revoked key by name takes the revocation back. The host itself never does.
    async fn pardon(&self, actor: &Actor, id: VmId, key: &str) -> Result<(), UseCaseError> {
        if *actor != Actor::host() {
            self.decide_keys(actor, id, List::Revoked, |keys| keys.retain(|revoked| revoked != key), "pardon").await?;
        }
        Ok(())
    }

    /// Edits a list of keys as it is when it is written: of two decisions at once neither is lost.
    pub(super) async fn decide_keys(
        &self,
        actor: &Actor,
        id: VmId,
        list: List,
        edit: impl Fn(&mut Vec<String>) + Sync,
        why: &str,
    ) -> Result<Arc<Vm>, UseCaseError> {
        for attempt in 1.. {
            let vm = self.vm(id)?;
            let before = list.of(&vm);
            let mut keys = before.clone();
            edit(&mut keys);
            let mut seen = HashSet::new();
            keys.retain(|key| seen.insert(key.clone()));
            if keys == before {
                break;
            }
            let audit = note("vm.host-key", id, format!("{why}{}", difference(&before, &keys)));
            match self.inner.manager.submit(actor, list.becomes(&vm, keys), audit).await {
                Err(UseCaseError::Refused(Refusal::Stale { .. })) if attempt < TRIES_MAX => {}
                result => {
                    result?;
                    break;
                }
            }
        }
        self.vm(id)
    }
}

/// Fingerprints of the keys that came and went: ` +SHA256:… -SHA256:…`.
fn difference(before: &[String], after: &[String]) -> String {
    let came = after.iter().filter(|key| !before.contains(key)).map(|key| format!(" +{}", host_key_fingerprint(key)));
    let went = before.iter().filter(|key| !after.contains(key)).map(|key| format!(" -{}", host_key_fingerprint(key)));
    came.chain(went).collect()
}

/// `SHA256:…` of a key in OpenSSH format, as `ssh-keygen -l` shows it; empty if it is none.
pub fn host_key_fingerprint(key: &str) -> String {
    let blob = key.split_whitespace().nth(1).and_then(|word| STANDARD.decode(word).ok());
    blob.map(|blob| format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(&blob)))).unwrap_or_default()
}

/// Algorithm and key without a comment.
fn normal_key(key: &str) -> Result<String, UseCaseError> {
    let mut words = key.split_ascii_whitespace();
    match (words.next(), words.next()) {
        (Some(kind), Some(blob)) if blob.starts_with("AAAA") => Ok(format!("{kind} {blob}")),
        _ => Err(UseCaseError::invalid("key", "is a public key in OpenSSH format: `ssh-ed25519 AAAA…`")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_the_fingerprint_that_ssh_keygen_shows() {
        let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";
        assert_eq!(host_key_fingerprint(key), "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU");
        assert_eq!(host_key_fingerprint("nonsense"), "");
    }
}
