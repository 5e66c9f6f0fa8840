//! The state that lives in memory, and how it changes.
//!
//! Cloning is cheap (persistent maps share their structure), so the one writer works on a copy and throws it away if the
//! database refuses the change.

mod decide_end;
mod decide_job;
mod decide_task;
mod decide_template;
mod decide_vm;

use std::sync::Arc;

use imbl::OrdMap;

use crate::{
    Changes, Event, EventKind, Facts, FieldError, Job, JobId, Mode, NewVm, PluginInfo, SavedTemplate, Task, TaskChange,
    TaskKey, Template, TemplateUse, Timestamp, Vm, VmHealth, VmId,
};

/// Everything live: the inventory, unfinished jobs, templates, plugins, settings.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    /// Number of the last event that is part of this state.
    pub seq: u64,
    /// The inventory.
    pub vms: OrdMap<VmId, Arc<Vm>>,
    /// What was last seen of them.
    pub health: OrdMap<VmId, Arc<VmHealth>>,
    /// What they told of themselves.
    pub facts: OrdMap<VmId, Arc<Facts>>,
    /// Jobs that have not ended.
    pub jobs: OrdMap<JobId, Arc<Job>>,
    /// Their tasks, ended ones too.
    pub tasks: OrdMap<TaskKey, Arc<Task>>,
    /// What people saved, by slug.
    pub saved_templates: OrdMap<String, Arc<SavedTemplate>>,
    /// What plugins offer, by plugin.
    pub plugin_templates: OrdMap<String, Arc<PluginTemplates>>,
    /// Plugins by id.
    pub plugins: OrdMap<String, Arc<PluginInfo>>,
    /// Settings that differ from their defaults.
    pub settings: OrdMap<String, Arc<serde_json::Value>>,
}

/// What one plugin offers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PluginTemplates {
    /// Its templates.
    pub templates: Vec<Template>,
    /// Sources that it could not read.
    pub problems: Vec<String>,
}

/// A wish to change the state. Ids and time are decided by whoever wishes.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Add a VM.
    AddVm {
        /// Its id to be.
        id: VmId,
        /// What it is.
        new: NewVm,
    },
    /// Replace what a person can edit of a VM.
    ReplaceVm {
        /// Which.
        id: VmId,
        /// What it is now.
        new: NewVm,
        /// Refuse unless it still has this version.
        if_version: Option<u64>,
    },
    /// Remove a VM.
    RemoveVm {
        /// Which.
        id: VmId,
    },
    /// Replace the accepted host keys of a VM.
    PinHostKeys {
        /// Which.
        id: VmId,
        /// All that are accepted from now on.
        keys: Vec<String>,
        /// Refuse unless the VM still has this version.
        if_version: Option<u64>,
    },
    /// Replace the revoked host keys of a VM. A pinned one among them is pinned no longer.
    RevokeHostKeys {
        /// Which.
        id: VmId,
        /// All that are revoked from now on.
        keys: Vec<String>,
        /// Refuse unless the VM still has this version.
        if_version: Option<u64>,
    },
    /// Report what was seen of a VM.
    ReportHealth {
        /// Which.
        id: VmId,
        /// What was seen.
        health: VmHealth,
    },
    /// Report what a VM told of itself.
    ReportFacts {
        /// Which.
        id: VmId,
        /// What it told.
        facts: Facts,
    },
    /// Save a template.
    SaveTemplate {
        /// It.
        template: SavedTemplate,
        /// It must not exist yet.
        create: bool,
    },
    /// Remove a saved template.
    RemoveTemplate {
        /// Its slug.
        slug: String,
    },
    /// A plugin's offer of templates.
    OfferTemplates {
        /// Which plugin.
        plugin: String,
        /// Its offer.
        offer: PluginTemplates,
    },
    /// Accept a job.
    CreateJob(Box<NewJob>),
    /// Ask for a job's end. Queued tasks end here; running ones by whoever runs them.
    CancelJob {
        /// Which.
        id: JobId,
    },
    /// Ask for the end of some of a job's tasks, as for [`Command::CancelJob`]. Those that have ended stay as they are.
    CancelTasks {
        /// The job.
        id: JobId,
        /// Their VMs.
        vms: Vec<VmId>,
    },
    /// No task of a job begins any more: those that are queued are cancelled.
    SkipQueued {
        /// Which job.
        id: JobId,
        /// Which rule says so, for people.
        why: String,
    },
    /// Give up on a job: whatever of it has not ended is settled here and now, without asking any machine.
    CloseJob {
        /// Which.
        id: JobId,
        /// Who wishes it, for people.
        by: String,
        /// Lines and bytes of output that were received of tasks at work.
        received: Vec<(VmId, u64, u64)>,
    },
    /// Look after tasks of which the end is not known. The job may have left the memory, so it is given as it is stored.
    ReopenTasks {
        /// It.
        job: Box<Job>,
        /// All its tasks, in order.
        tasks: Vec<Task>,
        /// Which of them, by VM.
        vms: Vec<VmId>,
    },
    /// A task went on.
    ChangeTask {
        /// Which.
        key: TaskKey,
        /// How.
        change: TaskChange,
    },
    /// A plugin's state.
    ReportPlugin {
        /// It.
        plugin: PluginInfo,
    },
    /// A plugin is gone.
    RemovePlugin {
        /// Its id.
        id: String,
    },
    /// Change a setting; null takes it back to its default.
    SetSetting {
        /// Which.
        key: String,
        /// To what.
        value: serde_json::Value,
    },
}

