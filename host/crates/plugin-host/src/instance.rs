//! One instance of a plugin: a store that is thrown away after any trap, timeout or dropped call, because a component
//! that was left in the middle of a call cannot be entered again.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use wasmtime::component::Instance as ComponentInstance;
use wasmtime::{PoolConcurrencyLimitError, Store, Trap, UpdateDeadline, WasmBacktrace};

use crate::bindings::corral::types::types::Error;
use crate::error::CallError;
use crate::generation::Generation;
use crate::guest::{Guest, Used};
use crate::guest_log::LogLevel;
use crate::limits::TICK;
use crate::runtime::Ticking;
use crate::stats::Metered;

/// Most bytes that one call may answer or hand to the host.
pub const ANSWER_MAX: usize = 16 << 20;

/// How often a guest that computes is given the time of a call: one that sleeps in small pieces seems to compute for ever.
const ROUNDS_MAX: usize = 20;

/// An instance, or the place where one was.
pub struct Instance {
    /// What it is an instance of.
    pub generation: Arc<Generation>,
    store: Option<Store<Guest>>,
    component: ComponentInstance,
}

/// The time limit of one call, and the tick that its CPU limit needs.
pub struct Limited {
    what: &'static str,
    time: Duration,
    begun: Instant,
    used: Arc<Used>,
    _ticking: Ticking,
}

impl Limited {
    /// Waits for an answer, but not for ever. A guest that computed meanwhile is given the same time again: on a machine that is
    /// overloaded it waits for its turn, and its limit of processor time bounds how often.
    pub async fn wait<R>(&self, call: impl Future<Output = wasmtime::Result<R>>) -> Outcome<R> {
        let mut call = Metered { spent: &self.used.cpu, call: Box::pin(call) };
        for _ in 0..ROUNDS_MAX {
            let before = (self.used.cpu(), self.used.ticks.load(Ordering::Relaxed));
            if let Ok(answer) = tokio::time::timeout(self.time, &mut call).await {
                return Some(answer);
            }
            let computed = self.used.cpu().saturating_sub(before.0);
            let seen_running = self.used.ticks.load(Ordering::Relaxed) > before.1;
            if computed < TICK / 2 && !seen_running {
                return None;
            }
        }
        None
    }
}

/// An answer, an error of wasmtime, or nothing in time.
pub type Outcome<R> = Option<wasmtime::Result<R>>;

impl Instance {
    /// Makes an instance. Its start code runs under the limits of a call.
    pub async fn start(generation: Arc<Generation>) -> Result<Self, CallError> {
        let mut store = Store::new(&generation.runtime.engine, Guest::new(generation.context.clone()));
        store.limiter(|guest| &mut guest.limiter);
        store.epoch_deadline_callback(|mut context| {
            let guest = context.data_mut();
            guest.used.ticks.fetch_add(1, Ordering::Relaxed);
            // Yields at every tick, so that the time limit and other tasks get their turn, and its processor time is known. A tick
            // itself says only that it ran: one that waits and looks again and again is seen in each of them.
            let spent = guest.used.cpu();
            Ok(if spent >= guest.plugin.manifest.limits.cpu_per_call {
                UpdateDeadline::Interrupt
            } else {
                UpdateDeadline::Yield(1)
            })
        });
        let limited = begin(&generation, &mut store, "starting it");
        let outcome = limited.wait(generation.pre.instantiate_async(&mut store)).await;
        let component = end(&limited, &store, outcome)?;
        Ok(Self { generation, store: Some(store), component })
    }

    /// Whether it can be called.
    pub fn is_alive(&self) -> bool {
        self.store.is_some()
    }

    /// The component inside, to look its exports up.
    pub fn component(&self) -> ComponentInstance {
        self.component
    }

