//! What a machine tells of itself.

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// What a machine told of itself at some time. It is not checked against anything and nothing is decided by it; each part is
/// missing where the machine did not tell it, or told something that cannot be.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// Its system as people call it: `Debian GNU/Linux 13 (trixie)`.
    pub os: Option<String>,
    /// Name and release of its kernel: `Linux 6.12.41`.
    pub kernel: Option<String>,
    /// Kind of machine: `x86_64`, `arm64`.
    pub arch: Option<String>,
    /// Processors that are online.
    pub cpus: Option<u32>,
    /// Memory that it has, in bytes.
    pub memory_bytes: Option<u64>,
    /// Size of the file system at `/`, in bytes.
    pub disk_bytes: Option<u64>,
    /// What of it can be used by those who are not root, in bytes.
    pub disk_free_bytes: Option<u64>,
    /// How long it has been up, in seconds.
    pub uptime_seconds: Option<u64>,
    /// Load average of one minute.
    pub load_1: Option<f64>,
    /// When it told this, by the host's clock.
    pub gathered_at: Timestamp,
}
