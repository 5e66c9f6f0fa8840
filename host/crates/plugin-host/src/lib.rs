//! WebAssembly plugins by wasmtime: manifests, grants, instances, watch and reload.
//!
//! Invariants:
//! - No guest code runs before its manifest was read and its grants were settled; a guest reaches nothing but the
//!   interfaces of `corral:host` and the folders that it was granted, read-only.
//! - Every call has a CPU limit, a time limit, a memory limit and a bound on what it may answer. A store that did not
//!   come back with an answer is thrown away.
//! - A version that cannot be loaded never takes the place of one that serves. One plugin never takes another down.
//! - Lines go on exactly once, in order, and unfiltered only where a filter's manifest says so.
//!
//! This crate must not know: the HTTP API, SSH, SQL, or how the rest of the host is put together. It alone knows wasmtime.

mod batch;
mod bindings;
mod cache;
mod chain;
mod config;
mod convert;
mod discovery;
mod engine_services;
mod error;
mod generation;
mod grants;
mod guest;
mod guest_log;
mod health;
mod history;
mod host;
mod http;
mod inner;
mod install;
mod instance;
mod kv;
mod limits;
mod load;
mod manifest;
mod notices;
mod package;
mod pipeline;
mod plugin_host;
mod registry;
mod runtime;
mod schema;
mod services;
mod session;
mod slot;
mod stage;
mod stats;
mod submissions;
mod templates;
mod units;
mod wants;
mod watch;
mod workshop;

pub use config::{Bundled, PluginFolder, PluginHostConfig, PluginSettings, Timing};
pub use engine_services::EngineServices;
pub use error::{CallError, GuestError, LoadError};
pub use grants::Grants;
pub use guest_log::{LogEntry, LogLevel};
pub use http::{Answer as WebAnswer, MadeUpWeb};
pub use limits::{Ceilings, Limits};
pub use manifest::{API_FIRST, API_LAST, Manifest, Policy};
pub use pipeline::{FilterPlace, FilterRule};
pub use plugin_host::{PluginHost, StartError};
pub use services::{Machine, ServiceError, Services, Window};
pub use wants::{Capability, Want};
pub use workshop::{Bench, Inspection, Setting, Workshop};
