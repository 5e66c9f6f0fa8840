//! The plugin host as the rest of Corral sees it.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use corral_domain::{Clock, PluginInfo, PluginKind, PluginPolicy, PluginTransition, RenderedCommand, Template, Vm};
use corral_engine::ports::{
    FilterChain, Found, PluginError, PluginLogLine, PluginNotice, PluginStats, Plugins, StreamInfo,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::chain::Chain;
use crate::config::PluginHostConfig;
use crate::guest_log::LogEntry;
use crate::health::Permit;
use crate::inner::Inner;
use crate::kv::FLUSH_EVERY;
use crate::notices::{NOTICES_MAX, Notices};
use crate::registry::Registry;
use crate::runtime::Runtime;
use crate::services::{ServiceCell, Services};
use crate::slot::{Place, Slot, lock};
use crate::{discovery, pipeline, templates, watch};

/// Runs plugins.
pub struct PluginHost {
    inner: Arc<Inner>,
}

/// Why the plugin host could not start.
#[derive(Debug, thiserror::Error)]
#[error("the WebAssembly engine could not be set up: {0}")]
pub struct StartError(String);

impl StartError {
    pub(crate) fn new(problem: String) -> Self {
        Self(problem)
    }
}

impl PluginHost {
    /// Starts. Plugins are loaded in the background; those whose compiled code is at hand serve when this returns, or
    /// very soon after.
    pub async fn start(
        config: PluginHostConfig,
        clock: Arc<dyn Clock>,
    ) -> Result<(Arc<Self>, mpsc::Receiver<PluginNotice>), StartError> {
        let (cache_dir, ceilings) = (config.cache_dir.clone(), config.ceilings);
        let runtime = tokio::task::spawn_blocking(move || Runtime::new(&cache_dir, &ceilings)).await;
        let runtime = runtime.map_err(|error| StartError(error.to_string()))?;
        let runtime = runtime.map_err(|error| StartError(format!("{error:?}")))?;
        let (sender, receiver) = mpsc::channel(NOTICES_MAX);
        let policies = Mutex::new(config.policies.clone());
        let inner = Arc::new(Inner {
            config,
            policies,
            services: ServiceCell::default(),
            fetcher: Arc::default(),
            clock,
            runtime: Arc::new(runtime),
            registry: Registry::default(),
            notices: Arc::new(Notices::default()),
            scanning: tokio::sync::Mutex::default(),
            installing: tokio::sync::Mutex::default(),
            stop: CancellationToken::new(),
            tasks: TaskTracker::new(),
        });
        let pump = inner.clone();
        inner.tasks.spawn(async move { pump.notices.pump(&pump.registry, sender, pump.stop.clone()).await });
        load_all(&inner).await;
        inner.tasks.spawn(watch::run(inner.clone()));
        inner.tasks.spawn(flush_often(inner.clone()));
        Ok((Arc::new(Self { inner }), receiver))
    }

    /// Of parts that are put together already: nothing is watched, and nothing is loaded but what is.
    pub(crate) fn of(inner: Arc<Inner>) -> Self {
        Self { inner }
    }

    /// Joins what plugins may ask of the host. Until then such calls are told to try again.
    pub fn join(&self, services: Arc<dyn Services>) {
        self.inner.services.join(services);
    }

    /// Stops every task and writes what plugins keep.
    pub async fn stop(&self) {
        self.inner.stop.cancel();
        self.inner.tasks.close();
        self.inner.tasks.wait().await;
        self.inner.flush().await;
    }

    /// All plugins.
    pub fn infos(&self) -> Vec<PluginInfo> {
        self.inner.registry.all().iter().map(|slot| slot.info()).collect()
    }

    /// What a plugin said, oldest first; none if there is no such plugin.
    pub fn log(&self, id: &str) -> Option<Vec<LogEntry>> {
        self.inner.registry.find(id).map(|slot| slot.log.entries())
    }

    /// Whether instances come from the pool; otherwise they are made on demand, which is slower.
    pub fn is_pooled(&self) -> bool {
        self.inner.runtime.pooled
    }
}

impl Drop for PluginHost {
    fn drop(&mut self) {
        self.inner.stop.cancel();
    }
}

/// Loads everything at once, and waits a moment for those that need no compilation.
async fn load_all(inner: &Arc<Inner>) {
    let (mut first, mut rest) = (Vec::new(), Vec::new());
    for (index, bundled) in inner.config.bundled.iter().enumerate() {
        let slot = inner.add_slot(Place::Embedded(index), &bundled.manifest);
        let group = if pipeline::is_for_every_job(&bundled.manifest) { &mut first } else { &mut rest };
        group.push(slot);
    }
    let loader = inner.clone();
    inner.tasks.spawn(async move {
        // Output waits for the filters of every job, so these wait for no other's compilation.
        futures::future::join_all(first.iter().map(|slot| loader.load(slot, false))).await;
        for slot in rest {
            let each = loader.clone();
            loader.tasks.spawn(async move { each.load(&slot, false).await });
        }
    });
    watch::scan_plugins(inner).await;
    let loaded = async {
        for slot in inner.registry.all() {
            let mut changes = slot.watch();
            while slot.is_loading() && changes.changed().await.is_ok() {}
        }
    };
    let _ = tokio::time::timeout(inner.config.timing.settle, loaded).await;
}

async fn flush_often(inner: Arc<Inner>) {
    let mut tick = tokio::time::interval(FLUSH_EVERY);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = inner.stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        if inner.registry.all().iter().any(|slot| slot.kv.is_dirty()) {
            inner.flush().await;
        }
    }
}

