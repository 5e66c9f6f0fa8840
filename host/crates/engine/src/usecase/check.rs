//! "Check now": looking after tasks of which the end is not known.

use std::sync::Arc;
use std::time::Duration;

use corral_domain::{Command, Job, JobId, Mode, Refusal, TaskKey, TaskStatus, VmId};

use tokio::time::timeout;

use super::note;
use crate::{Actor, Engine, Role, UseCaseError, run};

/// How long a task that was given up on may take to write what it had received before "check now" gives up waiting.
const SETTLE_MAX: Duration = Duration::from_secs(20);

impl Engine {
    /// Looks after the tasks of a job that are `unknown`, or after those of them on `vms`: each is met on its machine, followed
    /// on if it still runs, and told how it ended if the machine knows. What cannot be found out is `unknown` again, with the reason.
    /// Needs [`Role::Operator`].
    pub async fn check_job(&self, actor: &Actor, id: JobId, vms: Option<Vec<VmId>>) -> Result<Job, UseCaseError> {
        actor.require(Role::Operator)?;
        if self.inner.stopping.is_cancelled() {
            return Err(UseCaseError::Stopping);
        }
        let (job, tasks) = self.job(id).await?.ok_or_else(|| UseCaseError::not_found("job", id))?;
        if job.mode != Mode::Durable {
            let text = format!(
                "job {id} ran in mode {}: its machines keep nothing of it, so there is nothing to look for",
                if job.mode == Mode::Direct { "direct" } else { "terminal" }
            );
            return Err(Refusal::Conflict(text).into());
        }
        let unknown = || tasks.iter().filter(|task| task.status == TaskStatus::Unknown).map(|task| task.key.vm);
        let vms = vms.unwrap_or_else(|| unknown().collect());
        if vms.is_empty() {
            return Err(Refusal::Conflict(format!("how the tasks of job {id} ended is known of all of them")).into());
        }
        // Of a job that was given up on this very moment the last lines may still be on their way to the store.
        let keys: Vec<TaskKey> = unknown().filter(|vm| vms.contains(vm)).map(|vm| TaskKey { job: id, vm }).collect();
        if timeout(SETTLE_MAX, self.inner.at_work.wait_for_none(&keys)).await.is_err() {
            let text = format!("what job {id} had received is still being written; check again in a moment");
            return Err(Refusal::Conflict(text).into());
        }
        let reopen = Command::ReopenTasks { job: Box::new(job), tasks, vms: vms.clone() };
        let audit = note("job.check", id, format!("{} VMs", vms.len()));
        let kept = self.inner.upkeep.read().await;
        self.inner.manager.submit(actor, reopen, audit).await?;
        drop(kept);
        let state = self.state();
        if let Some(job) = state.jobs.get(&id) {
            for vm in vms {
                let Some(task) = state.tasks.get(&TaskKey { job: id, vm }) else { continue };
                // A person waits for the answer: the machine is tried also if it was to be left alone for a while.
                self.inner.deps.runner.forget(vm).await;
                let control = run::control_met_again(self, job, task);
                let work = run::resume(self.clone(), Arc::clone(job), Arc::clone(task), control, true);
                self.inner.work.spawn(work);
            }
        }
        self.job(id).await?.map(|(job, _)| job).ok_or_else(|| UseCaseError::not_found("job", id))
    }
}
