//! Jobs: create, look at, cancel.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, PoisonError};

use corral_domain::{
    Command, CommandLine, Job, JobId, Mode, NewJob, PluginKind, PluginState, Refusal, RenderedCommand, Selector, Task,
    TemplateUse, Vm, VmId,
};
use corral_storage::StorageError;
use serde_json::Value;

use super::note;
use crate::{Actor, Engine, Role, UseCaseError, run};

/// What a job runs.
#[derive(Debug, Clone, PartialEq)]
pub enum What {
    /// A command as it was typed.
    Command(CommandLine),
    /// A template.
    Template {
        /// Its id.
        id: String,
        /// What it is given.
        args: Value,
    },
}

/// Which VMs a job runs on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Targets {
    /// These, in this order.
    Vms(Vec<VmId>),
    /// Those that a selector admits now.
    Selector(String),
}

/// What somebody wants to run.
#[derive(Debug, Clone, PartialEq)]
pub struct JobRequest {
    /// What.
    pub what: What,
    /// Where.
    pub targets: Targets,
    /// How; `direct` without.
    pub mode: Option<Mode>,
    /// Tasks at once.
    pub parallelism: Option<u32>,
    /// For each task, in seconds.
    pub timeout_seconds: Option<u32>,
    /// Variables besides those that the template sets.
    pub env: Vec<(String, String)>,
    /// Folder to start in; the template's has precedence.
    pub workdir: Option<String>,
    /// Standard input for every VM; the template's has precedence.
    pub stdin: Option<Vec<u8>>,
    /// The same key with the same request makes one job.
    pub idempotency_key: Option<String>,
}

impl JobRequest {
    /// A command on VMs with everything else as usual.
    pub fn command(command: CommandLine, targets: Targets) -> Self {
        Self {
            what: What::Command(command),
            targets,
            mode: None,
            parallelism: None,
            timeout_seconds: None,
            env: Vec::new(),
            workdir: None,
            stdin: None,
            idempotency_key: None,
        }
    }
}

impl Engine {
    /// Accepts a job and begins to run it. Needs [`Role::Operator`].
    pub async fn create_job(&self, actor: &Actor, request: JobRequest) -> Result<(Job, Vec<Task>), UseCaseError> {
        actor.require(Role::Operator)?;
        if self.inner.stopping.is_cancelled() {
            return Err(UseCaseError::Stopping);
        }
        let Some(key) = request.idempotency_key.clone().map(|key| format!("{}\n{key}", actor.name)) else {
            return self.create(actor, self.ids().job(), request).await;
        };
        let id = self.ids().job();
        let text = format!("{request:?}");
        let known = {
            let mut keys = self.inner.idempotency.lock().unwrap_or_else(PoisonError::into_inner);
            let known = keys.get(&key).map(|(before, job)| (before == text, job));
            if known.is_none() {
                keys.insert(key.clone(), text, id);
            }
            known
        };
        match known {
            None => {
                let created = self.create(actor, id, request).await;
                if created.is_err() {
                    self.inner.idempotency.lock().unwrap_or_else(PoisonError::into_inner).remove(&key);
                }
                created
            }
            Some((false, _)) => {
                Err(Refusal::Conflict("this Idempotency-Key was used for another request; use a new one".to_owned())
                    .into())
            }
            Some((true, job)) => match self.job(job).await? {
                Some(found) => Ok(found),
                None => Err(UseCaseError::Overloaded("the first request with this Idempotency-Key is still at work")),
            },
        }
    }

    async fn create(&self, actor: &Actor, id: JobId, request: JobRequest) -> Result<(Job, Vec<Task>), UseCaseError> {
        let mode = request.mode.unwrap_or(Mode::Direct);
        if mode == Mode::Terminal {
            return Err(UseCaseError::invalid("mode", "a job runs in mode `durable` or `direct`"));
        }
        if self.state().jobs.len() >= self.inner.settings.jobs_max {
            return Err(UseCaseError::Overloaded("too many jobs are waiting or running"));
        }
        let vms = self.resolve(&request.targets)?;
        let (template, mut commands) = self.commands(&request.what, &vms).await?;
        for command in &mut commands {
            surround(command, &request);
        }
        let timeout = template.as_ref().map_or(0, |(_, seconds)| *seconds);
        let template = template.map(|(template, _)| template);
        let inputs: HashMap<_, _> = vms
            .iter()
            .zip(&commands)
            .filter_map(|(vm, command)| command.stdin.clone().map(|stdin| (vm.id, stdin)))
            .collect();
        let new = NewJob {
            id,
            mode,
            plugins: self.plugins_of(template.as_ref()),
            template,
            commands: vms.iter().map(|vm| vm.id).zip(commands).collect(),
            parallelism: request.parallelism.unwrap_or(self.inner.settings.parallelism_default),
            timeout_seconds: request.timeout_seconds.or((timeout > 0).then_some(timeout)),
            strategy: corral_domain::Strategy::default(),
            run_as: None,
            retry_of: None,
            command_hash: String::new(),
            created_by: actor.name.clone(),
        };
        let audit = note("job.create", id, format!("{} VMs", vms.len()));
        let events = self.inner.manager.submit(actor, Command::CreateJob(Box::new(new)), audit).await?;
        run::start_job(self, id, inputs);
        let created = events.iter().find_map(|event| match &event.kind {
            corral_domain::EventKind::JobCreated { job, tasks } => Some((job.clone(), tasks.clone())),
            _ => None,
        });
        created.ok_or_else(|| UseCaseError::not_found("job", id))
    }

