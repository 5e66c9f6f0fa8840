//! VMs.

use std::collections::BTreeMap;

use corral_domain::{FieldError, State, Timestamp, VmId};
use corral_engine::host_key_fingerprint;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Facts, VmOptions};

/// A machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Vm {
    /// Its id.
    #[schema(value_type = String, format = Uuid)]
    pub id: VmId,
    /// Unique among VMs.
    pub name: String,
    /// Name or IP address; empty for `local`.
    pub address: String,
    /// TCP port.
    pub port: u16,
    /// Account on the machine; empty: the one that the host runs as.
    pub user: String,
    /// How it is reached.
    pub transport: Transport,
    /// Facts by which it is chosen.
    pub labels: BTreeMap<String, String>,
    /// Whether it answers.
    pub status: VmStatus,
    /// Time of one round trip over the connection.
    #[schema(required)]
    pub latency_ms: Option<u32>,
    /// Why it is offline, and what to do; empty otherwise.
    pub message: String,
    /// When it was looked at.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub checked_at: Option<Timestamp>,
    /// Host key that it showed and that nobody has accepted yet.
    #[schema(required)]
    pub offered_host_key: Option<String>,
    /// What it told of itself; null until it did.
    #[schema(required)]
    pub facts: Option<Facts>,
    /// How the host proves who it is.
    pub auth: Auth,
    /// VMs to go through, nearest first.
    #[schema(value_type = Vec<String>)]
    pub jump: Vec<VmId>,
    /// Where it was found.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub source: Option<Source>,
    /// Accepted host keys.
    pub host_keys: Vec<HostKey>,
    /// Host keys that are refused, whatever else speaks for them.
    #[serde(default)]
    pub revoked_host_keys: Vec<RevokedHostKey>,
    /// Accept the first host key that it shows.
    pub accept_new_host_key: bool,
    /// How connections to it differ from the usual.
    #[serde(default)]
    pub options: VmOptions,
    /// Counts changes; the ETag.
    pub version: u64,
    /// When it was added.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// Last change.
    #[schema(value_type = String, format = DateTime)]
    pub updated_at: Timestamp,
}

/// How a VM is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// Over SSH.
    Ssh,
    /// This machine.
    Local,
}

/// Whether a VM answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum VmStatus {
    /// Nobody has looked yet.
    Unknown,
    /// It answered.
    Online,
    /// It did not.
    Offline,
}

/// How the host proves who it is. The secret itself is never here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// In which way.
    pub kind: AuthKind,
    /// Private key file on the host machine.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub identity_file: Option<String>,
    /// Name of the secret that holds the passphrase or password.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub secret: Option<String>,
}

/// Ways to prove it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuthKind {
    /// Keys of the running SSH agent.
    Agent,
    /// A private key file.
    Key,
    /// A key with a certificate beside it.
    Certificate,
    /// A password from the secret store.
    Password,
}

/// Where a VM was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Discovery plugin.
    pub plugin: String,
    /// Its name for the VM.
    pub external_id: String,
}

/// An accepted host key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HostKey {
    /// `ssh-ed25519 AAAA…`.
    pub key: String,
    /// As `ssh-keygen -l` shows it: `SHA256:…`.
    pub fingerprint: String,
    /// Since when it is accepted.
    #[schema(value_type = String, format = DateTime)]
    pub pinned_at: Timestamp,
}

/// A host key that is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RevokedHostKey {
    /// `ssh-ed25519 AAAA…`.
    pub key: String,
    /// As `ssh-keygen -l` shows it: `SHA256:…`.
    pub fingerprint: String,
    /// Since when it is refused.
    #[schema(value_type = String, format = DateTime)]
    pub revoked_at: Timestamp,
}

impl Vm {
    /// A VM with what the state knows of its health.
    pub fn new(vm: &corral_domain::Vm, state: &State) -> Self {
        let health = state.health.get(&vm.id).map(|health| corral_domain::VmHealth::clone(health)).unwrap_or_default();
        Self {
            id: vm.id,
            name: vm.name.clone(),
            address: vm.address.clone(),
            port: vm.port,
            user: vm.user.clone(),
            transport: vm.transport.into(),
            labels: vm.labels.clone(),
            status: health.status.into(),
            latency_ms: health.latency_ms,
            message: health.message,
            checked_at: health.checked_at,
            offered_host_key: health.offered_host_key,
            facts: state.facts.get(&vm.id).map(|facts| Facts::from(&**facts)),
            auth: vm.auth.clone().into(),
            jump: vm.jump.clone(),
            source: vm.source.clone().map(Source::from),
            host_keys: vm.pins.iter().map(HostKey::from).collect(),
            revoked_host_keys: vm.revoked.iter().map(RevokedHostKey::from).collect(),
            accept_new_host_key: vm.accept_new_host_key,
            options: vm.options.clone().into(),
            version: vm.version,
            created_at: vm.created_at,
            updated_at: vm.updated_at,
        }
    }
}

