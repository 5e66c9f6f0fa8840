//! What Corral is about: machines, templates, jobs, tasks, log lines, plugins, the events that tell of their changes,
//! and the rules by which one state follows from another.
//!
//! Invariants kept here:
//! - [`State::decide`] is pure: the same state, command and time give the same events; it never changes anything.
//! - [`State::apply`] is total: any event that `decide` produced can be applied to the state it was decided on.
//! - A task that has ended never changes again, but for one that is `unknown`: it may be looked after ([`Command::ReopenTasks`]);
//!   a job's status is a function of its tasks ([`Counts::job_status`]).
//!
//! This crate must not know: files, sockets, databases, async, HTTP, SSH, WebAssembly. It reads no clock and draws no
//! random numbers; both are parameters ([`Clock`], [`IdSource`]).

mod command;
mod event;
mod facts;
mod filters;
mod grant;
mod ids;
mod job;
mod label;
mod log;
mod plugin;
mod quote;
mod receipt;
mod schedule;
mod secret;
mod selector;
mod state;
mod strategy;
mod task_change;
mod template;
mod time;
mod vm;
mod vm_options;

pub use command::{AsUser, CommandLine, RenderedCommand};
pub use event::{Changes, Event, EventKind};
pub use facts::Facts;
pub use filters::FilterChoice;
pub use grant::{Grant, InvalidGrant, PluginPolicy, Right};
pub use ids::{IdSource, InvalidId, JobId, RandomBytes, VmId};
pub use job::{Counts, Job, JobStatus, Mode, Task, TaskKey, TaskStatus, TemplateUse};
pub use label::{InvalidLabel, LABELS_MAX, Labels, validate_label};
pub use log::{Extras, LineHead, LineRef, Lines, OutputStream, Position};
pub use plugin::{PluginGrant, PluginInfo, PluginKind, PluginState, PluginTransition, PluginWant};
pub use quote::{quote_argv, quote_bytes, quote_word};
pub use receipt::{Receipt, SURVIVORS_MAX};
pub use schedule::{Next, Schedule, Wave};
pub use secret::secret_name_problem;
pub use selector::{InvalidSelector, Selector, matches_pattern};
pub use state::{Command, NewJob, PluginTemplates, Refusal, State};
pub use strategy::{Batch, PAUSE_SECONDS_MAX, RunAs, Share, Strategy};
pub use task_change::TaskChange;
pub use template::{Origin, SavedTemplate, Template};
pub use time::{Clock, ManualClock, SystemClock, Timestamp};
pub use vm::{
    Auth, FieldError, NAME_MAX, NewVm, PORT_DEFAULT, Pin, Revoked, Source, Transport, Vm, VmHealth, VmStatus,
};
pub use vm_options::{CIPHERS, HOST_KEY_ALGORITHMS, KEY_EXCHANGES, MACS, VmOptions};
