//! Finds machines in Ansible's inventories: files and folders of INI and YAML, with `group_vars` and `host_vars` beside
//! them.
//!
//! Invariants: hosts, groups and variables are those that `ansible-inventory --list` gives; nothing is ever executed,
//! neither a script nor a plugin nor a template, and nothing is decrypted: what would need that is left out with a
//! message; nothing outside the granted folders is read, and not more than a bound.
//!
//! `ini` and `yaml` read files, `literal` and `words` their values, `pattern` names with ranges; `source` walks folders,
//! `vars` reads the variables beside, `inventory` puts it together, `found` makes machines of it, `jump` understands
//! arguments of ssh.

mod found;
mod ini;
mod inventory;
mod jump;
mod literal;
mod pattern;
mod source;
mod vars;
mod words;
mod yaml;

use std::path::{Path, PathBuf};

use corral_plugin_sdk::prelude::*;

pub use found::machines;
pub use inventory::Inventory;
pub use source::read;

/// Folders of the host, and where they are mounted.
const MOUNTS: [(&str, &str); 2] = [("/etc/ansible", "/etc_ansible"), ("~/ansible", "/ansible")];

/// What is looked for where the operator named nothing.
const USUAL: [&str; 6] = [
    "/etc/ansible/hosts",
    "~/ansible/hosts",
    "~/ansible/inventory",
    "~/ansible/inventory.ini",
    "~/ansible/inventory.yml",
    "~/ansible/inventory.yaml",
];

/// What an operator may change; `config.schema.json` says the same to the dashboard.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Files or folders, as paths of the host.
    pub inventories: Vec<String>,
    /// Variables that become labels.
    pub labels: Vec<String>,
    /// Groups whose machines are left out.
    pub ignore_groups: Vec<String>,
}

/// The plugin.
pub struct AnsibleInventory;

impl Discovery for AnsibleInventory {
    fn discover(_cursor: Option<&str>) -> Result<Page> {
        let config: Config = config()?;
        let paths = if config.inventories.is_empty() {
            USUAL.iter().filter_map(|path| mounted(path)).filter(|path| path.exists()).collect()
        } else {
            config.inventories.iter().map(|path| named(path)).collect::<Result<Vec<_>>>()?
        };
        if paths.is_empty() {
            let names = USUAL.join(", ");
            return Err(Error::NotFound(format!(
                "there is no inventory: looked for {names}; or name one in `inventories`"
            )));
        }
        let mut inventory = Inventory::default();
        for path in &paths {
            read(path, &mut inventory);
        }
        let vms = machines(&mut inventory, &config);
        for message in &inventory.messages {
            warn!("{message}");
        }
        Ok(Page { vms, next: None })
    }
}

/// Where a path of the host is mounted.
fn mounted(path: &str) -> Option<PathBuf> {
    MOUNTS.iter().find_map(|(folder, mount)| {
        let below = path.strip_prefix(folder)?;
        let whole = below.is_empty() || below.starts_with('/');
        let outside = below.split('/').any(|part| part == "..");
        (whole && !outside).then(|| Path::new(mount).join(below.trim_start_matches('/')))
    })
}

fn named(path: &str) -> Result<PathBuf> {
    let mounted = mounted(path).ok_or_else(|| {
        Error::InvalidInput(format!("`inventories`: `{path}` is neither below /etc/ansible nor below ~/ansible"))
    })?;
    if mounted.exists() { Ok(mounted) } else { Err(Error::NotFound(format!("there is no inventory {path}"))) }
}

corral_plugin_sdk::export_discovery!(AnsibleInventory);
