//! One plugin by itself, for its author: loaded from a folder as a host loads it, granted what it wants, and given a
//! configuration, state and folders of the author's choice. What then runs is what runs in a host.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use corral_domain::{Clock, FilterChoice, Grant, PluginState, PluginTemplates, RenderedCommand, Template, Vm};
use corral_engine::ports::{FilterChain, Found, PluginError, Plugins as _, StreamInfo};
use reqwest::header::HeaderMap;
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use wasmtime::component::types::ComponentItem;

use crate::config::{PluginHostConfig, PluginSettings};
use crate::error::LoadError;
use crate::guest_log::{LogEntry, LogLevel};
use crate::http::{Answer, Fetcher, MadeUpWeb};
use crate::inner::Inner;
use crate::limits::Ceilings;
use crate::load::{compile, off_thread};
use crate::manifest::Manifest;
use crate::notices::Notices;
use crate::package::Package;
use crate::pipeline::FilterRule;
use crate::plugin_host::{PluginHost, StartError};
use crate::registry::Registry;
use crate::runtime::Runtime;
use crate::services::{ServiceCell, Services};
use crate::slot::{Place, Slot};
use crate::wants::Capability;

/// Where plugins are tried: an engine, and a folder of compiled code that makes the second try quick.
#[derive(Clone)]
pub struct Workshop {
    runtime: Arc<Runtime>,
    clock: Arc<dyn Clock>,
    cache_dir: PathBuf,
}

/// What a plugin finds on the bench. The default is: its own default configuration, all that it wants, nothing stored.
#[derive(Clone, Default)]
pub struct Setting {
    /// Its configuration; none: the manifest's default.
    pub config: Option<serde_json::Value>,
    /// What it is granted; none: all that it wants.
    pub grant: Option<BTreeSet<Grant>>,
    /// Its state.
    pub kv: BTreeMap<String, Vec<u8>>,
    /// Folders that stand for those that it wants to read, by the path in its manifest. Others are not there.
    pub folders: BTreeMap<String, PathBuf>,
    /// What stands for the rest of the host; none: such calls are told to try again.
    pub services: Option<Arc<dyn Services>>,
    /// What stands for the hosts that it is granted; none: nobody answers.
    pub web: Option<Arc<dyn MadeUpWeb>>,
}

/// What a folder holds, as far as it can be told without trying it.
#[derive(Debug, Clone)]
pub struct Inspection {
    /// Its manifest.
    pub manifest: Manifest,
    /// Size of the component, in bytes.
    pub bytes: u64,
    /// Interfaces that the component imports: `corral:host/log@0.1.0`.
    pub imports: Vec<String>,
    /// Interfaces that it exports.
    pub exports: Vec<String>,
}

/// A plugin that is loaded.
pub struct Bench {
    host: PluginHost,
    slot: Arc<Slot>,
    _state: TempDir,
}

impl Workshop {
    /// Sets the engine up. Compiled code goes to `cache_dir`, which is made with mode 0700.
    pub async fn new(cache_dir: PathBuf, clock: Arc<dyn Clock>) -> Result<Self, StartError> {
        let dir = cache_dir.clone();
        let made = tokio::task::spawn_blocking(move || Runtime::new(&dir, &Ceilings::default())).await;
        let runtime = made.map_err(|error| StartError::new(error.to_string()))?;
        let runtime = Arc::new(runtime.map_err(|error| StartError::new(format!("{error:?}")))?);
        Ok(Self { runtime, clock, cache_dir })
    }

    /// Reads what lies in a folder. The component is compiled, and none of it runs.
    pub async fn inspect(&self, folder: &Path) -> Result<Inspection, LoadError> {
        let folder = folder.to_owned();
        let package = off_thread(move || Package::read(&folder)).await??;
        let manifest = Manifest::parse(&package.manifest, &Ceilings::default())?;
        let wasm = package.wasm.map_err(|problem| LoadError::Read { what: "plugin.wasm".into(), problem })?;
        let (bytes, digest) = (wasm.len() as u64, crate::cache::digest(&wasm));
        let component = compile(&self.runtime, wasm, &digest, || {}).await?;
        let kind = component.component_type();
        let engine = &self.runtime.engine;
        // Functions and types that stand alone are in no interface, and nothing of the contract.
        let interface = |(name, item): (&str, ComponentItem)| {
            matches!(item, ComponentItem::ComponentInstance(_)).then(|| name.to_owned())
        };
        let imports = kind.imports(engine).filter_map(|(name, item)| interface((name, item.ty))).collect();
        let exports = kind.exports(engine).filter_map(|(name, item)| interface((name, item.ty))).collect();
        Ok(Inspection { manifest, bytes, imports, exports })
    }

