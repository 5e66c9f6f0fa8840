//! Events.

use std::sync::Arc;

use corral_domain::{EventKind, JobId, State, Timestamp, VmHealth, VmId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Counts, Facts, Job, JobStatus, Plugin, Receipt, TaskStatus, Template, Vm, VmStatus};

/// What happened, with its place in the order.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// Gapless, from 1.
    pub seq: u64,
    /// The stream that `seq` counts in.
    pub epoch: String,
    /// When.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Who caused it.
    pub actor: String,
    /// What.
    #[serde(flatten)]
    pub body: EventBody,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum EventBody {
    VmAdded {
        vm: Box<Vm>,
    },
    VmUpdated {
        vm: Box<Vm>,
    },
    VmRemoved {
        #[schema(value_type = String)]
        id: VmId,
    },
    VmStatusChanged {
        #[schema(value_type = String)]
        id: VmId,
        status: VmStatus,
        #[schema(required)]
        latency_ms: Option<u32>,
        message: String,
        #[schema(required, value_type = Option<String>)]
        checked_at: Option<Timestamp>,
        #[schema(required)]
        offered_host_key: Option<String>,
    },
    VmFactsChanged {
        #[schema(value_type = String)]
        id: VmId,
        facts: Facts,
    },
    TemplateSaved {
        template: Box<Template>,
    },
    TemplateRemoved {
        id: String,
    },
    TemplatesChanged {
        plugin: String,
        templates: Vec<Template>,
        problems: Vec<String>,
    },
    JobCreated {
        job: Box<Job>,
    },
    JobReopened {
        job: Box<Job>,
    },
    JobUpdated {
        #[schema(value_type = String)]
        job_id: JobId,
        changes: JobChanges,
    },
    TaskUpdated {
        #[schema(value_type = String)]
        job_id: JobId,
        #[schema(value_type = String)]
        vm_id: VmId,
        changes: TaskChanges,
    },
    PluginLoaded {
        plugin: Plugin,
    },
    PluginFailed {
        plugin: Plugin,
    },
    PluginSuperseded {
        plugin: Plugin,
    },
    PluginRemoved {
        id: String,
    },
    SettingChanged {
        key: String,
        #[schema(value_type = Value)]
        value: serde_json::Value,
    },
}

/// What changed of a job; what did not is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JobChanges {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub status: Option<JobStatus>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub counts: Option<Counts>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>)]
    pub started_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>)]
    pub finished_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>)]
    pub cancel_requested_at: Option<Timestamp>,
}

/// What changed of a task; what did not is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TaskChanges {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub status: Option<TaskStatus>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub exit_code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub signal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lines: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>)]
    pub started_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>)]
    pub finished_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub message: Option<String>,
    /// Null: there is a connection again.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>)]
    #[expect(clippy::option_option, reason = "left out, null and a time are three things")]
    pub contact_lost_at: Option<Option<Timestamp>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    #[schema(value_type = Option<String>)]
    pub cancel_requested_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub receipt: Option<Receipt>,
}

/// What the conversion of an event needs besides the event.
pub struct EventSource {
    /// Of the host.
    pub epoch: String,
    /// For the health of VMs.
    pub state: Arc<State>,
}

impl EventSource {
    /// As it is sent.
    pub fn event(&self, event: &corral_domain::Event) -> Event {
        Event {
            seq: event.seq,
            epoch: self.epoch.clone(),
            at: event.at,
            actor: event.actor.clone(),
            body: self.body(&event.kind),
        }
    }

    fn body(&self, kind: &EventKind) -> EventBody {
        match kind {
            EventKind::VmAdded { vm } => EventBody::VmAdded { vm: Box::new(Vm::new(vm, &self.state)) },
            EventKind::VmUpdated { vm } => EventBody::VmUpdated { vm: Box::new(Vm::new(vm, &self.state)) },
            EventKind::VmRemoved { id } => EventBody::VmRemoved { id: *id },
            EventKind::VmStatusChanged { id, health } => health_body(*id, health),
            EventKind::VmFactsChanged { id, facts } => EventBody::VmFactsChanged { id: *id, facts: facts.into() },
            EventKind::TemplateSaved { template } => {
                EventBody::TemplateSaved { template: Box::new(Template::from(template)) }
            }
            EventKind::TemplateRemoved { id } => EventBody::TemplateRemoved { id: id.clone() },
            EventKind::TemplatesChanged { plugin, templates, problems } => EventBody::TemplatesChanged {
                plugin: plugin.clone(),
                templates: templates.iter().map(Template::from).collect(),
                problems: problems.clone(),
            },
            EventKind::JobCreated { job, tasks } => {
                EventBody::JobCreated { job: Box::new(Job::with_tasks(job, tasks)) }
            }
            EventKind::JobReopened { job, tasks } => {
                EventBody::JobReopened { job: Box::new(Job::with_tasks(job, tasks)) }
            }
            EventKind::JobUpdated { id, changes } => EventBody::JobUpdated { job_id: *id, changes: changes.into() },
            EventKind::TaskUpdated { job, vm, changes } => {
                EventBody::TaskUpdated { job_id: *job, vm_id: *vm, changes: changes.into() }
            }
            EventKind::PluginLoaded { plugin } => EventBody::PluginLoaded { plugin: plugin.into() },
            EventKind::PluginFailed { plugin } => EventBody::PluginFailed { plugin: plugin.into() },
            EventKind::PluginSuperseded { plugin } => EventBody::PluginSuperseded { plugin: plugin.into() },
            EventKind::PluginRemoved { id } => EventBody::PluginRemoved { id: id.clone() },
            EventKind::SettingChanged { key, value } => {
                EventBody::SettingChanged { key: key.clone(), value: value.clone() }
            }
        }
    }
}

fn health_body(id: VmId, health: &VmHealth) -> EventBody {
    EventBody::VmStatusChanged {
        id,
        status: health.status.into(),
        latency_ms: health.latency_ms,
        message: health.message.clone(),
        checked_at: health.checked_at,
        offered_host_key: health.offered_host_key.clone(),
    }
}

impl From<&corral_domain::Changes> for JobChanges {
    fn from(changes: &corral_domain::Changes) -> Self {
        Self {
            status: changes.status.map(JobStatus::from),
            counts: changes.counts.map(Counts::from),
            started_at: changes.started_at,
            finished_at: changes.finished_at,
            cancel_requested_at: changes.cancel_requested_at,
        }
    }
}

impl From<&corral_domain::TaskChange> for TaskChanges {
    fn from(changes: &corral_domain::TaskChange) -> Self {
        Self {
            status: changes.status.map(TaskStatus::from),
            exit_code: changes.exit_code,
            signal: changes.signal.clone(),
            lines: changes.lines,
            bytes: changes.bytes,
            started_at: changes.started_at,
            finished_at: changes.finished_at,
            message: changes.message.clone(),
            contact_lost_at: changes.contact_lost_at,
            cancel_requested_at: changes.cancel_requested_at,
            receipt: changes.receipt.as_ref().map(Receipt::from),
        }
    }
}