/// What a job is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct NewJob {
    /// Its id to be.
    pub id: JobId,
    /// How it runs.
    pub mode: Mode,
    /// Template and arguments, if it has one.
    pub template: Option<TemplateUse>,
    /// What each VM runs, in order. All VMs must exist.
    pub commands: Vec<(VmId, crate::RenderedCommand)>,
    /// How many at once.
    pub parallelism: u32,
    /// For each task, in seconds.
    pub timeout_seconds: Option<u32>,
    /// How it goes over its VMs.
    pub strategy: crate::Strategy,
    /// As whom the command runs.
    pub run_as: Option<crate::RunAs>,
    /// Log filters beside those that every job has.
    pub filters: crate::FilterChoice,
    /// The job of which it repeats some tasks.
    pub retry_of: Option<JobId>,
    /// See [`Job::command_hash`].
    pub command_hash: String,
    /// Who started it.
    pub created_by: String,
    /// Plugins that take part.
    pub plugins: std::collections::BTreeMap<String, String>,
}

/// Why a wish was not granted. Nothing changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It names something that is not there.
    #[error("there is no {kind} {id}")]
    NotFound {
        /// `VM`, `job`, `task`, `template`.
        kind: &'static str,
        /// As it was named.
        id: String,
    },
    /// It disagrees with what is there.
    #[error("{0}")]
    Conflict(String),
    /// Somebody else changed it meanwhile.
    #[error("it was changed meanwhile: it has version {actual}, not {expected}; load it again")]
    Stale {
        /// What was expected.
        expected: u64,
        /// What is.
        actual: u64,
    },
    /// Fields are wrong.
    #[error("{}", list(.0))]
    Invalid(Vec<FieldError>),
}

fn list(errors: &[FieldError]) -> String {
    errors.iter().map(|e| format!("{}: {}", e.field, e.message)).collect::<Vec<_>>().join("; ")
}

impl State {
    /// Decides what follows from a command; changes nothing.
    pub fn decide(&self, command: Command, now: Timestamp) -> Result<Vec<EventKind>, Refusal> {
        match command {
            Command::AddVm { id, new } => self.decide_add_vm(id, new, now),
            Command::ReplaceVm { id, new, if_version } => self.decide_replace_vm(id, new, if_version, now),
            Command::RemoveVm { id } => self.decide_remove_vm(id),
            Command::PinHostKeys { id, keys, if_version } => self.decide_pin(id, keys, if_version, now),
            Command::RevokeHostKeys { id, keys, if_version } => self.decide_revoke(id, keys, if_version, now),
            Command::ReportHealth { id, health } => self.decide_health(id, health),
            Command::ReportFacts { id, facts } => self.decide_facts(id, facts),
            Command::SaveTemplate { template, create } => self.decide_save_template(template, create),
            Command::RemoveTemplate { slug } => self.decide_remove_template(&slug),
            Command::OfferTemplates { plugin, offer } => Ok(self.decide_offer(plugin, offer)),
            Command::CreateJob(new) => self.decide_create_job(*new, now),
            Command::CancelJob { id } => self.decide_cancel_job(id, now),
            Command::CancelTasks { id, vms } => self.decide_cancel_tasks(id, &vms, now),
            Command::SkipQueued { id, why } => self.decide_skip_queued(id, &why, now),
            Command::CloseJob { id, by, received } => self.decide_close_job(id, &by, &received, now),
            Command::ReopenTasks { job, tasks, vms } => self.decide_reopen(*job, tasks, &vms),
            Command::ChangeTask { key, change } => self.decide_change_task(key, change, now),
            Command::ReportPlugin { plugin } => Ok(self.decide_plugin(plugin)),
            Command::RemovePlugin { id } => Ok(self.decide_remove_plugin(id)),
            Command::SetSetting { key, value } => self.decide_setting(key, value),
        }
    }

