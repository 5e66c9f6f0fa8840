//! How connections to a VM differ from the usual.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How connections to a VM differ from the usual. What is left out is as usual.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(default, deny_unknown_fields)]
pub struct VmOptions {
    /// Seconds of silence after which the machine is asked for a sign of life.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub keepalive_seconds: Option<u32>,
    /// Ciphers, best first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ciphers: Option<Vec<String>>,
    /// Key exchanges, best first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kex: Option<Vec<String>>,
    /// Message authentication codes, best first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub macs: Option<Vec<String>>,
    /// Host key algorithms, best first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host_key_algorithms: Option<Vec<String>>,
    /// Name of the secret that is the account's password, for servers that want one besides a key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_secret: Option<String>,
}

impl From<corral_domain::VmOptions> for VmOptions {
    fn from(options: corral_domain::VmOptions) -> Self {
        let list = |names: Vec<String>| (!names.is_empty()).then_some(names);
        Self {
            keepalive_seconds: options.keepalive_seconds,
            ciphers: list(options.ciphers),
            kex: list(options.kex),
            macs: list(options.macs),
            host_key_algorithms: list(options.host_key_algorithms),
            password_secret: options.password_secret,
        }
    }
}

impl From<VmOptions> for corral_domain::VmOptions {
    fn from(options: VmOptions) -> Self {
        Self {
            keepalive_seconds: options.keepalive_seconds,
            ciphers: options.ciphers.unwrap_or_default(),
            kex: options.kex.unwrap_or_default(),
            macs: options.macs.unwrap_or_default(),
            host_key_algorithms: options.host_key_algorithms.unwrap_or_default(),
            password_secret: options.password_secret,
        }
    }
}