#[async_trait]
impl Plugins for PluginHost {
    async fn render(
        &self,
        template: &Template,
        args: &serde_json::Value,
        vms: &[Arc<Vm>],
    ) -> Result<Vec<RenderedCommand>, PluginError> {
        let corral_domain::Origin::Plugin(plugin) = &template.origin else {
            return Err(PluginError::NotFound(format!("the template `{}` is not a plugin's", template.id)));
        };
        let slot = self.inner.known(plugin)?;
        templates::render(&slot, template, args, vms).await
    }

    async fn open_filters(&self, info: StreamInfo) -> Result<Box<dyn FilterChain>, PluginError> {
        let slots: Vec<Arc<Slot>> = self.inner.registry.all().into_iter().filter(|slot| slot.filters()).collect();
        let all: Vec<_> = slots.iter().map(|slot| (slot.id.as_str(), *lock(&slot.filter))).collect();
        let chosen = pipeline::chain(&all, &self.inner.config.filter_rules, &info).map_err(|id| {
            PluginError::Unavailable(format!("lines are to go through the filter `{id}`, which is not there"))
        })?;
        let slots = chosen.iter().filter_map(|id| slots.iter().find(|slot| slot.id == *id).cloned()).collect();
        Ok(Box::new(Chain::new(slots, &info, self.inner.clock.clone(), self.inner.config.timing)))
    }

    fn discovery_sources(&self) -> Vec<String> {
        let discovers =
            |slot: &Arc<Slot>| slot.current().is_some_and(|generation| generation.provides(PluginKind::Discovery));
        let mut ids: Vec<_> =
            self.inner.registry.all().into_iter().filter(discovers).map(|slot| slot.id.clone()).collect();
        ids.sort();
        ids
    }

    async fn discover(&self, source: &str) -> Result<Vec<Found>, PluginError> {
        let slot = self.inner.known(source)?;
        let down = || PluginError::Unavailable(format!("plugin `{source}`: {}", slot.info().reason));
        let generation = slot.current().ok_or_else(down)?;
        if !generation.provides(PluginKind::Discovery) {
            return Err(PluginError::NotFound(format!("the plugin `{source}` discovers nothing")));
        }
        if slot.permit() != Permit::Now {
            return Err(down());
        }
        let outcome = discovery::discover(&generation, &self.inner.config).await;
        slot.record(&generation, &outcome);
        outcome.map_err(|error| error.into_plugin_error(source))
    }

    fn stats(&self, id: &str) -> Option<PluginStats> {
        let slot = self.inner.registry.find(id)?;
        let mut stats = slot.stats.read();
        for (limit, hits) in [("kv", slot.kv.refused()), ("log", slot.log.suppressed_ever())] {
            if hits > 0 {
                stats.limit_hits.insert(limit, hits);
            }
        }
        Some(stats)
    }

    fn log(&self, id: &str) -> Option<Vec<PluginLogLine>> {
        let entry = |entry: LogEntry| PluginLogLine { at: entry.at, level: entry.level.as_str(), text: entry.text };
        self.inner.registry.find(id).map(|slot| slot.log.entries().into_iter().map(entry).collect())
    }

    fn history(&self, id: &str) -> Option<Vec<PluginTransition>> {
        self.inner.registry.find(id).map(|slot| slot.history())
    }

    async fn readme(&self, id: &str) -> Result<Option<String>, PluginError> {
        match self.inner.known(id)?.place.clone() {
            Place::Embedded(index) => Ok(self.inner.config.bundled[index].readme.clone()),
            Place::Folder(_, path) => {
                let read = crate::load::off_thread(move || crate::package::readme(&path)).await;
                read.map_err(|error| PluginError::Unavailable(error.to_string()))
            }
        }
    }

    async fn set_policy(&self, id: &str, policy: PluginPolicy) -> Result<PluginInfo, PluginError> {
        let slot = self.inner.known(id)?;
        lock(&self.inner.policies).insert(id.to_owned(), policy);
        // Whatever is wrong with it now is told by its state; that the policy holds does not depend on it.
        let _told = self.inner.load(&slot, true).await;
        Ok(slot.info())
    }

    async fn reload(&self, id: &str) -> Result<PluginInfo, PluginError> {
        let slot = self.inner.known(id)?;
        let loaded = self.inner.load(&slot, true).await;
        loaded.map_err(|error| PluginError::Failed(format!("plugin `{id}`: {error}")))?;
        Ok(slot.info())
    }

    async fn install(&self, files: Vec<(String, Bytes)>) -> Result<PluginInfo, PluginError> {
        Ok(self.inner.install(files).await?)
    }

    async fn uninstall(&self, id: &str) -> Result<(), PluginError> {
        Ok(self.inner.uninstall(id).await?)
    }
}