    /// The frozen list of VMs. Nothing chosen is an error, never everything.
    fn resolve(&self, targets: &Targets) -> Result<Vec<Arc<Vm>>, UseCaseError> {
        let state = self.state();
        let vms: Vec<Arc<Vm>> = match targets {
            Targets::Vms(ids) => {
                let mut seen = HashSet::new();
                let twice = ids.iter().find(|id| !seen.insert(**id));
                if let Some(id) = twice {
                    return Err(UseCaseError::invalid("targets.vms", format!("VM {id} is named twice")));
                }
                let unknown = ids.iter().find(|id| !state.vms.contains_key(id));
                if let Some(id) = unknown {
                    return Err(UseCaseError::invalid("targets.vms", format!("there is no VM {id}")));
                }
                ids.iter().filter_map(|id| state.vms.get(id).cloned()).collect()
            }
            Targets::Selector(text) => {
                let selector: Selector =
                    text.parse().map_err(|error| UseCaseError::invalid("targets.selector", format!("{error}")))?;
                state.vms.values().filter(|vm| selector.admits(vm)).cloned().collect()
            }
        };
        if vms.is_empty() {
            return Err(UseCaseError::invalid("targets", "no VM is chosen; an empty list never means all of them"));
        }
        let max = self.inner.settings.targets_max;
        if vms.len() > max {
            return Err(UseCaseError::invalid(
                "targets",
                format!("{} VMs are more than the {max} of one job", vms.len()),
            ));
        }
        Ok(vms)
    }

    /// The command of each VM; of a template also its use and timeout.
    async fn commands(
        &self,
        what: &What,
        vms: &[Arc<Vm>],
    ) -> Result<(Option<(TemplateUse, u32)>, Vec<RenderedCommand>), UseCaseError> {
        match what {
            What::Command(command) => Ok((None, vec![RenderedCommand::plain(command.clone()); vms.len()])),
            What::Template { id, args } => {
                let (template, commands) = self.render_for(id, args, vms).await?;
                let used = TemplateUse { id: id.clone(), args: args.clone() };
                Ok((Some((used, template.timeout_seconds)), commands))
            }
        }
    }

    /// The plugin that rendered and the filters that will see the output, with their versions.
    fn plugins_of(&self, template: Option<&TemplateUse>) -> BTreeMap<String, String> {
        let state = self.state();
        let renderer = template.and_then(|template| template.id.split_once('/')).map(|(plugin, _)| plugin);
        let takes_part = |plugin: &&Arc<corral_domain::PluginInfo>| {
            let filters = plugin.provides.contains(&PluginKind::LogFilter) && plugin.state == PluginState::Active;
            filters || Some(plugin.id.as_str()) == renderer
        };
        state.plugins.values().filter(takes_part).map(|plugin| (plugin.id.clone(), plugin.version.clone())).collect()
    }

    /// Asks for a job's end; asking twice is the same as once. Needs [`Role::Operator`].
    pub async fn cancel_job(&self, actor: &Actor, id: JobId) -> Result<Job, UseCaseError> {
        actor.require(Role::Operator)?;
        let asked = self.inner.manager.submit(actor, Command::CancelJob { id }, note("job.cancel", id, "")).await;
        if let Err(UseCaseError::Refused(Refusal::NotFound { .. })) = &asked {
            return match self.job(id).await? {
                Some((job, _)) => {
                    let text = format!("job {id} has ended already: {}", job.status.as_str());
                    Err(Refusal::Conflict(text).into())
                }
                None => Err(UseCaseError::not_found("job", id)),
            };
        }
        asked?;
        let control = self.inner.jobs.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        if let Some(control) = control {
            control.cancel.cancel();
        }
        self.job(id).await?.map(|(job, _)| job).ok_or_else(|| UseCaseError::not_found("job", id))
    }

    /// A job with its tasks, live or stored.
    pub async fn job(&self, id: JobId) -> Result<Option<(Job, Vec<Task>)>, StorageError> {
        let state = self.state();
        if let Some(job) = state.jobs.get(&id) {
            let tasks = state.tasks_of(id).iter().map(|task| Task::clone(task)).collect();
            return Ok(Some((Job::clone(job), tasks)));
        }
        match self.inner.deps.state.job(id).await? {
            Some(job) => Ok(Some((job, self.inner.deps.state.tasks(id).await?))),
            None => Ok(None),
        }
    }
}

/// Adds what the request says around a command; what the template said has precedence.
fn surround(command: &mut RenderedCommand, request: &JobRequest) {
    let own: HashSet<&String> = command.env.iter().map(|(key, _)| key).collect();
    let added: Vec<_> = request.env.iter().filter(|(key, _)| !own.contains(key)).cloned().collect();
    command.env.extend(added);
    if command.workdir.is_none() {
        command.workdir.clone_from(&request.workdir);
    }
    if command.stdin.is_none() {
        command.stdin.clone_from(&request.stdin);
    }
}
