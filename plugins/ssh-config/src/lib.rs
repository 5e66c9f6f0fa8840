//! Finds machines in the OpenSSH client configuration: every concrete alias of a `Host` line becomes one.
//!
//! Invariants: values are those that `ssh -G` gives (the first match wins); nothing is ever executed, neither
//! `Match exec` nor `ProxyCommand`; nothing outside the granted folder is read, and an `Include` that leads outside is
//! reported and skipped.
//!
//! `lexer` cuts lines, `tree` reads files with their includes, `pattern` and `matching` decide what applies, `resolve`
//! gathers one alias, `found` makes machines of them.

mod found;
mod glob;
mod lexer;
mod matching;
mod pattern;
mod resolve;
mod tree;

use std::path::PathBuf;

use corral_plugin_sdk::prelude::*;

pub use found::machines;
pub use resolve::{Resolved, resolve};
pub use tree::{Source, Tree};

/// Where the host mounts `~/.ssh`.
const MOUNT: &str = "/ssh";

/// What an operator may change; `config.schema.json` says the same to the dashboard.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The home folder of the account that the host runs as.
    pub home: Option<String>,
    /// That account's name.
    pub local_user: Option<String>,
    /// Patterns of aliases that are no machines.
    pub ignore: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        let forges = ["github.com", "gitlab.com", "bitbucket.org", "*.github.com"];
        Self { home: None, local_user: None, ignore: forges.map(Into::into).to_vec() }
    }
}

/// The plugin.
pub struct SshConfig;

impl Discovery for SshConfig {
    fn discover(_cursor: Option<&str>) -> Result<Page> {
        let config: Config = config()?;
        let source = Source { folder: PathBuf::from(MOUNT), home: config.home.clone() };
        let tree = Tree::read(&source, "config").map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => {
                Error::NotFound("there is no ~/.ssh/config; write one, or add machines by hand".into())
            }
            _ => Error::Unavailable(format!("~/.ssh/config cannot be read: {error}")),
        })?;
        for warning in &tree.warnings {
            warn!("{warning}");
        }
        Ok(Page { vms: machines(&tree, &config), next: None })
    }
}

corral_plugin_sdk::export_discovery!(SshConfig);
