//! The whole system: the built binary with real sshd, real plugins and real files, seen from outside.
//!
//! One program, so that it is linked once. Tests that measure time run alone ([`alone`]); the others share the machine
//! ([`shared`]).

use std::time::Duration;

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

mod audit;
mod browser;
mod clock;
mod crash;
mod day_file;
mod exported;
mod fanout;
mod fifty;
mod filters;
mod full_disk;
mod host_keys;
mod inventory;
mod locked;
mod log_damage;
mod log_export;
mod log_killed;
mod log_serving;
mod main_job;
mod numbered;
mod odd_lines;
mod odd_output;
mod odd_requests;
mod odd_starts;
mod once;
mod pages;
mod plugin_rights;
mod preload;
mod reload;
mod run_as;
mod secrecy;
mod slow_disk;
mod unreachable;

static MACHINE: RwLock<()> = RwLock::const_new(());

/// How long something may take that takes a moment.
pub const SOON: Duration = Duration::from_secs(20);
/// How long a job may take that moves much data through a debug build on a busy machine.
pub const LONG: Duration = Duration::from_mins(5);

/// Held by a test that does not mind others beside it.
pub async fn shared() -> RwLockReadGuard<'static, ()> {
    MACHINE.read().await
}

/// Held by a test that measures time.
pub async fn alone() -> RwLockWriteGuard<'static, ()> {
    MACHINE.write().await
}
