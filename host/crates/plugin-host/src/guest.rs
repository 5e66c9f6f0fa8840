//! What belongs to one plugin, and what belongs to one instance of it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use std::time::Instant;

use arc_swap::ArcSwap;
use corral_domain::PluginKind;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use crate::grants::{Grants, Rights};
use crate::guest_log::{GuestLog, LogLevel, StdStream};
use crate::http::{Fetcher, Quota};
use crate::kv::Kv;
use crate::limits::Limiter;
use crate::manifest::{Manifest, Policy};
use crate::services::ServiceCell;
use crate::stats::Stats;
use crate::submissions::Submissions;

/// Most random bytes that a guest gets at once.
const RANDOM_MAX: u64 = 64 * 1024;

/// A folder that a guest may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preopen {
    /// Where it is on the host.
    pub host: PathBuf,
    /// Where the guest sees it.
    pub guest: String,
}

/// What all instances of one generation of a plugin share.
pub struct PluginContext {
    /// Its manifest.
    pub manifest: Manifest,
    /// What it was granted: one for all generations, so that what is taken away is taken from those that still run, too.
    pub grants: Arc<ArcSwap<Grants>>,
    /// Its configuration as JSON.
    pub config: String,
    /// Folders that it may read.
    pub preopens: Vec<Preopen>,
    /// Its log.
    pub log: Arc<GuestLog>,
    /// Its durable state.
    pub kv: Arc<Kv>,
    /// What it did.
    pub stats: Arc<Stats>,
    /// Jobs that it starts.
    pub submissions: Arc<Submissions>,
    /// What the rest of the host does for it.
    pub services: ServiceCell,
    /// Sends its requests.
    pub fetcher: Arc<Fetcher>,
    /// How many of them at once.
    pub quota: Quota,
}

impl PluginContext {
    /// What it may now.
    pub fn rights(&self) -> Rights<'_> {
        Rights::new(&self.manifest.wants, self.grants.load_full())
    }
}

/// What a call used.
#[derive(Debug, Default)]
pub struct Used {
    /// Nanoseconds of processor time, up to the last time that it waited or gave others their turn.
    pub cpu: AtomicU64,
    /// Ticks in which it was seen running.
    pub ticks: AtomicU64,
}

impl Used {
    /// Processor time.
    pub fn cpu(&self) -> Duration {
        Duration::from_nanos(self.cpu.load(Ordering::Relaxed))
    }
}

/// The data of one store.
pub struct Guest {
    /// Its plugin.
    pub plugin: Arc<PluginContext>,
    /// What it tried to use.
    pub limiter: Limiter,
    /// When the time of the present call is over.
    pub call_ends: Instant,
    /// What the present call used, as far as it is known; whoever waits for it looks at that meanwhile.
    pub used: Arc<Used>,
    /// Its standard error, for the last words after a trap.
    pub stderr: StdStream,
    wasi: WasiCtx,
    table: ResourceTable,
}

impl Guest {
    /// The data of a new instance: WASI with nothing in it but the granted folders.
    pub fn new(plugin: Arc<PluginContext>) -> Self {
        let limits = plugin.manifest.limits;
        let holds_lines =
            plugin.manifest.provides.contains(&PluginKind::LogFilter) && plugin.manifest.policy != Policy::PassThrough;
        let errors = if holds_lines { StdStream::of_places } else { StdStream::new };
        let stderr = errors(plugin.log.clone(), LogLevel::Warn);
        let mut wasi = WasiCtxBuilder::new();
        wasi.allow_tcp(false).allow_udp(false).allow_ip_name_lookup(false).max_random_size(RANDOM_MAX);
        wasi.stdout(StdStream::new(plugin.log.clone(), LogLevel::Info)).stderr(stderr.clone());
        for preopen in &plugin.preopens {
            if let Err(error) = wasi.preopened_dir(&preopen.host, &preopen.guest, FsPerms::ReadOnly)
                && preopen.host.exists()
            {
                let text = format!("the folder `{}` cannot be read: {error}", preopen.host.display());
                plugin.log.write(LogLevel::Warn, &text);
            }
        }
        Self {
            limiter: Limiter::new(&limits),
            call_ends: Instant::now() + limits.time_per_call,
            used: Arc::default(),
            stderr,
            wasi: wasi.build(),
            table: ResourceTable::new(),
            plugin,
        }
    }
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}