    /// Takes an event in. A job that has ended leaves the memory with its tasks.
    pub fn apply(&mut self, event: &Event) {
        self.seq = event.seq;
        match &event.kind {
            EventKind::VmAdded { vm } | EventKind::VmUpdated { vm } => {
                self.vms.insert(vm.id, Arc::new(vm.clone()));
            }
            EventKind::VmRemoved { id } => {
                self.vms.remove(id);
                self.health.remove(id);
                self.facts.remove(id);
            }
            EventKind::VmStatusChanged { id, health } => {
                self.health.insert(*id, Arc::new(health.clone()));
            }
            EventKind::VmFactsChanged { id, facts } => {
                self.facts.insert(*id, Arc::new(facts.clone()));
            }
            EventKind::TemplateSaved { template } => {
                self.saved_templates.insert(template.slug.clone(), Arc::new(template.clone()));
            }
            EventKind::TemplateRemoved { id } => {
                self.saved_templates.remove(id.strip_prefix("saved/").unwrap_or(id));
            }
            EventKind::TemplatesChanged { plugin, templates, problems } => {
                let offer = PluginTemplates { templates: templates.clone(), problems: problems.clone() };
                self.plugin_templates.insert(plugin.clone(), Arc::new(offer));
            }
            EventKind::JobCreated { job, tasks } | EventKind::JobReopened { job, tasks } => {
                self.jobs.insert(job.id, Arc::new(job.clone()));
                self.tasks.extend(tasks.iter().map(|task| (task.key, Arc::new(task.clone()))));
            }
            EventKind::JobUpdated { id, changes } => self.apply_job(*id, changes),
            EventKind::TaskUpdated { job, vm, changes } => {
                if let Some(task) = self.tasks.get_mut(&TaskKey { job: *job, vm: *vm }) {
                    changes.apply(Arc::make_mut(task));
                }
            }
            EventKind::PluginLoaded { plugin } | EventKind::PluginFailed { plugin } => {
                self.plugins.insert(plugin.id.clone(), Arc::new(plugin.clone()));
            }
            // The version that serves was told, or will be.
            EventKind::PluginSuperseded { .. } => {}
            EventKind::PluginRemoved { id } => {
                self.plugins.remove(id);
                self.plugin_templates.remove(id);
            }
            EventKind::SettingChanged { key, value } => {
                if value.is_null() {
                    self.settings.remove(key);
                } else {
                    self.settings.insert(key.clone(), Arc::new(value.clone()));
                }
            }
        }
    }

    fn apply_job(&mut self, id: JobId, changes: &Changes) {
        if let Some(job) = self.jobs.get_mut(&id) {
            changes.apply(Arc::make_mut(job));
        }
    }

    /// Drops jobs that have ended, with their tasks. Called once their last change is written.
    pub fn forget_finished(&mut self, id: JobId) {
        if !self.jobs.get(&id).is_some_and(|job| job.status.is_final()) {
            return;
        }
        if let Some(job) = self.jobs.remove(&id) {
            for vm in &job.targets {
                self.tasks.remove(&TaskKey { job: id, vm: *vm });
            }
        }
    }

    /// All templates, saved and offered, sorted by id.
    pub fn templates(&self) -> Vec<Template> {
        let saved = self.saved_templates.values().map(|template| template.to_template());
        let offered = self.plugin_templates.values().flat_map(|offer| offer.templates.iter().cloned());
        let mut all: Vec<_> = saved.chain(offered).collect();
        all.sort_by(|a, b| a.id.cmp(&b.id));
        all
    }

    /// Tasks of a live job, in order.
    pub fn tasks_of(&self, job: JobId) -> Vec<Arc<Task>> {
        let Some(job) = self.jobs.get(&job) else { return Vec::new() };
        job.targets.iter().filter_map(|vm| self.tasks.get(&TaskKey { job: job.id, vm: *vm }).cloned()).collect()
    }
}
