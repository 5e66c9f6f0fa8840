//! From files to a serving generation: manifest, grants, configuration, compiled code, a first call, the swap. Whatever
//! fails, the generation that serves goes on.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use corral_domain::{Grant, PluginGrant, PluginKind, PluginState};
use wasmtime::component::Component;

use crate::bindings::exports::corral::log_filter::filter::Batch;
use crate::convert::sample_stream;
use crate::error::{CallError, LoadError};
use crate::generation::Generation;
use crate::grants::Grants;
use crate::guest::{PluginContext, Preopen};
use crate::http::Quota;
use crate::inner::Inner;
use crate::instance::Instance;
use crate::manifest::Manifest;
use crate::package::Package;
use crate::runtime::Runtime;
use crate::schema;
use crate::session::Session;
use crate::slot::{Place, Slot, describe, lock};
use crate::templates::{self, Listing};
use crate::wants::Capability;

/// How often a first call that did not answer in time is made again.
const FIRST_CALLS_MORE: usize = 2;

/// What the first call left: kept, so that the second is quick.
#[derive(Default)]
struct FirstCall {
    listing: Option<Listing>,
    warm: Option<Instance>,
}

impl Inner {
    /// Loads what lies at a slot's place. Unless forced, nothing happens if the content is what was tried last.
    pub async fn load(&self, slot: &Arc<Slot>, forced: bool) -> Result<(), LoadError> {
        let _one = slot.loading.lock().await;
        let mut outcome = self.load_steps(slot, forced).await;
        for _ in 0..FIRST_CALLS_MORE {
            // On a machine that has no time for it, that says nothing of the plugin.
            let Err(LoadError::Smoke(CallError::Time { .. })) = &outcome else { break };
            tokio::time::sleep(self.config.timing.backoff).await;
            outcome = self.load_steps(slot, true).await;
        }
        if let Err(error) = &outcome {
            if matches!(error, LoadError::Blocked(_) | LoadError::Disabled(_) | LoadError::DisabledByConfiguration(_)) {
                // What was decided holds for the version that serves, too.
                slot.retire(!matches!(error, LoadError::Blocked(_))).await;
            }
            tell_failure(slot, error);
        }
        outcome
    }

    async fn load_steps(&self, slot: &Arc<Slot>, forced: bool) -> Result<(), LoadError> {
        let place = slot.place.clone();
        let room = match place {
            Place::Embedded(_) => None,
            Place::Folder(..) => Some(self.runtime.reading.acquire().await.map_err(|_| LoadError::Stopping)?),
        };
        let bundled = self.config.bundled.clone();
        let read = off_thread(move || {
            let package = match &place {
                Place::Embedded(index) => Package::of_bundled(&bundled[*index]),
                Place::Folder(_, path) => Package::read(path)?,
            };
            let wasm = package.wasm.as_ref().ok().map(|wasm| crate::cache::digest(wasm));
            let all = package.digest(wasm.as_deref());
            Ok::<_, LoadError>((package, all, wasm))
        });
        // What cannot be read was not tried: when it can be read again, it is.
        let (package, all_digest, wasm_digest) = read.await?.inspect_err(|_| *lock(&slot.tried) = None)?;
        if lock(&slot.tried).replace(all_digest.clone()) == Some(all_digest) && !forced {
            return Ok(());
        }
        let manifest = Manifest::parse(&package.manifest, &self.config.ceilings)?;
        self.settle_grants(slot, &manifest);
        if slot.current().is_none() {
            slot.tell(|info| describe(info, &manifest, &slot.grants.load()));
            *lock(&slot.policy) = manifest.policy;
            *lock(&slot.filter) = manifest.filter;
        }
        let context = self.context(slot, manifest)?;
        // Compiling a schema takes as long as its author likes, within bounds.
        let checked = off_thread(move || check_config(&context, &package).map(|()| (context, package)));
        let (context, package) = checked.await??;
        let wasm = package.wasm.map_err(|problem| LoadError::Read { what: "plugin.wasm".into(), problem })?;
        let digest = wasm_digest.unwrap_or_default();
        let component = self.component(slot, wasm, &digest).await?;
        drop(room);
        let number = slot.next_number();
        let generation = Generation::link(number, digest, Arc::new(context), self.runtime.clone(), &component)?;
        let generation = Arc::new(generation);
        let first = first_call(&generation).await.map_err(LoadError::Smoke)?;
        self.serve(slot, generation, first);
        Ok(())
    }

    fn serve(&self, slot: &Arc<Slot>, generation: Arc<Generation>, first: FirstCall) {
        let filters = generation.provides(PluginKind::LogFilter);
        slot.warm_up(first.warm);
        if let Some(listing) = first.listing {
            let old = slot.listing.swap(Arc::new(listing));
            if old.offer != slot.listing.load().offer {
                slot.tell_templates();
            }
        }
        slot.swap(generation.clone());
        if filters && !slot.relied_on.swap(true, Ordering::SeqCst) {
            self.remember_filter(&slot.id);
        }
        let (number, version) = (generation.number, &generation.context.manifest.version);
        tracing::info!(plugin = slot.id, generation = number, %version, "the plugin serves");
    }