impl From<corral_domain::Transport> for Transport {
    fn from(transport: corral_domain::Transport) -> Self {
        match transport {
            corral_domain::Transport::Ssh => Self::Ssh,
            corral_domain::Transport::Local => Self::Local,
        }
    }
}

impl From<Transport> for corral_domain::Transport {
    fn from(transport: Transport) -> Self {
        match transport {
            Transport::Ssh => Self::Ssh,
            Transport::Local => Self::Local,
        }
    }
}

impl From<corral_domain::VmStatus> for VmStatus {
    fn from(status: corral_domain::VmStatus) -> Self {
        match status {
            corral_domain::VmStatus::Unknown => Self::Unknown,
            corral_domain::VmStatus::Online => Self::Online,
            corral_domain::VmStatus::Offline => Self::Offline,
        }
    }
}

impl From<corral_domain::Auth> for Auth {
    fn from(auth: corral_domain::Auth) -> Self {
        use corral_domain::Auth as Domain;
        let (kind, identity_file, secret) = match auth {
            Domain::Agent => (AuthKind::Agent, None, None),
            Domain::Key { identity_file, secret } => (AuthKind::Key, identity_file, secret),
            Domain::Certificate { identity_file, secret } => (AuthKind::Certificate, Some(identity_file), secret),
            Domain::Password { secret } => (AuthKind::Password, None, Some(secret)),
        };
        Self { kind, identity_file, secret }
    }
}

impl TryFrom<Auth> for corral_domain::Auth {
    type Error = FieldError;

    fn try_from(auth: Auth) -> Result<Self, FieldError> {
        let needs = |field: &str, kind: &str| FieldError::new(format!("auth.{field}"), format!("`{kind}` needs it"));
        let refuse = |field: &str, kind: &str| FieldError::new(format!("auth.{field}"), format!("`{kind}` has none"));
        match (auth.kind, auth.identity_file, auth.secret) {
            (AuthKind::Agent, None, None) => Ok(Self::Agent),
            (AuthKind::Agent, Some(_), _) => Err(refuse("identity_file", "agent")),
            (AuthKind::Agent, None, Some(_)) => Err(refuse("secret", "agent")),
            (AuthKind::Key, identity_file, secret) => Ok(Self::Key { identity_file, secret }),
            (AuthKind::Certificate, Some(identity_file), secret) => Ok(Self::Certificate { identity_file, secret }),
            (AuthKind::Certificate, None, _) => Err(needs("identity_file", "certificate")),
            (AuthKind::Password, None, Some(secret)) => Ok(Self::Password { secret }),
            (AuthKind::Password, Some(_), _) => Err(refuse("identity_file", "password")),
            (AuthKind::Password, None, None) => Err(needs("secret", "password")),
        }
    }
}

impl From<corral_domain::Source> for Source {
    fn from(source: corral_domain::Source) -> Self {
        Self { plugin: source.plugin, external_id: source.external_id }
    }
}

impl From<Source> for corral_domain::Source {
    fn from(source: Source) -> Self {
        Self { plugin: source.plugin, external_id: source.external_id }
    }
}

impl From<&corral_domain::Pin> for HostKey {
    fn from(pin: &corral_domain::Pin) -> Self {
        Self { key: pin.key.clone(), fingerprint: host_key_fingerprint(&pin.key), pinned_at: pin.pinned_at }
    }
}

impl From<&corral_domain::Revoked> for RevokedHostKey {
    fn from(revoked: &corral_domain::Revoked) -> Self {
        Self {
            key: revoked.key.clone(),
            fingerprint: host_key_fingerprint(&revoked.key),
            revoked_at: revoked.revoked_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_of_proof_says_which_of_its_fields_is_wrong() {
        let auth = |kind, identity_file: Option<&str>, secret: Option<&str>| {
            let auth =
                Auth { kind, identity_file: identity_file.map(str::to_owned), secret: secret.map(str::to_owned) };
            corral_domain::Auth::try_from(auth).map_err(|error| error.field)
        };
        assert_eq!(auth(AuthKind::Password, None, None), Err("auth.secret".into()));
        assert_eq!(auth(AuthKind::Agent, Some("x"), None), Err("auth.identity_file".into()));
        assert_eq!(auth(AuthKind::Certificate, None, None), Err("auth.identity_file".into()));
        assert_eq!(auth(AuthKind::Key, None, None), Ok(corral_domain::Auth::Key { identity_file: None, secret: None }));
    }
}
