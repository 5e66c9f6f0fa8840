//! Events: what happened, in order.

use serde::{Deserialize, Serialize};

use crate::{
    Counts, Facts, Job, JobId, JobStatus, PluginInfo, SavedTemplate, Task, TaskChange, Template, Timestamp, Vm,
    VmHealth, VmId,
};

/// An event with its place in the order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Gapless per database, from 1.
    pub seq: u64,
    /// When it was decided.
    pub at: Timestamp,
    /// Who caused it: `token:NAME`, `user:admin`, `host`.
    pub actor: String,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum EventKind {
    /// A VM joined the inventory.
    VmAdded {
        /// It.
        vm: Vm,
    },
    /// A VM was edited, or its pins changed.
    VmUpdated {
        /// It, whole: only people change it, seldom.
        vm: Vm,
    },
    /// A VM left the inventory; its jobs stay.
    VmRemoved {
        /// Which.
        id: VmId,
    },
    /// A VM was looked at and is not as before.
    VmStatusChanged {
        /// Which.
        id: VmId,
        /// What was seen.
        health: VmHealth,
    },
    /// A VM told of itself.
    VmFactsChanged {
        /// Which.
        id: VmId,
        /// What it told.
        facts: Facts,
    },
    /// A person saved a template.
    TemplateSaved {
        /// It.
        template: SavedTemplate,
    },
    /// A person removed a template.
    TemplateRemoved {
        /// Its id among all templates.
        id: String,
    },
    /// A plugin offers other templates than before.
    TemplatesChanged {
        /// Which plugin.
        plugin: String,
        /// All that it offers now.
        templates: Vec<Template>,
        /// What is wrong with its sources, if anything: file and reason.
        problems: Vec<String>,
    },
    /// A job was accepted.
    JobCreated {
        /// It.
        job: Job,
        /// Its tasks, in order.
        tasks: Vec<Task>,
    },
    /// Somebody looks after tasks whose end was not known: the job is at work again, with these as they are now.
    JobReopened {
        /// It.
        job: Job,
        /// All its tasks, in order.
        tasks: Vec<Task>,
    },
    /// A job's status or counts changed.
    JobUpdated {
        /// Which.
        id: JobId,
        /// What changed.
        changes: Changes,
    },
    /// A task changed.
    TaskUpdated {
        /// Its job.
        job: JobId,
        /// Its VM.
        vm: VmId,
        /// What changed.
        changes: TaskChange,
    },
    /// A plugin serves, for the first time or in a new version.
    PluginLoaded {
        /// It.
        plugin: PluginInfo,
    },
    /// A plugin changed its state without serving anew: compiling, failing, quarantined, broken.
    PluginFailed {
        /// It, with the reason.
        plugin: PluginInfo,
    },
    /// A version of a plugin serves no longer, because a newer one does. Streams that it had begun may end on it.
    PluginSuperseded {
        /// It, as it was.
        plugin: PluginInfo,
    },
    /// A plugin is gone.
    PluginRemoved {
        /// Its id.
        id: String,
    },
    /// A setting changed.
    SettingChanged {
        /// Which.
        key: String,
        /// To what; null: back to its default.
        value: serde_json::Value,
    },
}

/// What changed of a job.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is the field of Job of its name")]
pub struct Changes {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub status: Option<JobStatus>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub counts: Option<Counts>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub started_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub finished_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cancel_requested_at: Option<Timestamp>,
}

impl Changes {
    /// Writes the changes into a job.
    pub fn apply(&self, job: &mut Job) {
        job.status = self.status.unwrap_or(job.status);
        job.counts = self.counts.unwrap_or(job.counts);
        job.started_at = self.started_at.or(job.started_at);
        job.finished_at = self.finished_at.or(job.finished_at);
        job.cancel_requested_at = self.cancel_requested_at.or(job.cancel_requested_at);
    }
}

impl EventKind {
    /// As it is written in JSON: `task-updated`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::VmAdded { .. } => "vm-added",
            Self::VmUpdated { .. } => "vm-updated",
            Self::VmRemoved { .. } => "vm-removed",
            Self::VmStatusChanged { .. } => "vm-status-changed",
            Self::VmFactsChanged { .. } => "vm-facts-changed",
            Self::TemplateSaved { .. } => "template-saved",
            Self::TemplateRemoved { .. } => "template-removed",
            Self::TemplatesChanged { .. } => "templates-changed",
            Self::JobCreated { .. } => "job-created",
            Self::JobReopened { .. } => "job-reopened",
            Self::JobUpdated { .. } => "job-updated",
            Self::TaskUpdated { .. } => "task-updated",
            Self::PluginLoaded { .. } => "plugin-loaded",
            Self::PluginFailed { .. } => "plugin-failed",
            Self::PluginSuperseded { .. } => "plugin-superseded",
            Self::PluginRemoved { .. } => "plugin-removed",
            Self::SettingChanged { .. } => "setting-changed",
        }
    }
}