    /// Begins a call: gives the store away. Only [`Self::leave`] with an answer brings it back, so a call that fails
    /// or is dropped half-way takes the store with it.
    pub fn enter(&mut self, what: &'static str) -> Result<(Store<Guest>, Limited), CallError> {
        let mut store = self.store.take().ok_or(CallError::Gone)?;
        let limited = begin(&self.generation, &mut store, what);
        Ok((store, limited))
    }

    /// Ends a call.
    pub fn leave<R>(&mut self, store: Store<Guest>, limited: &Limited, outcome: Outcome<R>) -> Result<R, CallError> {
        let answer = end(limited, &store, outcome)?;
        self.store = Some(store);
        Ok(answer)
    }

    /// Ends a call whose answer can be an error of the contract. Such an error is an answer: the instance lives on.
    pub fn leave_fallible<R>(
        &mut self,
        store: Store<Guest>,
        limited: &Limited,
        outcome: Outcome<Result<R, Error>>,
    ) -> Result<R, CallError> {
        let answer = self.leave(store, limited, outcome)?;
        answer.map_err(|error| CallError::Refused { what: limited.what, error: error.into() })
    }
}

fn begin(generation: &Generation, store: &mut Store<Guest>, what: &'static str) -> Limited {
    let (time, begun) = (generation.context.manifest.limits.time_per_call, Instant::now());
    store.data_mut().call_ends = begun + time;
    let used = store.data().used.clone();
    used.cpu.store(0, Ordering::Relaxed);
    used.ticks.store(0, Ordering::Relaxed);
    store.set_epoch_deadline(1);
    store.set_hostcall_fuel(ANSWER_MAX);
    Limited { what, time, begun, used, _ticking: generation.runtime.ticking() }
}

fn end<R>(limited: &Limited, store: &Store<Guest>, outcome: Outcome<R>) -> Result<R, CallError> {
    let answer = match outcome {
        Some(Ok(answer)) => Ok(answer),
        Some(Err(error)) => Err(classify(&error, store.data(), limited.what)),
        None => Err(CallError::Time { what: limited.what, limit: limited.time }),
    };
    let guest = store.data();
    guest.plugin.stats.called(
        limited.begun.elapsed(),
        limited.used.cpu(),
        guest.limiter.memory(),
        answer.as_ref().err(),
    );
    answer
}

/// What an error of wasmtime means. The limiter's record comes first: a refused growth and a panic look the same.
fn classify(error: &wasmtime::Error, guest: &Guest, what: &'static str) -> CallError {
    let limits = &guest.plugin.manifest.limits;
    if error.is::<PoolConcurrencyLimitError>() {
        return CallError::Full;
    }
    if guest.limiter.hit_memory {
        return CallError::Memory { what, limit: limits.memory };
    }
    if guest.limiter.hit_table {
        return CallError::Tables { what };
    }
    let trap = error.downcast_ref::<Trap>();
    if trap == Some(&Trap::Interrupt) {
        let used = Duration::from_millis(guest.used.cpu().as_millis() as u64);
        return CallError::Cpu { what, used, limit: limits.cpu_per_call };
    }
    let cause = error.root_cause().to_string();
    if cause.contains("allocated for hostcalls") {
        return CallError::Answer { what, problem: format!("more than {ANSWER_MAX} bytes") };
    }
    if let Some(frames) = error.downcast_ref::<WasmBacktrace>().map(frames).filter(|frames| !frames.is_empty()) {
        guest.plugin.log.write(LogLevel::Error, &format!("{what} trapped in {frames}"));
    }
    let words = guest.stderr.last_words();
    let message = match (trap, words.is_empty()) {
        (Some(trap), true) => trap.to_string(),
        (Some(trap), false) => format!("{words} ({trap})"),
        (None, true) => cause,
        (None, false) => format!("{words} ({cause})"),
    };
    CallError::Trap { what, message }
}

/// Names of the functions that were active, innermost first, as far as the component has kept them.
fn frames(backtrace: &WasmBacktrace) -> String {
    let names = backtrace.frames().iter().filter_map(wasmtime::FrameInfo::func_name);
    names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", called by ")
}
