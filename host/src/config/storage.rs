//! `[storage]`: where the host keeps what it knows.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Where the host keeps what it knows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Storage {
    /// The data folder; without one `$XDG_DATA_HOME/corral` or `~/.local/share/corral`.
    pub data: Option<PathBuf>,
}
