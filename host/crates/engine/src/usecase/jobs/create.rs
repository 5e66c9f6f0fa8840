//! A job from a request to its first task.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use corral_domain::{
    Command, EventKind, FilterChoice, Job, Mode, NewJob, PluginInfo, PluginKind, PluginState, Refusal, RenderedCommand,
    RunAs, Selector, Task, Template, TemplateUse, Vm,
};
use sha2::{Digest as _, Sha256};

use super::{JobRequest, Targets, What};
use crate::run::{self, Inputs};
use crate::usecase::idempotency::Remembered;
use crate::usecase::note;
use crate::{Actor, Engine, Role, UseCaseError};

/// A request worked out: what runs where, and how. Nothing is started.
pub(super) struct Plan {
    pub(super) new: NewJob,
    pub(super) inputs: Inputs,
}

impl Engine {
    /// Accepts a job and begins to run it. The same idempotency key with the same request gives the same job, for a day and
    /// across restarts. Needs [`Role::Operator`].
    pub async fn create_job(&self, actor: &Actor, request: JobRequest) -> Result<(Job, Vec<Task>), UseCaseError> {
        actor.require(Role::Operator)?;
        if self.inner.stopping.is_cancelled() {
            return Err(UseCaseError::Stopping);
        }
        let Some(key) = &request.idempotency_key else {
            let plan = self.plan(actor, request).await?;
            return self.begin(actor, plan, None).await;
        };
        // Whoever comes with the same key meanwhile waits here, and then finds the job.
        let held = self.inner.idempotency.hold(actor, key).await;
        match self.remembered(&held, &request).await? {
            Remembered::As(job) => self.job(job).await?.ok_or_else(|| UseCaseError::not_found("job", job)),
            Remembered::Other => {
                Err(Refusal::Conflict("this Idempotency-Key was used for another request; use a new one".to_owned())
                    .into())
            }
            Remembered::No(digest) => {
                let plan = self.plan(actor, request).await?;
                let key = held.row(digest, plan.new.id, self.inner.deps.clock.now());
                self.begin(actor, plan, Some(key)).await
            }
        }
    }

    /// Works a request out.
    pub(super) async fn plan(&self, actor: &Actor, request: JobRequest) -> Result<Plan, UseCaseError> {
        let vms = self.resolve(&request.targets)?;
        let (template, mut commands) = self.commands(&request.what, &vms).await?;
        for command in &mut commands {
            surround(command, &request);
        }
        let mode = request.mode.or(template.as_ref().map(|template| template.mode)).unwrap_or_default();
        if mode == Mode::Terminal {
            return Err(UseCaseError::invalid("mode", "a job has no terminal: it runs in mode `durable` or `direct`"));
        }
        self.check_secret(request.run_as.as_ref()).await?;
        self.check_filters(actor, &request.filters)?;
        let timeout = template.as_ref().map_or(0, |template| template.timeout_seconds);
        let used = match (request.what, template) {
            (What::Template { id, args }, Some(template)) => {
                Some(TemplateUse { id, args: template.without_secrets(args) })
            }
            _ => None,
        };
        let mut commands: Vec<_> = vms.iter().map(|vm| vm.id).zip(commands).collect();
        let inputs = Inputs::take(request.stdin, &mut commands);
        let new = NewJob {
            id: self.ids().job(),
            mode,
            plugins: self.plugins_of(used.as_ref()),
            template: used,
            command_hash: command_hash(&commands, request.run_as.as_ref()),
            commands,
            parallelism: request.parallelism.unwrap_or(self.inner.settings.parallelism_default),
            timeout_seconds: request.timeout_seconds.or((timeout > 0).then_some(timeout)),
            strategy: request.strategy,
            run_as: request.run_as,
            filters: request.filters,
            retry_of: None,
            created_by: actor.name.clone(),
        };
        match request.expect_hash {
            Some(expected) if !expected.eq_ignore_ascii_case(&new.command_hash) => Err(Refusal::Conflict(
                "what would run is no longer what was previewed: VMs, the template or its arguments have changed; look \
                 at the preview again"
                    .to_owned(),
            )
            .into()),
            _ => Ok(Plan { new, inputs }),
        }
    }

