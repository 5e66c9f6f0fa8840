//! Machines.

use serde::{Deserialize, Serialize};

use crate::{LABELS_MAX, Labels, Timestamp, VmId, VmOptions, secret_name_problem, validate_label};

/// Longest name, address, user or path, in bytes.
pub const NAME_MAX: usize = 255;
/// SSH's port.
pub const PORT_DEFAULT: u16 = 22;
const JUMPS_MAX: usize = 8;
pub(crate) const PINS_MAX: usize = 16;
pub(crate) const REVOKED_MAX: usize = 64;

/// How a VM is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// Over SSH.
    #[default]
    Ssh,
    /// This machine; no connection at all.
    Local,
}

/// How the host proves who it is. Never holds the secret itself.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Auth {
    /// Keys of the running SSH agent.
    #[default]
    Agent,
    /// A private key file on the host machine; without a path the usual ones in `~/.ssh`.
    Key {
        /// Path of the private key.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        identity_file: Option<String>,
        /// Name of the secret that holds its passphrase.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        secret: Option<String>,
    },
    /// A key with an OpenSSH certificate beside it (`…-cert.pub`).
    Certificate {
        /// Path of the private key.
        identity_file: String,
        /// Name of the secret that holds its passphrase.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        secret: Option<String>,
    },
    /// A password from the secret store.
    Password {
        /// Name of the secret.
        secret: String,
    },
}

impl Auth {
    /// Name of the secret that it needs.
    pub fn secret(&self) -> Option<&str> {
        match self {
            Self::Agent => None,
            Self::Key { secret, .. } | Self::Certificate { secret, .. } => secret.as_deref(),
            Self::Password { secret } => Some(secret),
        }
    }
}

/// Where a VM was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// Discovery plugin.
    pub plugin: String,
    /// Its name for the VM, stable across runs.
    pub external_id: String,
}

/// A host key that was accepted for a VM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pin {
    /// `ssh-ed25519 AAAA…`, without a comment.
    pub key: String,
    /// Since when.
    pub pinned_at: Timestamp,
}

/// A host key that is a VM's no longer and must never be accepted for it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {
    /// `ssh-ed25519 AAAA…`, without a comment.
    pub key: String,
    /// Since when.
    pub revoked_at: Timestamp,
}

/// A machine, as it was configured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vm {
    /// Its id.
    pub id: VmId,
    /// Unique among VMs.
    pub name: String,
    /// Name or IP address to connect to; empty for `local`.
    pub address: String,
    /// TCP port.
    pub port: u16,
    /// Account on the machine; empty: the one that the host runs as.
    pub user: String,
    /// How it is reached.
    pub transport: Transport,
    /// Facts by which it is chosen.
    pub labels: Labels,
    /// How the host proves who it is.
    pub auth: Auth,
    /// VMs to go through, nearest first.
    pub jump: Vec<VmId>,
    /// Where it was found; none if a person added it.
    pub source: Option<Source>,
    /// Accepted host keys. With none, only known_hosts speaks.
    pub pins: Vec<Pin>,
    /// Host keys that are refused, whatever else speaks for them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub revoked: Vec<Revoked>,
    /// Accept the first host key that it shows, and pin it.
    pub accept_new_host_key: bool,
    /// How connections to it differ from the usual.
    #[serde(default, skip_serializing_if = "VmOptions::is_usual")]
    pub options: VmOptions,
    /// Counts changes; the ETag.
    pub version: u64,
    /// When it was added.
    pub created_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
}

/// What a person gives for a new VM, or for all of an existing one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewVm {
    /// See [`Vm`].
    pub name: String,
    /// See [`Vm`].
    pub address: String,
    /// See [`Vm`].
    pub port: u16,
    /// See [`Vm`].
    pub user: String,
    /// See [`Vm`].
    pub transport: Transport,
    /// See [`Vm`].
    pub labels: Labels,
    /// See [`Vm`].
    pub auth: Auth,
    /// See [`Vm`].
    pub jump: Vec<VmId>,
    /// See [`Vm`].
    pub source: Option<Source>,
    /// Host keys that are known beforehand, in OpenSSH format.
    pub host_keys: Vec<String>,
    /// See [`Vm`].
    pub accept_new_host_key: bool,
    /// See [`Vm`].
    #[serde(default)]
    pub options: VmOptions,
}

impl NewVm {
    /// A VM over SSH with everything else as usual.
    pub fn ssh(name: impl Into<String>, address: impl Into<String>, port: u16, user: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            address: address.into(),
            port,
            user: user.into(),
            transport: Transport::Ssh,
            labels: Labels::new(),
            auth: Auth::default(),
            jump: Vec::new(),
            source: None,
            host_keys: Vec::new(),
            accept_new_host_key: false,
            options: VmOptions::default(),
        }
    }
}

/// One field that cannot be accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldError {
    /// Which: `labels.env`.
    pub field: String,
    /// What is wrong and what would be right.
    pub message: String,
}

impl FieldError {
    /// An error at a field.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// Whether the machine answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VmStatus {
    /// Nobody has looked yet.
    #[default]
    Unknown,
    /// It answered.
    Online,
    /// It did not.
    Offline,
}

/// What was last seen of a machine. Lives in memory; every start begins with `unknown`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct VmHealth {
    /// Whether it answers.
    pub status: VmStatus,
    /// Time of one round trip over the connection, in milliseconds.
    pub latency_ms: Option<u32>,
    /// Why it is offline, and what to do; empty otherwise.
    pub message: String,
    /// When it was looked at.
    pub checked_at: Option<Timestamp>,
    /// Host key that it showed and that nobody has accepted yet: a pending decision.
    pub offered_host_key: Option<String>,
}