    /// Everything but the code: id, grants, configuration, folders.
    fn context(&self, slot: &Slot, manifest: Manifest) -> Result<PluginContext, LoadError> {
        if manifest.id != slot.id {
            let holder = self.registry.find(&manifest.id).map_or_else(|| "elsewhere".into(), |slot| slot.info().origin);
            return Err(LoadError::IdTaken { id: manifest.id, holder });
        }
        let settings = self.config.plugins.get(&manifest.id).cloned().unwrap_or_default();
        if !settings.enabled {
            return Err(LoadError::DisabledByConfiguration(manifest.id));
        }
        if !self.policy(&manifest.id).enabled {
            return Err(LoadError::Disabled(manifest.id));
        }
        let grants = slot.grants.load_full();
        if let Some(reason) = grants.blocks(&manifest) {
            return Err(LoadError::Blocked(reason));
        }
        let config = settings.config.unwrap_or_else(|| manifest.config_default.clone());
        let preopens = self.preopens(slot, &manifest, &grants);
        Ok(PluginContext {
            manifest,
            grants: slot.grants.clone(),
            config: config.to_string(),
            preopens,
            log: slot.log.clone(),
            kv: slot.kv.clone(),
            stats: slot.stats.clone(),
            submissions: slot.submissions.clone(),
            services: self.services.clone(),
            fetcher: self.fetcher.clone(),
            quota: Quota::default(),
        })
    }

    /// What the configuration and the operator give together. It holds at once, for every version.
    fn settle_grants(&self, slot: &Slot, manifest: &Manifest) {
        let configured = self.config.plugins.get(&slot.id).and_then(|settings| settings.grant.clone());
        let as_wanted = configured.is_none() && self.is_bundled(&slot.place);
        let mut given: BTreeMap<Grant, bool> =
            self.policy(&slot.id).grants.into_iter().map(|grant| (grant, false)).collect();
        given.extend(configured.into_iter().flatten().map(|grant| (grant, true)));
        let shown = given.iter();
        let shown = shown.map(|(grant, configured)| PluginGrant { grant: grant.to_string(), configured: *configured });
        let shown: Vec<_> = shown.collect();
        let grants = Grants { as_wanted, given: given.into_keys().collect() };
        let serving = slot.current();
        let wants = serving.as_ref().map_or(&manifest.wants, |serving| &serving.context.manifest.wants);
        let wants: Vec<_> = wants.iter().map(|want| grants.describe(want)).collect();
        slot.grants.store(Arc::new(grants));
        let before = slot.info();
        if before.grants != shown || before.wants != wants {
            slot.tell(|info| (info.grants, info.wants) = (shown, wants));
        }
    }

    fn preopens(&self, slot: &Slot, manifest: &Manifest, grants: &Grants) -> Vec<Preopen> {
        let mut preopens = Vec::new();
        for want in manifest.wants.iter().filter(|want| grants.has(&want.capability)) {
            let Capability::ReadFile { path, mount } = &want.capability else { continue };
            let folders = self.folders(path);
            if folders.is_empty() {
                let text = format!("no folder is configured for `{path}`; the plugin sees an empty place at {mount}");
                slot.log.write(crate::guest_log::LogLevel::Warn, &text);
            }
            for (index, host) in folders.into_iter().enumerate() {
                let guest = if index == 0 { mount.clone() } else { format!("{mount}-{}", index + 1) };
                preopens.push(Preopen { host, guest });
            }
        }
        preopens
    }

    fn folders(&self, path: &str) -> Vec<PathBuf> {
        if let Some(folders) = self.config.mounts.get(path) {
            return folders.clone();
        }
        if let Some(rest) = path.strip_prefix("~/") {
            return self.config.home.iter().map(|home| home.join(rest)).collect();
        }
        if path.starts_with('/') {
            return vec![PathBuf::from(path)];
        }
        Vec::new()
    }

    /// Its compiled code. Compiling takes a while, and is told.
    async fn component(&self, slot: &Slot, wasm: Bytes, digest: &str) -> Result<Component, LoadError> {
        compile(&self.runtime, wasm, digest, || {
            if slot.current().is_none() {
                slot.tell(|info| {
                    info.state = PluginState::Compiling;
                    info.reason = "being compiled; this happens once for each version".into();
                });
            }
        })
        .await
    }
}

/// Compiled code: from the cache, or compiled off the async threads, one at a time. `slow` is told before the latter.
pub async fn compile(
    runtime: &Arc<Runtime>,
    wasm: Bytes,
    digest: &str,
    slow: impl FnOnce(),
) -> Result<Component, LoadError> {
    check_head(&wasm)?;
    let (cache, key) = (runtime.clone(), digest.to_owned());
    let cached = off_thread(move || cache.cache.as_ref()?.load(&cache.engine, &key)).await?;
    if let Some(component) = cached {
        return Ok(component);
    }
    slow();
    let _one = runtime.compiling.acquire().await.map_err(|_| LoadError::Stopping)?;
    let (runtime, key) = (runtime.clone(), digest.to_owned());
    off_thread(move || {
        let component = Component::new(&runtime.engine, &wasm).map_err(|error| not_a_component(&error))?;
        if let Some(Err(error)) = runtime.cache.as_ref().map(|cache| cache.store(&component, &key)) {
            tracing::warn!(%error, "a compiled plugin could not be cached; the next start compiles it again");
        }
        Ok(component)
    })
    .await?
}

