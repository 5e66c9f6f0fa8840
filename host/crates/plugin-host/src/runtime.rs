//! The engine that all plugins share: its settings, the thread that ticks its epochs, and the linker with everything
//! that a component may import. Settings are the measured ones of the design.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;

use tokio::sync::Semaphore;
use wasmtime::component::Linker;
use wasmtime::{Config, Engine, EngineWeak, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::cache::CodeCache;
use crate::guest::Guest;
use crate::limits::{CORE_INSTANCES_MAX, Ceilings, MEMORIES_MAX, TABLES_MAX, TICK};

/// Instances that can live at once: one per filter and running stream, and a few warm ones.
const INSTANCES_MAX: u32 = 1_100;
/// Core instances that a usual component has; the pool is sized for it.
const CORE_INSTANCES_USUAL: u32 = 6;
/// Ticks without a call after which the ticking thread goes to sleep.
const IDLE_TICKS: u32 = 100;
/// Components of folders that are in memory at once.
const READING_MAX: usize = 4;
/// Bytes of a trap's backtrace are bounded by its frames.
const BACKTRACE_FRAMES: usize = 8;

/// What every instance needs.
pub struct Runtime {
    /// The engine.
    pub engine: Engine,
    /// Everything that can be imported.
    pub linker: Linker<Guest>,
    /// Compiled code on disk; none if its folder cannot be trusted.
    pub cache: Option<CodeCache>,
    /// One compilation at a time: it uses every core by itself.
    pub compiling: Semaphore,
    /// So many components of folders are in memory at once until they are compiled: each may be as large as one may be.
    pub reading: Semaphore,
    /// Whether instances come from the pool.
    pub pooled: bool,
    ticker: Arc<Ticker>,
}

impl Runtime {
    /// Builds the engine; falls back to instances on demand where the pool's address space cannot be had.
    pub fn new(cache_dir: &std::path::Path, ceilings: &Ceilings) -> wasmtime::Result<Self> {
        let (engine, pooled) = match Engine::new(&config(Some(ceilings))) {
            Ok(engine) => (engine, true),
            Err(error) => {
                tracing::info!(%error, "no address space for the instance pool; instances are made on demand");
                (Engine::new(&config(None))?, false)
            }
        };
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
        crate::host::add_to_linker(&mut linker)?;
        let cache = CodeCache::open(cache_dir, &engine)
            .inspect_err(|problem| tracing::warn!(%problem, "compiled plugins are not cached"))
            .ok();
        let ticker = Ticker::start(&engine)?;
        Ok(Self {
            engine,
            linker,
            cache,
            compiling: Semaphore::new(1),
            reading: Semaphore::new(READING_MAX),
            pooled,
            ticker,
        })
    }

    /// A call begins: epochs tick until the answer is dropped.
    pub fn ticking(&self) -> Ticking {
        self.ticker.call()
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.ticker.stop();
    }
}

fn config(pool: Option<&Ceilings>) -> Config {
    let mut config = Config::new();
    config
        .concurrency_support(false)
        .epoch_interruption(true)
        .wasm_component_model(true)
        // Where in a function it trapped is not told, and what would be needed for that is a third of the compiled code.
        .generate_address_map(false)
        .wasm_backtrace_max_frames(std::num::NonZeroUsize::new(BACKTRACE_FRAMES))
        .parallel_compilation(true);
    if let Some(ceilings) = pool {
        let mut pooling = PoolingAllocationConfig::new();
        pooling
            .total_component_instances(INSTANCES_MAX)
            .total_core_instances(INSTANCES_MAX * CORE_INSTANCES_USUAL)
            .total_memories(INSTANCES_MAX)
            .total_tables(INSTANCES_MAX * 2)
            .total_stacks(INSTANCES_MAX)
            .max_core_instances_per_component(CORE_INSTANCES_MAX as u32)
            .max_memories_per_component(MEMORIES_MAX as u32)
            .max_tables_per_component(TABLES_MAX as u32)
            .max_memory_size(usize::try_from(ceilings.memory).unwrap_or(usize::MAX));
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pooling));
    }
    config
}

/// A thread that moves the epoch on while calls are made, and sleeps when none are.
struct Ticker {
    begun: AtomicU64,
    running: AtomicU64,
    asleep: AtomicBool,
    stopped: AtomicBool,
    thread: OnceLock<Thread>,
}

/// Keeps epochs ticking while it lives.
pub struct Ticking(Arc<Ticker>);

impl Drop for Ticking {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Ticker {
    fn start(engine: &Engine) -> std::io::Result<Arc<Self>> {
        let ticker = Arc::new(Self {
            begun: AtomicU64::new(0),
            running: AtomicU64::new(0),
            asleep: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            thread: OnceLock::new(),
        });
        let (engine, own) = (engine.weak(), ticker.clone());
        let handle = std::thread::Builder::new().name("plugin-epochs".into()).spawn(move || own.run(&engine))?;
        let _ = ticker.thread.set(handle.thread().clone());
        Ok(ticker)
    }

    fn run(&self, engine: &EngineWeak) {
        let (mut seen, mut idle) = (0, 0);
        while !self.stopped.load(Ordering::SeqCst) {
            std::thread::sleep(TICK);
            match engine.upgrade() {
                Some(engine) => engine.increment_epoch(),
                None => return,
            }
            let begun = self.begun.load(Ordering::SeqCst);
            idle = if begun == seen { idle + 1 } else { 0 };
            seen = begun;
            if idle > IDLE_TICKS {
                idle = 0;
                self.asleep.store(true, Ordering::SeqCst);
                // A call that begins from here on sees `asleep` and wakes the thread; one that began before is seen
                // here. `park` returns at once if the waking came first.
                if self.running.load(Ordering::SeqCst) == 0 && !self.stopped.load(Ordering::SeqCst) {
                    std::thread::park();
                }
                self.asleep.store(false, Ordering::SeqCst);
            }
        }
    }

    fn call(self: &Arc<Self>) -> Ticking {
        self.begun.fetch_add(1, Ordering::SeqCst);
        self.running.fetch_add(1, Ordering::SeqCst);
        if self.asleep.load(Ordering::SeqCst)
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
        Ticking(self.clone())
    }

    fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        if let Some(thread) = self.thread.get() {
            thread.unpark();
        }
    }
}