impl NewVm {
    /// Everything that is wrong with it; empty if nothing is.
    pub fn problems(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        check_word(&mut errors, "name", &self.name, false);
        if self.transport == Transport::Ssh {
            check_word(&mut errors, "address", &self.address, false);
            if self.address.contains(['/', '@']) {
                errors.push(FieldError::new(
                    "address",
                    "is a host name or an IP address; user and port have fields of their own",
                ));
            }
            if self.port == 0 {
                errors.push(FieldError::new("port", "is between 1 and 65535"));
            }
        } else if !self.jump.is_empty() {
            errors.push(FieldError::new("jump", "a local machine is not reached through others"));
        }
        check_word(&mut errors, "user", &self.user, true);
        self.check_lists(&mut errors);
        match &self.auth {
            Auth::Agent | Auth::Password { .. } => {}
            Auth::Key { identity_file, .. } => check_path(&mut errors, identity_file.as_deref()),
            Auth::Certificate { identity_file, .. } => check_path(&mut errors, Some(identity_file)),
        }
        if let Some(problem) = self.auth.secret().and_then(secret_name_problem) {
            errors.push(FieldError::new("auth.secret", problem));
        }
        errors.extend(self.options.problems());
        errors
    }

    fn check_lists(&self, errors: &mut Vec<FieldError>) {
        if self.labels.len() > LABELS_MAX {
            errors.push(FieldError::new("labels", format!("at most {LABELS_MAX}")));
        }
        for (key, value) in &self.labels {
            if let Err(error) = validate_label(key, value) {
                errors.push(FieldError::new(format!("labels.{}", error.key), error.problem));
            }
        }
        if self.jump.len() > JUMPS_MAX {
            errors.push(FieldError::new("jump", format!("at most {JUMPS_MAX} hops")));
        }
        if self.host_keys.len() > PINS_MAX {
            errors.push(FieldError::new("host_keys", format!("at most {PINS_MAX}")));
        }
    }
}

fn check_word(errors: &mut Vec<FieldError>, field: &str, text: &str, may_be_empty: bool) {
    let problem = if text.is_empty() {
        if may_be_empty {
            return;
        }
        "must not be empty"
    } else if text.len() > NAME_MAX {
        "has at most 255 bytes"
    } else if text.starts_with('-') {
        "must not begin with `-`"
    } else if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
        "has no blanks and no control characters"
    } else if text.contains(',') {
        "has no commas: they separate the parts of a selector"
    } else {
        return;
    };
    errors.push(FieldError::new(field, problem));
}

fn check_path(errors: &mut Vec<FieldError>, path: Option<&str>) {
    if path.is_some_and(|path| path.is_empty() || path.len() > 4096 || path.chars().any(char::is_control)) {
        errors.push(FieldError::new("auth.identity_file", "is a path of 1 to 4096 bytes without control characters"));
    }
}

impl Vm {
    /// A VM from what a person gave.
    pub fn new(id: VmId, new: NewVm, now: Timestamp) -> Self {
        let mut vm = Self {
            id,
            name: String::new(),
            address: String::new(),
            port: 0,
            user: String::new(),
            transport: Transport::Ssh,
            labels: Labels::new(),
            auth: Auth::Agent,
            jump: Vec::new(),
            source: None,
            pins: new.host_keys.iter().map(|key| Pin { key: key.clone(), pinned_at: now }).collect(),
            revoked: Vec::new(),
            accept_new_host_key: false,
            options: VmOptions::default(),
            version: 0,
            created_at: now,
            updated_at: now,
        };
        vm.replace(new, now);
        vm
    }

    /// Takes over all that a person can edit; pins stay.
    pub fn replace(&mut self, new: NewVm, now: Timestamp) {
        self.name = new.name;
        self.address = new.address;
        self.port = new.port;
        self.user = new.user;
        self.transport = new.transport;
        self.labels = new.labels;
        self.auth = new.auth;
        self.jump = new.jump;
        self.source = new.source;
        self.accept_new_host_key = new.accept_new_host_key;
        self.options = new.options;
        self.version += 1;
        self.updated_at = now;
    }

    /// What a person could edit, for a change of some of it.
    pub fn to_new(&self) -> NewVm {
        NewVm {
            name: self.name.clone(),
            address: self.address.clone(),
            port: self.port,
            user: self.user.clone(),
            transport: self.transport,
            labels: self.labels.clone(),
            auth: self.auth.clone(),
            jump: self.jump.clone(),
            source: self.source.clone(),
            host_keys: Vec::new(),
            accept_new_host_key: self.accept_new_host_key,
            options: self.options.clone(),
        }
    }

    /// Whether it needs a secret to be reached.
    pub fn uses_secret(&self, name: &str) -> bool {
        self.auth.secret() == Some(name) || self.options.password_secret.as_deref() == Some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ordinary_vm_has_no_problems() {
        assert_eq!(NewVm::ssh("web-1", "10.0.0.1", 22, "root").problems(), vec![]);
        assert_eq!(NewVm::ssh("web-1", "fe80::1%eth0", 22, "").problems(), vec![]);
    }

    #[test]
    fn every_bad_field_is_named_at_once() {
        let mut vm = NewVm::ssh("-oProxyCommand=x", "a\nb", 0, "a b");
        vm.labels.insert("sp ace".into(), "x".into());
        let fields: Vec<_> = vm.problems().into_iter().map(|e| e.field).collect();
        assert_eq!(fields, ["name", "address", "port", "user", "labels.sp ace"]);
    }
}