    /// Accepts a job that is worked out, and begins to run it.
    pub(super) async fn begin(
        &self,
        actor: &Actor,
        plan: Plan,
        key: Option<corral_storage::IdempotencyKey>,
    ) -> Result<(Job, Vec<Task>), UseCaseError> {
        if self.state().jobs.len() >= self.inner.settings.jobs_max {
            return Err(UseCaseError::Overloaded("too many jobs are waiting or running"));
        }
        let Plan { new, inputs } = plan;
        let id = new.id;
        let detail = match (new.retry_of, new.run_as.as_ref()) {
            (Some(of), _) => format!("{} VMs, again after job {of}", new.commands.len()),
            (None, Some(run_as)) => format!("{} VMs, as {}", new.commands.len(), run_as.user),
            (None, None) => format!("{} VMs", new.commands.len()),
        };
        let audit = note("job.create", id, detail);
        let events = self.inner.manager.submit_keyed(actor, Command::CreateJob(Box::new(new)), audit, key).await?;
        run::start_job(self, id, inputs);
        let created = events.iter().find_map(|event| match &event.kind {
            EventKind::JobCreated { job, tasks } => Some((job.clone(), tasks.clone())),
            _ => None,
        });
        created.ok_or_else(|| UseCaseError::not_found("job", id))
    }

    /// Filters that are asked for must be there, so that lines never wait for one that nobody knows. Leaving one out may let
    /// secrets into the log, so that is for admins.
    pub(super) fn check_filters(&self, actor: &Actor, filters: &FilterChoice) -> Result<(), UseCaseError> {
        if !filters.without.is_empty() && actor.role < Role::Admin {
            return Err(UseCaseError::Forbidden { needs: Role::Admin });
        }
        let state = self.state();
        let wrong = |id: &String| match state.plugins.get(id) {
            Some(plugin) if !plugin.provides.contains(&PluginKind::LogFilter) => Some("is no log filter"),
            Some(plugin) if plugin.state == PluginState::Disabled => Some("is switched off"),
            Some(_) => None,
            None => Some("is no plugin that is here"),
        };
        match filters.with.iter().find_map(|id| Some((id, wrong(id)?))) {
            Some((id, problem)) => Err(UseCaseError::invalid("filters.with", format!("`{id}` {problem}"))),
            None => Ok(()),
        }
    }

    /// A secret that is not there is told now, and not by every VM.
    pub(super) async fn check_secret(&self, run_as: Option<&RunAs>) -> Result<(), UseCaseError> {
        let Some(name) = run_as.and_then(|run_as| run_as.secret.as_deref()) else { return Ok(()) };
        match self.inner.deps.secrets.reveal(name).await {
            Ok(Some(_)) => Ok(()),
            Ok(None) => {
                let text = format!("there is no secret `{name}`; `corral secret set {name}` makes one");
                Err(UseCaseError::invalid("run_as.secret", text))
            }
            Err(error) => Err(UseCaseError::invalid("run_as.secret", error.to_string())),
        }
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
        let max = self.inner.settings.targets_max;
        match vms.len() {
            0 => Err(UseCaseError::invalid("targets", "no VM is chosen; an empty list never means all of them")),
            n if n > max => {
                Err(UseCaseError::invalid("targets", format!("{n} VMs are more than the {max} of one job")))
            }
            _ => Ok(vms),
        }
    }

    /// The command of each VM, and the template that gave it.
    async fn commands(
        &self,
        what: &What,
        vms: &[Arc<Vm>],
    ) -> Result<(Option<Template>, Vec<RenderedCommand>), UseCaseError> {
        match what {
            What::Command(command) => Ok((None, vec![RenderedCommand::plain(command.clone()); vms.len()])),
            What::Template { id, args } => {
                let (template, commands) = self.render_for(id, args, vms).await?;
                Ok((Some(template), commands))
            }
        }
    }

    /// The plugin that rendered and the filters that will see the output, with their versions.
    pub(super) fn plugins_of(&self, template: Option<&TemplateUse>) -> BTreeMap<String, String> {
        let state = self.state();
        let renderer = template.and_then(|template| template.id.split_once('/')).map(|(plugin, _)| plugin);
        let takes_part = |plugin: &&Arc<PluginInfo>| {
            let filters = plugin.provides.contains(&PluginKind::LogFilter) && plugin.state == PluginState::Active;
            filters || Some(plugin.id.as_str()) == renderer
        };
        state.plugins.values().filter(takes_part).map(|plugin| (plugin.id.clone(), plugin.version.clone())).collect()
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
}

/// SHA-256 in hex of what each VM runs, in order: VM, command, environment, folder and account. Standard input and secrets
/// are no part of it, for a hash tells those who guess whether they are right.
pub(super) fn command_hash(commands: &[(corral_domain::VmId, RenderedCommand)], run_as: Option<&RunAs>) -> String {
    let mut hash = Sha256::new();
    let mut feed = |part: &str| {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    };
    feed(run_as.map_or("", |run_as| &run_as.user));
    for (vm, rendered) in commands {
        feed(&vm.to_string());
        feed(&rendered.to_shell());
    }
    hex(&hash.finalize())
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        // Writing into a string cannot fail.
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}
