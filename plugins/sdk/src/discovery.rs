//! The extension point for sources of machines.

use crate::{Label, Result};

/// A machine that was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FoundVm {
    /// Stable in the source: the host matches on it across runs.
    pub external_id: String,
    /// What to call it.
    pub name: String,
    /// Host name or address.
    pub address: String,
    /// Port of its SSH server.
    pub port: u16,
    /// Who logs in, where the source says so.
    pub user: Option<String>,
    /// Facts about it.
    pub labels: Vec<Label>,
    /// External ids of the hops to go through, nearest to the host first.
    pub jump: Vec<String>,
    /// Path on the host machine of the private key; may begin with `~/`.
    pub identity_file: Option<String>,
    /// Host public keys in OpenSSH format, where the source knows them.
    pub host_keys: Vec<String>,
    /// Whether the source says that it runs.
    pub running: Option<bool>,
}

/// Some of what was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Machines.
    pub vms: Vec<FoundVm>,
    /// Where the next page begins.
    pub next: Option<String>,
}

/// A source of machines. Export it with [`export_discovery!`](crate::export_discovery).
pub trait Discovery {
    /// Says what exists. `cursor` is `None` on the first page, then the `next` of the page before.
    ///
    /// # Errors
    ///
    /// `unavailable` where the source does not answer, `invalid-input` where its configuration or what it says makes no sense.
    fn discover(cursor: Option<&str>) -> Result<Page>;
}
