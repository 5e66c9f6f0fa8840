//! The objects of the API. They are not the domain's: those may change, these are a promise. Each has a `From`.

mod event;
mod facts;
mod filters;
mod job;
mod plugin;
mod receipt;
mod template;
mod vm;
mod vm_options;

pub use event::{Event, EventSource};
pub use facts::Facts;
pub use filters::Filters;
pub use job::{Batch, Command, Counts, Job, JobStatus, Mode, RunAs, Share, Task, TaskStatus, TemplateUse};
pub use plugin::{Plugin, PluginState};
pub use receipt::Receipt;
pub use template::{Template, TemplateProblems};
pub use vm::{Auth, Source, Transport, Vm, VmStatus};
pub use vm_options::VmOptions;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A list, or a page of one.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// What there is.
    pub items: Vec<T>,
    /// Pass it as `cursor` for the next page; null: this was the last.
    #[serde(default)]
    pub next_cursor: Option<String>,
    /// How many there are on all pages, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub total: Option<u64>,
}

impl<T> Page<T> {
    /// A list that has no further pages.
    pub fn whole(items: Vec<T>) -> Self {
        Self { items, next_cursor: None, total: None }
    }
}
