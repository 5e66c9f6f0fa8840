//! What belongs to one plugin, and what belongs to one instance of it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use wasmtime::component::ResourceTable;
use wasmtime_wasi::{FsPerms, WasiCtx, WasiCtxBuilder, WasiCtxView, WasiView};

use crate::grants::{Grants, Rights};
use crate::guest_log::{GuestLog, LogLevel, StdStream};
use crate::http::{Fetcher, Quota};
use crate::kv::Kv;
use crate::limits::{Limiter, Limits};
use crate::manifest::Manifest;
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

/// The data of one store.
pub struct Guest {
    /// Its plugin.
    pub plugin: Arc<PluginContext>,
    /// What it tried to use.
    pub limiter: Limiter,
    /// Ticks in which the present call was seen running.
    pub ticks_used: u64,
    /// Ticks that a call may run.
    pub ticks_limit: u64,
    /// When the time of the present call is over.
    pub call_ends: Instant,
    /// Its standard error, for the last words after a trap.
    pub stderr: StdStream,
    wasi: WasiCtx,
    table: ResourceTable,
}

impl Guest {
    /// The data of a new instance: WASI with nothing in it but the granted folders.
    pub fn new(plugin: Arc<PluginContext>) -> Self {
        let limits = plugin.manifest.limits;
        let stderr = StdStream::new(plugin.log.clone(), LogLevel::Warn);
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
            ticks_used: 0,
            ticks_limit: ticks(&limits),
            call_ends: Instant::now() + limits.time_per_call,
            stderr,
            wasi: wasi.build(),
            table: ResourceTable::new(),
            plugin,
        }
    }
}

/// CPU limit in ticks, at least one.
fn ticks(limits: &Limits) -> u64 {
    let tick = crate::limits::TICK.as_millis();
    u64::try_from(limits.cpu_per_call.as_millis().div_ceil(tick)).unwrap_or(u64::MAX).max(1)
}

impl WasiView for Guest {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}
