//! What all parts of the plugin host share.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use corral_domain::{Clock, PluginInfo, PluginKind, PluginPolicy, PluginState};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::PluginHostConfig;
use crate::guest_log::GuestLog;
use crate::http::Fetcher;
use crate::kv::Kv;
use crate::manifest::peek_id;
use crate::notices::Notices;
use crate::registry::Registry;
use crate::runtime::Runtime;
use crate::services::ServiceCell;
use crate::slot::{Place, Slot, lock};

/// The shared parts.
pub struct Inner {
    /// What the host was given.
    pub config: PluginHostConfig,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
    /// The engine.
    pub runtime: Arc<Runtime>,
    /// The plugins.
    pub registry: Registry,
    /// What is still to be told.
    pub notices: Arc<Notices>,
    /// One look at the plugin folders at a time.
    pub scanning: tokio::sync::Mutex<()>,
    /// One plugin is put in place or taken out at a time.
    pub installing: tokio::sync::Mutex<()>,
    /// What was decided about plugins while the host runs, and before.
    pub policies: Mutex<BTreeMap<String, PluginPolicy>>,
    /// What the rest of the host does for plugins.
    pub services: ServiceCell,
    /// Sends the requests of all plugins.
    pub fetcher: Arc<Fetcher>,
    /// Ends every task.
    pub stop: CancellationToken,
    /// Every task.
    pub tasks: TaskTracker,
}

impl Inner {
    /// Makes a place for a plugin. It is shown under the id that its manifest wishes for, if that is free.
    pub fn add_slot(&self, place: Place, manifest: &str) -> Arc<Slot> {
        let wish = wish(&place, manifest);
        let id = self.registry.free_id(&wish);
        let origin = match &place {
            Place::Embedded(_) => "bundled".to_owned(),
            Place::Folder(_, path) => path.display().to_string(),
        };
        let info = PluginInfo {
            id: id.clone(),
            name: id.clone(),
            description: String::new(),
            version: String::new(),
            api: String::new(),
            provides: Vec::new(),
            state: PluginState::Discovered,
            reason: "found; it is looked at next".into(),
            generation: 0,
            digest: String::new(),
            origin,
            wants: Vec::new(),
            grants: Vec::new(),
        };
        let log = Arc::new(GuestLog::new(&id, self.clock.clone()));
        let kv = Arc::new(Kv::open(&self.config.data_dir.join(&id).join("kv")));
        let enabled = self.config.plugins.get(&id).is_none_or(|settings| settings.enabled) && self.policy(&id).enabled;
        let served = self.filter_mark(&id).exists();
        let relied_on = enabled && id == wish && (served || self.is_bundled(&place));
        let slot = Slot::new(info, place, log, kv, self.notices.clone(), self.clock.clone(), self.config.timing);
        slot.relied_on.store(relied_on, Ordering::SeqCst);
        *lock(&slot.filter) = crate::pipeline::FilterPlace::peek(manifest);
        let slot = Arc::new(slot);
        self.registry.insert(slot.clone());
        slot.tell(|info| {
            if served {
                info.provides = vec![PluginKind::LogFilter];
            }
        });
        slot
    }

    /// What was decided about a plugin.
    pub fn policy(&self, id: &str) -> PluginPolicy {
        lock(&self.policies).get(id).cloned().unwrap_or_default()
    }

    /// Takes a place away.
    pub fn remove_slot(&self, place: &Place) {
        if let Some(slot) = self.registry.remove(place) {
            tracing::info!(plugin = slot.id, "the plugin is gone");
            slot.tell(|_| {});
        }
    }

    /// Whether a plugin came with the host.
    pub fn is_bundled(&self, place: &Place) -> bool {
        match place {
            Place::Embedded(_) => true,
            Place::Folder(index, _) => self.config.folders.get(*index).is_some_and(|folder| folder.bundled),
        }
    }

    /// Remembers over restarts that a filter has served: from then on lines must not pass without it.
    pub fn remember_filter(&self, id: &str) {
        let mark = self.filter_mark(id);
        let made = mark.parent().map_or(Ok(()), std::fs::create_dir_all).and_then(|()| std::fs::write(&mark, b""));
        if let Err(error) = made {
            tracing::warn!(file = %mark.display(), %error, "cannot remember that this filter has served");
        }
    }

    /// Forgets it: an operator took the filter out.
    pub fn forget_filter(&self, id: &str) {
        let mark = self.filter_mark(id);
        if let Err(error) = std::fs::remove_file(&mark)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(file = %mark.display(), %error, "lines will wait for this filter if it is installed again");
        }
    }

    fn filter_mark(&self, id: &str) -> PathBuf {
        self.config.data_dir.join(id).join("has-filtered")
    }

    /// Writes plugins' state that changed.
    pub async fn flush(self: &Arc<Self>) {
        let inner = self.clone();
        let flushed = crate::load::off_thread(move || {
            for slot in inner.registry.all() {
                slot.kv.flush();
            }
        });
        let _ = flushed.await;
    }

    /// The plugin that serves under an id.
    pub fn known(&self, id: &str) -> Result<Arc<Slot>, corral_engine::ports::PluginError> {
        self.registry
            .find(id)
            .ok_or_else(|| corral_engine::ports::PluginError::NotFound(format!("there is no plugin `{id}`")))
    }
}

/// The id under which a plugin wants to be known: its manifest's, or its folder's name where that cannot be read.
pub fn wish(place: &Place, manifest: &str) -> String {
    peek_id(manifest).unwrap_or_else(|| match place {
        Place::Embedded(index) => format!("bundled-{index}"),
        Place::Folder(_, path) => folder_id(path),
    })
}

fn folder_id(path: &std::path::Path) -> String {
    let name = path.file_name().map(|name| name.to_string_lossy().to_ascii_lowercase()).unwrap_or_default();
    let id: String = name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(60).collect();
    if id.starts_with(|c: char| c.is_ascii_lowercase()) { id } else { format!("p-{id}") }
}
