//! What VMs tell of themselves.

use corral_domain::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What a VM told of itself at some time; null where it did not tell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Facts {
    /// Its system: `Debian GNU/Linux 13 (trixie)`.
    #[schema(required)]
    pub os: Option<String>,
    /// Name and release of its kernel: `Linux 6.12.41`.
    #[schema(required)]
    pub kernel: Option<String>,
    /// Kind of machine: `x86_64`, `arm64`.
    #[schema(required)]
    pub arch: Option<String>,
    /// Processors that are online.
    #[schema(required)]
    pub cpus: Option<u32>,
    /// Memory that it has.
    #[schema(required)]
    pub memory_bytes: Option<u64>,
    /// Size of the file system at `/`.
    #[schema(required)]
    pub disk_bytes: Option<u64>,
    /// What of it can be used by those who are not root.
    #[schema(required)]
    pub disk_free_bytes: Option<u64>,
    /// How long it has been up.
    #[schema(required)]
    pub uptime_seconds: Option<u64>,
    /// Load average of one minute.
    #[schema(required)]
    pub load_1: Option<f64>,
    /// When it told this, by the host's clock.
    #[schema(value_type = String, format = DateTime)]
    pub gathered_at: Timestamp,
}

impl From<&corral_domain::Facts> for Facts {
    fn from(facts: &corral_domain::Facts) -> Self {
        Self {
            os: facts.os.clone(),
            kernel: facts.kernel.clone(),
            arch: facts.arch.clone(),
            cpus: facts.cpus,
            memory_bytes: facts.memory_bytes,
            disk_bytes: facts.disk_bytes,
            disk_free_bytes: facts.disk_free_bytes,
            uptime_seconds: facts.uptime_seconds,
            load_1: facts.load_1,
            gathered_at: facts.gathered_at,
        }
    }
}