    /// Loads a plugin from its folder, with its first calls.
    pub async fn load(&self, folder: &Path, setting: Setting) -> Result<Bench, LoadError> {
        let place = folder.to_owned();
        let text = off_thread(move || Package::read(&place)).await??.manifest;
        let manifest = Manifest::parse(&text, &Ceilings::default())?;
        let wanted = || wanted(&manifest);
        let state = tempfile::tempdir().map_err(|error| LoadError::Read {
            what: "the folder for temporary files".into(),
            problem: error.to_string(),
        })?;
        let mut config = PluginHostConfig::new(&self.cache_dir, state.path());
        let settings =
            PluginSettings { enabled: true, grant: Some(setting.grant.unwrap_or_else(wanted)), config: setting.config };
        config.plugins.insert(manifest.id.clone(), settings);
        config.mounts = setting.folders.into_iter().map(|(path, folder)| (path, vec![folder])).collect();
        for want in &manifest.wants {
            if let Capability::ReadFile { path, .. } = &want.capability {
                // Nothing of this machine is read by accident.
                config.mounts.entry(path.clone()).or_default();
            }
        }
        config.timing.hold = Duration::ZERO;
        // One that is only for who asks is asked for.
        let filters = FilterChoice { with: vec![manifest.id.clone()], without: Vec::new() };
        config.filter_rules.push(FilterRule { filters, ..FilterRule::default() });
        let inner = Arc::new(Inner {
            config,
            clock: self.clock.clone(),
            runtime: self.runtime.clone(),
            registry: Registry::default(),
            notices: Arc::new(Notices::default()),
            policies: Mutex::default(),
            services: ServiceCell::default(),
            fetcher: Arc::new(Fetcher::made_up(setting.web.unwrap_or_else(|| Arc::new(Nobody)))),
            scanning: tokio::sync::Mutex::default(),
            installing: tokio::sync::Mutex::default(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        if let Some(services) = setting.services {
            inner.services.join(services);
        }
        let slot = inner.add_slot(Place::Folder(0, folder.to_owned()), &text);
        for (key, value) in setting.kv {
            slot.kv.set(&key, value).map_err(|error| LoadError::Config(format!("state to begin with: {error}")))?;
        }
        inner.load(&slot, true).await?;
        Ok(Bench { host: PluginHost::of(inner), slot, _state: state })
    }
}

/// Nobody answers.
struct Nobody;

impl MadeUpWeb for Nobody {
    fn answer(&self, _: &str, _: &str, _: &HeaderMap, _: &[u8]) -> Option<Answer> {
        None
    }
}

/// All that a manifest wants. Where it leaves it to the operator to name a host or a secret, it is granted one that does
/// not exist: the plugin is not blocked, and whoever tries it names what it may reach.
fn wanted(manifest: &Manifest) -> BTreeSet<Grant> {
    let texts = manifest.wants.iter().flat_map(|want| want.capability.to_grant());
    texts.filter_map(|text| text.parse().ok()).collect()
}

impl Bench {
    /// What is on the bench.
    pub fn manifest(&self) -> Option<Manifest> {
        self.slot.current().map(|generation| generation.context.manifest.clone())
    }

    /// What it offers to run.
    pub fn templates(&self) -> PluginTemplates {
        self.slot.listing.load().offer.clone()
    }

    /// Renders one of its templates, named by its own id.
    pub async fn render(
        &self,
        template: &str,
        args: &serde_json::Value,
        vms: &[Arc<Vm>],
    ) -> Result<Vec<RenderedCommand>, PluginError> {
        let offer = self.templates();
        let full = format!("{}/{template}", self.slot.id);
        let known: Option<&Template> = offer.templates.iter().find(|known| known.id == full);
        let known = known.ok_or_else(|| {
            let ids: Vec<_> = offer.templates.iter().map(|known| self.own_id(known)).collect();
            PluginError::NotFound(format!("there is no template `{template}`; there are: {}", ids.join(", ")))
        })?;
        self.host.render(known, args, vms).await
    }

    /// The id of a template within its plugin.
    pub fn own_id<'a>(&self, template: &'a Template) -> &'a str {
        template.id.strip_prefix(&format!("{}/", self.slot.id)).unwrap_or(&template.id)
    }

    /// Opens a stream through it.
    pub async fn filter(&self, info: StreamInfo) -> Result<Box<dyn FilterChain>, PluginError> {
        self.host.open_filters(info).await
    }

    /// Lets it look for machines.
    pub async fn discover(&self) -> Result<Vec<Found>, PluginError> {
        self.host.discover(&self.slot.id).await
    }

    /// What it did that a plugin must not do, whatever came of it: a trap, a limit that it hit, an answer that makes no sense.
    pub fn fault(&self) -> Option<String> {
        let stats = self.slot.stats.read();
        let fell = stats.traps > 0 || !stats.limit_hits.is_empty() || self.slot.info().state != PluginState::Active;
        let entries = self.slot.log.entries();
        let last = || entries.iter().rev().find(|entry| entry.level == LogLevel::Error).map(|entry| entry.text.clone());
        fell.then(|| last().unwrap_or_else(|| self.slot.info().reason))
    }

    /// What it said, and what the host said of it.
    pub fn log(&self) -> Vec<LogEntry> {
        self.slot.log.entries()
    }

    /// A value of its state.
    pub fn kept(&self, key: &str) -> Option<Vec<u8>> {
        self.slot.kv.get(key)
    }
}
