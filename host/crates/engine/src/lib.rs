//! The engine: one writer of state, the use cases, the scheduler that runs tasks, and the way of a line of output.
//!
//! Invariants:
//! - Every change of state goes through [`manager`]: decided by the domain, written in one transaction with its events,
//!   published after the commit. Nothing else writes state.
//! - A line is shown only once it is durable. Viewers hold one cursor; history and live output are the same read.
//! - What was running when the host died is `unknown` after the next start, never run again, never "running" for ever.
//! - Memory is bounded: every queue and cache has a named limit; a slow disk slows the commands' output, a slow viewer
//!   slows nobody.
//!
//! The engine must not know: HTTP, SSH, WebAssembly, SQL. It asks [`ports`] and the stores' traits.

mod actor;
mod engine;
mod error;
mod health;
mod log;
mod manager;
mod notices;
pub mod ports;
mod recover;
mod run;
mod search;
mod secret;
mod settings;
mod subscription;
mod usecase;

pub use actor::{Actor, Role, UnknownRole};
pub use engine::{Deps, Engine};
pub use error::UseCaseError;
pub use log::{LineSplitter, LogWindow, Retention, end_without_log};
pub use search::{AnnotationTerm, Cut, Hit, InvalidQuery, Pattern, Scope, SearchEvent, SearchQuery};
pub use settings::Settings;
pub use subscription::{Lagged, Start, Subscription};
pub use usecase::{
    Difference, Discovered, Group, GroupStream, Groups, HostKeyAction, Imported, JobRequest, Preview, PreviewItem,
    Targets, What, Which, host_key_fingerprint,
};
