//! Decides whether a server's key is the machine's: pins of the VM and known_hosts together.

use std::sync::Arc;

use corral_domain::{Vm, quote_word};
use corral_engine::ports::Failure;
use russh::keys::{Algorithm, PublicKey};

use crate::config::HOST_KEY_ALGORITHMS;
use crate::failure::failure;
use crate::known_hosts::{KnownHosts, fingerprint, lookup_name};

/// All that is on record for a machine.
pub(crate) struct HostKeyPolicy {
    vm: Arc<Vm>,
    pins: Vec<PublicKey>,
    known: Vec<PublicKey>,
    /// Keys under the name without its port, which count only where they match; OpenSSH does the same.
    known_without_port: Vec<PublicKey>,
    revoked: Vec<PublicKey>,
}

/// A key that may be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Accepted {
    /// It is a pin of the VM.
    Pinned,
    /// It stands in known_hosts.
    Known,
    /// Nothing was on record and the VM accepts the first key: it should be pinned.
    FirstContact,
}

impl HostKeyPolicy {
    pub(crate) fn new(vm: Arc<Vm>, files: &[Arc<KnownHosts>]) -> Self {
        let all = |port, keys: fn(&KnownHosts, &str, u16) -> Vec<PublicKey>| {
            files.iter().flat_map(|file| keys(file, &vm.address, port)).collect::<Vec<_>>()
        };
        let pins = vm.pins.iter().filter_map(|pin| {
            PublicKey::from_openssh(&pin.key)
                .inspect_err(|error| tracing::warn!(vm = %vm.name, %error, "a pinned host key cannot be read"))
                .ok()
        });
        Self {
            pins: pins.collect(),
            known: all(vm.port, KnownHosts::keys),
            known_without_port: if vm.port == 22 { Vec::new() } else { all(22, KnownHosts::keys) },
            revoked: all(vm.port, KnownHosts::revoked),
            vm,
        }
    }

    /// Host key algorithms, those first for which a key is on record: a server that has several keys then shows one
    /// that can be compared.
    pub(crate) fn algorithms(&self) -> Vec<Algorithm> {
        let on_record = |algorithm: &Algorithm| self.records().any(|key| same_type(&key.algorithm(), algorithm));
        let (mut first, rest): (Vec<_>, Vec<_>) = HOST_KEY_ALGORITHMS.iter().cloned().partition(on_record);
        first.extend(rest);
        first
    }

    fn records(&self) -> impl Iterator<Item = &PublicKey> {
        self.pins.iter().chain(&self.known)
    }

    /// Whether the key that a server showed is the machine's.
    pub(crate) fn check(&self, shown: &PublicKey) -> Result<Accepted, Box<Failure>> {
        let is_shown = |key: &PublicKey| key.key_data() == shown.key_data();
        if self.revoked.iter().any(is_shown) {
            return Err(Box::new(self.revoked_failure(shown)));
        }
        if self.pins.iter().any(is_shown) {
            return Ok(Accepted::Pinned);
        }
        if self.known.iter().any(is_shown) {
            return Ok(Accepted::Known);
        }
        let of_type: Vec<_> =
            self.records().filter(|key| same_type(&key.algorithm(), &shown.algorithm())).map(fingerprint).collect();
        if !of_type.is_empty() {
            return Err(Box::new(self.changed(shown, &of_type)));
        }
        if self.known_without_port.iter().any(is_shown) {
            return Ok(Accepted::Known);
        }
        // Keys of other types on record make this no first contact: an impostor would show a type that is not pinned.
        if self.vm.accept_new_host_key && self.records().next().is_none() {
            return Ok(Accepted::FirstContact);
        }
        Err(Box::new(self.unknown(shown)))
    }

    fn changed(&self, shown: &PublicKey, on_record: &[String]) -> Failure {
        let name = quote_word(&self.vm.name);
        let pinned = self.pins.iter().any(|pin| same_type(&pin.algorithm(), &shown.algorithm()));
        let place = if pinned { "pinned" } else { "in known_hosts" };
        let also = if pinned {
            String::new()
        } else {
            format!(", and drop the old line with `ssh-keygen -R {}`", quote_word(&self.lookup()))
        };
        Failure {
            offered_host_key: openssh(shown),
            ..failure(
                "host key",
                format!(
                    "{} shows another host key than before: it shows {} {}, {place} is {}. Somebody may stand between",
                    self.vm.name,
                    shown.algorithm(),
                    fingerprint(shown),
                    on_record.join(" and "),
                ),
                format!("if the machine was rebuilt, re-pin it with `corral vm host-key {name} --replace`{also}"),
            )
        }
    }

    fn revoked_failure(&self, shown: &PublicKey) -> Failure {
        failure(
            "host key",
            format!("{} shows the key {}, which known_hosts marks as @revoked", self.vm.name, fingerprint(shown)),
            "give the machine a new host key, or remove the @revoked line if it is wrong",
        )
    }

    fn unknown(&self, shown: &PublicKey) -> Failure {
        let name = quote_word(&self.vm.name);
        let other = if self.records().next().is_some() { "; only keys of other types are on record" } else { "" };
        Failure {
            offered_host_key: openssh(shown),
            ..failure(
                "host key",
                format!(
                    "the host key of {} is not known yet: {} {}{other}",
                    self.vm.name,
                    shown.algorithm(),
                    fingerprint(shown)
                ),
                format!(
                    "compare the fingerprint, then accept it with `corral vm host-key {name} --accept` or in the dashboard"
                ),
            )
        }
    }

    fn lookup(&self) -> String {
        lookup_name(&self.vm.address, self.vm.port)
    }
}

/// The key as `ssh-ed25519 AAAA…`, without a comment.
pub(crate) fn openssh(key: &PublicKey) -> Option<String> {
    PublicKey::from(key.key_data().clone()).to_openssh().ok()
}

/// Hash algorithms belong to signatures, not to keys: all RSA keys are of one type.
fn same_type(one: &Algorithm, other: &Algorithm) -> bool {
    matches!((one, other), (Algorithm::Rsa { .. }, Algorithm::Rsa { .. })) || one == other
}
