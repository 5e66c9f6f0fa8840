//! The engine as plugins may use it: every wish goes through the use cases that people's wishes go through, with a role
//! and under the name `plugin:ID`.

use std::sync::Arc;

use async_trait::async_trait;
use corral_domain::{Job, JobId, State, TaskKey, Vm, VmId, VmStatus};
use corral_engine::ports::SecretText;
use corral_engine::{Actor, Engine, JobRequest, Role, Targets, UseCaseError, What};

use crate::services::{Machine, ServiceError, Services, Window};

/// The engine, used by plugins.
pub struct EngineServices(Engine);

impl EngineServices {
    /// The services of an engine.
    pub fn new(engine: Engine) -> Self {
        Self(engine)
    }
}

/// A machine with what a state knows of it.
fn machine(state: &State, vm: &Arc<Vm>) -> Machine {
    Machine { vm: vm.clone(), status: state.health.get(&vm.id).map_or(VmStatus::Unknown, |health| health.status) }
}

fn actor(plugin: &str) -> Actor {
    Actor { name: format!("plugin:{plugin}"), role: Role::Operator }
}

#[async_trait]
impl Services for EngineServices {
    fn machine(&self, id: VmId) -> Option<Machine> {
        let state = self.0.state();
        state.vms.get(&id).map(|vm| machine(&state, vm))
    }

    fn machines(&self, after: Option<VmId>, take: &mut dyn FnMut(Machine) -> bool) {
        let state = self.0.state();
        let behind = |id: &VmId| after.is_none_or(|after| *id > after);
        for (_, vm) in state.vms.iter().filter(|(id, _)| behind(id)) {
            if !take(machine(&state, vm)) {
                return;
            }
        }
    }

    async fn job(&self, id: JobId) -> Result<Option<Job>, ServiceError> {
        Ok(self.0.job(id).await.map_err(UseCaseError::from)?.map(|(job, _)| job))
    }

    async fn recent_jobs(&self, limit: u32) -> Result<Vec<Job>, ServiceError> {
        Ok(self.0.recent_jobs(limit).await?)
    }

    async fn submit(
        &self,
        plugin: &str,
        template: &str,
        args: serde_json::Value,
        targets: Vec<VmId>,
    ) -> Result<JobId, ServiceError> {
        let found = self.0.templates().into_iter().find(|known| known.id == template);
        if found.is_some_and(|template| template.dangerous) {
            return Err(ServiceError::Denied(format!(
                "the template `{template}` is marked dangerous: a person has to look at it and confirm; run it from the \
                 dashboard or with `corral run`"
            )));
        }
        let what = What::Template { id: template.to_owned(), args };
        let mut request = JobRequest::new(what, Targets::Vms(targets));
        let actor = actor(plugin);
        // What was previewed is what runs, as for a person.
        request.expect_hash = Some(self.0.preview_job(&actor, request.clone()).await?.command_hash);
        Ok(self.0.create_job(&actor, request).await?.0.id)
    }

    async fn cancel(&self, plugin: &str, id: JobId) -> Result<(), ServiceError> {
        let actor = actor(plugin);
        let job = self.job(id).await?.ok_or_else(|| ServiceError::NotFound(format!("there is no job {id}")))?;
        if job.created_by != actor.name {
            return Err(ServiceError::Denied(format!(
                "job {id} was started by somebody else; a plugin cancels its own"
            )));
        }
        self.0.cancel_job(&actor, id, None).await?;
        Ok(())
    }

    async fn read_log(&self, job: JobId, vm: VmId, first: u64, count: u32) -> Result<Window, ServiceError> {
        let key = TaskKey { job, vm };
        let window = self.0.read_log(key, first, u64::from(count)).await.map_err(UseCaseError::from)?;
        match window {
            Some(window) => match window.damaged {
                Some((at, lines)) => Err(ServiceError::Unavailable(format!(
                    "{lines} lines from {at} on are damaged; read on from {}",
                    at.saturating_add(lines)
                ))),
                None => Ok(Window { first: window.first, lines: window.lines }),
            },
            None => Ok(Window { first, ..Window::default() }),
        }
    }

    async fn secret(&self, plugin: &str, name: &str) -> Result<Option<SecretText>, ServiceError> {
        Ok(self.0.secret_for_plugin(plugin, name).await?)
    }
}

impl From<UseCaseError> for ServiceError {
    fn from(error: UseCaseError) -> Self {
        let text = error.to_string();
        match error {
            UseCaseError::Refused(corral_domain::Refusal::NotFound { .. }) => Self::NotFound(text),
            UseCaseError::Refused(_) => Self::Invalid(text),
            UseCaseError::Forbidden { .. } => Self::Denied(text),
            _ => Self::Unavailable(text),
        }
    }
}
