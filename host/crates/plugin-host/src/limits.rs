//! How much a plugin may use, and the record of what it tried to use. A memory bomb and a panic both end in
//! `unreachable`, so the limiter remembers what it refused: only it can tell them apart.

use std::time::Duration;

use wasmtime::ResourceLimiter;

/// Length of an epoch: the grain of CPU limits.
pub const TICK: Duration = Duration::from_millis(10);
/// Most elements of all tables of an instance.
const TABLE_ELEMENTS_MAX: usize = 20_000;
/// Most core instances in one component; Rust's have 3 to 10, interpreters for other languages about 20.
pub const CORE_INSTANCES_MAX: usize = 64;
/// Most memories in one component.
pub const MEMORIES_MAX: usize = 4;
/// Most tables in one component.
pub const TABLES_MAX: usize = 32;

/// What one plugin may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of linear memory of one instance.
    pub memory: u64,
    /// Processor time of one call, looked at every [`TICK`].
    pub cpu_per_call: Duration,
    /// Time of one call, waits on the host included.
    pub time_per_call: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { memory: 64 << 20, cpu_per_call: Duration::from_millis(500), time_per_call: Duration::from_secs(5) }
    }
}

/// The most that the operator lets a manifest ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ceilings {
    /// See [`Limits`].
    pub memory: u64,
    /// See [`Limits`].
    pub cpu_per_call: Duration,
    /// See [`Limits`].
    pub time_per_call: Duration,
}

impl Default for Ceilings {
    fn default() -> Self {
        Self { memory: 256 << 20, cpu_per_call: Duration::from_secs(5), time_per_call: Duration::from_secs(60) }
    }
}

/// Refuses growth beyond the limits and remembers that it did.
#[derive(Debug)]
pub struct Limiter {
    memory_limit: usize,
    memory: usize,
    tables: usize,
    /// Memory was refused.
    pub hit_memory: bool,
    /// A table was refused.
    pub hit_table: bool,
}

impl Limiter {
    /// A limiter with nothing used.
    pub fn new(limits: &Limits) -> Self {
        let memory_limit = usize::try_from(limits.memory).unwrap_or(usize::MAX);
        Self { memory_limit, memory: 0, tables: 0, hit_memory: false, hit_table: false }
    }
}

impl Limiter {
    /// Bytes of linear memory that the instance has.
    pub fn memory(&self) -> usize {
        self.memory
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        // All memories of the instance count together: four of them must not have four times the limit.
        let total = self.memory.saturating_sub(current).saturating_add(desired);
        if total > self.memory_limit {
            self.hit_memory = true;
            // Refused growth traps: a guest that goes on after it would only fail later and less clearly.
            return Err(wasmtime::Error::msg("memory limit reached"));
        }
        self.memory = total;
        Ok(true)
    }

    fn table_growing(&mut self, current: usize, desired: usize, _maximum: Option<usize>) -> wasmtime::Result<bool> {
        let total = self.tables.saturating_sub(current).saturating_add(desired);
        if total > TABLE_ELEMENTS_MAX {
            self.hit_table = true;
            return Err(wasmtime::Error::msg("table limit reached"));
        }
        self.tables = total;
        Ok(true)
    }

    fn instances(&self) -> usize {
        CORE_INSTANCES_MAX
    }

    fn tables(&self) -> usize {
        TABLES_MAX
    }

    fn memories(&self) -> usize {
        MEMORIES_MAX
    }
}