fn tell_failure(slot: &Slot, error: &LoadError) {
    tracing::warn!(plugin = slot.id, %error, "the plugin could not be loaded");
    let old_serves = slot.current().is_some();
    slot.tell(|info| {
        if old_serves {
            info.reason = format!("the version before goes on, because the new one could not be loaded: {error}");
            return;
        }
        info.reason = error.to_string();
        info.state = match error {
            LoadError::Blocked(_) => PluginState::Blocked,
            LoadError::Disabled(_) | LoadError::DisabledByConfiguration(_) => PluginState::Disabled,
            _ => PluginState::Broken,
        };
    });
}

fn not_a_component(error: &wasmtime::Error) -> LoadError {
    let cause = error.chain().map(ToString::to_string).collect::<Vec<_>>().join(": ");
    let cause: String = cause.lines().next().unwrap_or_default().chars().take(300).collect();
    // A sound component that the pool has no place for.
    let too_large = ["pooling allocator", "exceeds the limit", "exceeds the configured maximum"];
    if too_large.iter().any(|words| cause.contains(words)) {
        return LoadError::Contract(format!("its tables, memories or parts are more than a plugin may have: {cause}"));
    }
    LoadError::NotAComponent(format!("plugin.wasm is damaged or was cut off: {cause}"))
}

/// Tells a component from everything else that could lie there, in words.
pub fn check_head(wasm: &[u8]) -> Result<(), LoadError> {
    let wrong = |text: &str| Err(LoadError::NotAComponent(text.to_owned()));
    match wasm.get(..8) {
        None => wrong("plugin.wasm is empty or was cut off; build it again and copy it whole"),
        Some(head) if &head[..4] != b"\0asm" => {
            wrong("plugin.wasm is not WebAssembly; build it with `cargo build --target wasm32-wasip2`")
        }
        Some([_, _, _, _, 0x0d, 0, 1, 0]) => Ok(()),
        Some([_, _, _, _, 1, 0, 0, 0]) => {
            wrong("plugin.wasm is a core module, not a component; build it with `cargo build --target wasm32-wasip2`")
        }
        Some(_) => wrong("plugin.wasm is of a WebAssembly version that this host does not know"),
    }
}

fn check_config(context: &PluginContext, package: &Package) -> Result<(), LoadError> {
    let manifest = &context.manifest;
    let config = serde_json::from_str(&context.config).map_err(|error| LoadError::Config(error.to_string()))?;
    let Some(name) = &manifest.config_schema else {
        let empty = config == serde_json::json!({});
        return if empty || config == manifest.config_default {
            Ok(())
        } else {
            Err(LoadError::Config(format!("the plugin takes none; remove `config` from `[plugins.{}]`", manifest.id)))
        };
    };
    let wrong = |problem: &str| LoadError::Manifest(format!("`config.schema`, {name}: {problem}"));
    let text = match &package.schema {
        Some(Ok(text)) => text,
        Some(Err(problem)) => return Err(wrong(problem)),
        None => return Err(wrong("it is not beside the manifest")),
    };
    let schema = serde_json::from_str(text).map_err(|error| wrong(&error.to_string()))?;
    let validator = schema::compile(&schema).map_err(|problem| wrong(&problem))?;
    let problems: Vec<String> = validator
        .iter_errors(&config)
        .take(CONFIG_ERRORS_MAX)
        .map(|error| format!("{}: {error}", error.instance_path().to_string().trim_start_matches('/')))
        .collect();
    if problems.is_empty() {
        return Ok(());
    }
    Err(LoadError::Config(format!("{}; correct `[plugins.{}.config]`", problems.join("; "), manifest.id)))
}

/// Most errors of a configuration that are named at once.
const CONFIG_ERRORS_MAX: usize = 8;

/// One call of everything that a plugin provides, before it serves. A discovery plugin is only started: what it does
/// when it is asked may be slow.
async fn first_call(generation: &Arc<Generation>) -> Result<FirstCall, CallError> {
    let mut first = FirstCall::default();
    if generation.provides(PluginKind::CommandTemplate) {
        let (listing, warm) = templates::list(generation).await?;
        first.listing = Some(listing);
        first.warm = Some(warm);
    }
    if generation.provides(PluginKind::LogFilter) {
        let mut session = Session::open(generation, &sample_stream(), None).await?;
        let text = "a line to see that the filter answers";
        let batch = Batch { first_line: 0, text: text.into(), ends: vec![text.len() as u32] };
        session.process(&batch, true).await?;
    }
    if generation.provides(PluginKind::Discovery) {
        Instance::start(generation.clone()).await?;
    }
    Ok(first)
}

/// Runs blocking work off the async threads.
pub async fn off_thread<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> Result<R, LoadError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| LoadError::Stopping)
}
