//! Ending a job: cancel, of all or some of its tasks, and giving up on it.

use std::sync::PoisonError;

use corral_domain::{Command, Job, JobId, Refusal, TaskKey, VmId};

use crate::run::JobControl;
use crate::usecase::note;
use crate::{Actor, Engine, Role, UseCaseError};

impl Engine {
    /// Asks for the end of a job, or of its tasks on some VMs; asking twice is the same as once. Needs [`Role::Operator`].
    pub async fn cancel_job(&self, actor: &Actor, id: JobId, vms: Option<Vec<VmId>>) -> Result<Job, UseCaseError> {
        actor.require(Role::Operator)?;
        let (command, detail) = match &vms {
            None => (Command::CancelJob { id }, String::new()),
            Some(vms) if vms.is_empty() => {
                let text = "no VM is named; leave `vms` out to cancel the whole job";
                return Err(UseCaseError::invalid("vms", text));
            }
            Some(vms) => (Command::CancelTasks { id, vms: vms.clone() }, format!("{} VMs", vms.len())),
        };
        let asked = self.inner.manager.submit(actor, command, note("job.cancel", id, detail)).await;
        self.explain_ended(id, asked).await?;
        if let Some(control) = self.control(id) {
            match vms {
                None => control.cancel.cancel(),
                Some(vms) => vms.into_iter().for_each(|vm| control.task(vm).cancel.cancel()),
            }
        }
        self.job(id).await?.map(|(job, _)| job).ok_or_else(|| UseCaseError::not_found("job", id))
    }

    /// Gives up on a job: what has not ended is settled at once, whatever its machines do or do not do. Tasks at work become
    /// `unknown` and are let go of, queued ones `cancelled`. Needs [`Role::Operator`].
    pub async fn close_job(&self, actor: &Actor, id: JobId) -> Result<Job, UseCaseError> {
        actor.require(Role::Operator)?;
        let state = self.state();
        let received = state
            .tasks_of(id)
            .iter()
            .filter(|task| !task.status.is_final())
            .filter_map(|task| {
                let (lines, bytes) = self.inner.logs.live(TaskKey { job: id, vm: task.key.vm })?.received();
                Some((task.key.vm, lines, bytes))
            })
            .collect();
        let command = Command::CloseJob { id, by: actor.name.clone(), received };
        let asked = self.inner.manager.submit(actor, command, note("job.close", id, "")).await;
        self.explain_ended(id, asked).await?;
        // Only now: a task that is let go of finds its end decided. Whoever looks after the job later gets a control of their own.
        if let Some(control) = self.inner.jobs.lock().unwrap_or_else(PoisonError::into_inner).remove(&id) {
            control.close.cancel();
        }
        self.job(id).await?.map(|(job, _)| job).ok_or_else(|| UseCaseError::not_found("job", id))
    }

    fn control(&self, id: JobId) -> Option<JobControl> {
        self.inner.jobs.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned()
    }

    /// A job that is not at work either has ended, which is a conflict, or never was.
    async fn explain_ended<T>(&self, id: JobId, asked: Result<T, UseCaseError>) -> Result<T, UseCaseError> {
        if let Err(UseCaseError::Refused(Refusal::NotFound { kind: "running job", .. })) = &asked {
            return match self.job(id).await? {
                Some((job, _)) => {
                    let text = format!("job {id} has ended already: {}", job.status.as_str());
                    Err(Refusal::Conflict(text).into())
                }
                None => Err(UseCaseError::not_found("job", id)),
            };
        }
        asked
    }
}
