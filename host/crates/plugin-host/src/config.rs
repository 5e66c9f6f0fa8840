//! What the plugin host is given by whoever starts it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use corral_domain::{Auth, Grant, PluginPolicy};

use crate::limits::Ceilings;
use crate::pipeline::FilterRule;

/// Everything that the plugin host needs to know.
#[derive(Debug, Clone)]
pub struct PluginHostConfig {
    /// Plugins inside the binary. They are granted what their manifests want.
    pub bundled: Vec<Bundled>,
    /// Folders that are watched; every subfolder with a `plugin.toml` is a plugin.
    pub folders: Vec<PluginFolder>,
    /// The folder among them into which plugins are put that come over the wire; none: there is no such folder.
    pub installed: Option<PathBuf>,
    /// Folders that a manifest can name by one word: `templates`. The first is mounted first. What is here under a path
    /// takes the place of that path.
    pub mounts: BTreeMap<String, Vec<PathBuf>>,
    /// What `~/` stands for.
    pub home: Option<PathBuf>,
    /// User of a found VM for which its source names none.
    pub local_user: String,
    /// How a found VM is authenticated to where its source names no key.
    pub default_auth: Auth,
    /// The operator's settings, by plugin.
    pub plugins: BTreeMap<String, PluginSettings>,
    /// What was decided about plugins in the dashboard or on the command line, by plugin; adds to `plugins`.
    pub policies: BTreeMap<String, PluginPolicy>,
    /// The operator's rules for chains of filters, in order.
    pub filter_rules: Vec<FilterRule>,
    /// Folder of compiled plugins; made with mode 0700.
    pub cache_dir: PathBuf,
    /// Folder of the plugins' own state.
    pub data_dir: PathBuf,
    /// The most that a manifest may ask for.
    pub ceilings: Ceilings,
    /// How long things wait.
    pub timing: Timing,
}

impl PluginHostConfig {
    /// No plugins at all, with state and compiled code below the given folders.
    pub fn new(cache_dir: impl Into<PathBuf>, data_dir: impl Into<PathBuf>) -> Self {
        Self {
            bundled: Vec::new(),
            folders: Vec::new(),
            installed: None,
            mounts: BTreeMap::new(),
            home: None,
            local_user: String::new(),
            default_auth: Auth::default(),
            plugins: BTreeMap::new(),
            policies: BTreeMap::new(),
            filter_rules: Vec::new(),
            cache_dir: cache_dir.into(),
            data_dir: data_dir.into(),
            ceilings: Ceilings::default(),
            timing: Timing::default(),
        }
    }
}

/// A plugin inside the binary.
#[derive(Debug, Clone)]
pub struct Bundled {
    /// Text of `plugin.toml`.
    pub manifest: String,
    /// The component.
    pub wasm: Bytes,
    /// Text of the file that `config.schema` names.
    pub schema: Option<String>,
    /// Text of its `README.md`.
    pub readme: Option<String>,
}

/// A folder of plugins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginFolder {
    /// Where.
    pub path: PathBuf,
    /// Its plugins came with the host: they are granted what their manifests want.
    pub bundled: bool,
}

/// The operator's settings of one plugin: `[plugins.ID]`.
#[derive(Debug, Clone, PartialEq)]
pub struct PluginSettings {
    /// Whether it is used at all.
    pub enabled: bool,
    /// What it is granted beyond `log` and `config`: `kv`, `read-file:~/.ssh`. None: nothing, or for a bundled plugin
    /// what it wants.
    pub grant: Option<BTreeSet<Grant>>,
    /// Its configuration; the manifest's default without.
    pub config: Option<serde_json::Value>,
}

impl Default for PluginSettings {
    fn default() -> Self {
        Self { enabled: true, grant: None, config: None }
    }
}

/// How long things wait. The defaults are right; tests make them shorter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Files are looked at when nothing has changed for so long.
    pub debounce: Duration,
    /// Folders are looked at that often even when the system reports no change: it can lose one.
    pub rescan: Duration,
    /// How long the start waits for plugins whose compiled code is at hand.
    pub settle: Duration,
    /// Wait before the first restart; four times as long before each further one.
    pub backoff: Duration,
    /// Restarts that a plugin has within `budget_window` before it is quarantined.
    pub budget: usize,
    /// See `budget`.
    pub budget_window: Duration,
    /// How long lines are held for a filter that is down.
    pub hold: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            debounce: Duration::from_millis(60),
            rescan: Duration::from_secs(5),
            settle: Duration::from_millis(50),
            backoff: Duration::from_millis(100),
            budget: 3,
            budget_window: Duration::from_secs(60),
            hold: Duration::from_secs(30),
        }
    }
}
