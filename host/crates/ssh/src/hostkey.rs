//! Decides whether a server's key is the machine's: pins and revocations of the VM and known_hosts together.
//!
//! In this order: what is revoked is refused; a pin is the only truth where there is one; then known_hosts, certificates
//! of its authorities before plain keys, as OpenSSH does it.

use std::sync::Arc;

use corral_domain::{Timestamp, Vm, quote_word};
use corral_engine::ports::Failure;
use russh::keys::{Algorithm, Certificate, PublicKey};

use crate::config::host_key_algorithms;
use crate::failure::failure;
use crate::hostcert;
use crate::known_hosts::{KnownHosts, fingerprint, lookup_name};

/// All that is on record for a machine.
pub(crate) struct HostKeyPolicy {
    vm: Arc<Vm>,
    pins: Vec<PublicKey>,
    known: Vec<PublicKey>,
    /// Keys under the name without its port, which count only where they match; OpenSSH does the same.
    known_without_port: Vec<PublicKey>,
    /// Revoked by a person, for this VM.
    revoked: Vec<PublicKey>,
    /// Revoked in known_hosts.
    known_revoked: Vec<PublicKey>,
    authorities: Vec<PublicKey>,
}

/// A key that may be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Accepted {
    /// It is a pin of the VM.
    Pinned,
    /// It stands in known_hosts.
    Known,
    /// An authority of known_hosts has signed a certificate for it.
    Certified {
        /// The authority's fingerprint.
        authority: String,
    },
    /// Nothing was on record and the VM accepts the first key: it should be pinned.
    FirstContact,
}

impl HostKeyPolicy {
    pub(crate) fn new(vm: Arc<Vm>, files: &[Arc<KnownHosts>]) -> Self {
        let all = |port, keys: fn(&KnownHosts, &str, u16) -> Vec<PublicKey>| {
            files.iter().flat_map(|file| keys(file, &vm.address, port)).collect::<Vec<_>>()
        };
        let without_port = |keys| if vm.port == 22 { Vec::new() } else { all(22, keys) };
        let read = |key: &String| {
            PublicKey::from_openssh(key)
                .inspect_err(|error| tracing::warn!(vm = %vm.name, %error, "a host key of the VM cannot be read"))
                .ok()
        };
        let both = |keys| [all(vm.port, keys), without_port(keys)].concat();
        Self {
            pins: vm.pins.iter().filter_map(|pin| read(&pin.key)).collect(),
            revoked: vm.revoked.iter().filter_map(|revoked| read(&revoked.key)).collect(),
            known: all(vm.port, KnownHosts::keys),
            known_without_port: without_port(KnownHosts::keys),
            known_revoked: both(KnownHosts::revoked),
            authorities: both(KnownHosts::authorities),
            vm,
        }
    }

    /// Host key algorithms, those first for which a key is on record: a server that has several keys then shows one
    /// that can be compared.
    pub(crate) fn algorithms(&self) -> Vec<Algorithm> {
        let on_record = |algorithm: &Algorithm| self.records().any(|key| same_type(&key.algorithm(), algorithm));
        let wanted = host_key_algorithms(&self.vm.options);
        // What a person put in order stays in that order.
        if !self.vm.options.host_key_algorithms.is_empty() {
            return wanted;
        }
        let (mut first, rest): (Vec<_>, Vec<_>) = wanted.into_iter().partition(on_record);
        first.extend(rest);
        first
    }

    /// Algorithms of which a certificate is asked for: none, unless one could be believed.
    pub(crate) fn certificate_algorithms(&self) -> Vec<Algorithm> {
        if self.authorities.is_empty() || !self.pins.is_empty() { Vec::new() } else { self.algorithms() }
    }

    fn records(&self) -> impl Iterator<Item = &PublicKey> {
        self.pins.iter().chain(&self.known)
    }

    /// Whether the key that a server showed is the machine's.
    pub(crate) fn check(&self, shown: &PublicKey) -> Result<Accepted, Box<Failure>> {
        let is_shown = |key: &PublicKey| key.key_data() == shown.key_data();
        self.refuse_revoked(shown)?;
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

    /// Whether the certificate that a server showed is the machine's. One that is not is looked at as the plain key in it.
    pub(crate) fn check_certificate(&self, shown: &Certificate, now: Timestamp) -> Result<Accepted, Box<Failure>> {
        let key = PublicKey::from(shown.public_key().clone());
        let authority = PublicKey::from(shown.signature_key().clone());
        self.refuse_revoked(&key)?;
        self.refuse_revoked(&authority)?;
        let known = self.authorities.iter().any(|known| known.key_data() == authority.key_data());
        if !known || !self.pins.is_empty() {
            return self.check(&key);
        }
        match hostcert::problem(shown, &self.vm.address, now) {
            None => Ok(Accepted::Certified { authority: fingerprint(&authority) }),
            Some(problem) => self.check(&key).map_err(|failure| {
                Box::new(Failure {
                    message: format!("the host certificate of {} is not accepted: {problem}", self.vm.name),
                    remedy: format!(
                        "let the authority {} sign the machine's host key anew, for `{}`",
                        fingerprint(&authority),
                        self.vm.address
                    ),
                    ..*failure
                })
            }),
        }
    }

    fn refuse_revoked(&self, shown: &PublicKey) -> Result<(), Box<Failure>> {
        let is_shown = |key: &PublicKey| key.key_data() == shown.key_data();
        let (name, mark) = (&self.vm.name, fingerprint(shown));
        if self.revoked.iter().any(is_shown) {
            return Err(Box::new(failure(
                "host key",
                format!("{name} shows the key {mark}, which was revoked for it. Somebody may stand between"),
                format!(
                    "give the machine a new host key; if the revocation was wrong, take it back with `corral vm host-key {} \
                     accept --key '{}'`",
                    quote_word(name),
                    openssh(shown).unwrap_or_default()
                ),
            )));
        }
        if self.known_revoked.iter().any(is_shown) {
            return Err(Box::new(failure(
                "host key",
                format!("{name} shows the key {mark}, which known_hosts marks as @revoked"),
                "give the machine a new host key, or remove the @revoked line if it is wrong",
            )));
        }
        Ok(())
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
                format!("if the machine was rebuilt, re-pin it with `corral vm host-key {name} replace`{also}"),
            )
        }
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
                    "compare the fingerprint, then accept it with `corral vm host-key {name} accept` or in the dashboard"
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
