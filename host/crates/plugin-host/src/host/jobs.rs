//! `corral:host/jobs`: reading with `jobs`, starting and cancelling with `jobs.submit`. With a selector a job is seen only
//! if all its VMs are admitted, and started only on such.

use std::time::Instant;

use corral_domain::{JobStatus, Right, VmId};

use super::{job_id, start_of, vm_id};
use crate::bindings::corral::host::jobs::Host;
use crate::bindings::corral::types::types::{Error, Job, JobId, JobStatus as Status};
use crate::guest::Guest;
use crate::guest_log::LogLevel;
use crate::submissions::BusyError;

/// Jobs that are told at once.
const RECENT_MAX: u32 = 200;
/// Jobs that are looked through for those that a plugin may see.
const LOOKED_AT_MAX: u32 = 1_000;
/// Longest arguments of a template, in bytes.
const ARGS_MAX: usize = 256 * 1024;

impl Host for Guest {
    async fn get(&mut self, id: JobId) -> Result<Job, Error> {
        self.require(Right::Jobs)?;
        let found = self.services()?.job(job_id(&id)?).await?;
        let seen = found.filter(|found| self.admits_all(Right::Jobs, &found.targets));
        seen.map(job).ok_or_else(|| Error::NotFound(format!("there is no job {id}")))
    }

    async fn recent(&mut self, limit: u32) -> Result<Vec<Job>, Error> {
        self.require(Right::Jobs)?;
        let limit = limit.min(RECENT_MAX);
        let looked_at = if self.plugin.rights().is_whole(Right::Jobs) { limit } else { LOOKED_AT_MAX };
        let jobs = self.services()?.recent_jobs(looked_at).await?;
        let seen = jobs.into_iter().filter(|found| self.admits_all(Right::Jobs, &found.targets));
        Ok(seen.take(limit as usize).map(job).collect())
    }

    async fn submit(&mut self, template: String, args: String, targets: Vec<String>) -> Result<JobId, Error> {
        self.require(Right::JobsSubmit)?;
        if args.len() > ARGS_MAX {
            return Err(Error::InvalidInput(format!("`args` has {} bytes; at most {ARGS_MAX}", args.len())));
        }
        let args = serde_json::from_str(&args).map_err(|error| Error::InvalidInput(format!("`args`: {error}")))?;
        let targets = targets.iter().map(|id| vm_id(id)).collect::<Result<Vec<_>, _>>()?;
        for id in &targets {
            self.may_run_on(*id)?;
        }
        // A template that starts jobs while it is rendered would never end.
        let turn = self.plugin.submissions.begin(Instant::now());
        let turn = turn.map_err(|busy: BusyError| Error::Unavailable(busy.to_string()))?;
        let id = self.services()?.submit(&self.plugin.manifest.id, &template, args, targets).await?;
        drop(turn);
        self.plugin.log.write(LogLevel::Info, &format!("started job {id} from `{}`", start_of(&template)));
        Ok(id.to_string())
    }

    async fn cancel(&mut self, id: JobId) -> Result<(), Error> {
        self.require(Right::JobsSubmit)?;
        Ok(self.services()?.cancel(&self.plugin.manifest.id, job_id(&id)?).await?)
    }
}

impl Guest {
    /// Whether a right goes as far as all of some VMs. One that is no longer in the inventory needs a grant without a selector.
    fn admits_all(&self, right: Right, targets: &[VmId]) -> bool {
        let rights = self.plugin.rights();
        let Ok(services) = self.plugin.services.get() else { return false };
        rights.is_whole(right)
            || targets.iter().all(|id| services.machine(*id).is_some_and(|machine| rights.admits(right, &machine.vm)))
    }

    fn may_run_on(&self, id: VmId) -> Result<(), Error> {
        let machine = self.services()?.machine(id);
        let machine = machine.ok_or_else(|| Error::InvalidInput(format!("there is no VM {id}")))?;
        if self.plugin.rights().admits(Right::JobsSubmit, &machine.vm) {
            return Ok(());
        }
        Err(self.deny(Right::JobsSubmit, &format!("jobs.submit:name={}", machine.vm.name)))
    }
}

fn job(job: corral_domain::Job) -> Job {
    let millis = |at: corral_domain::Timestamp| u64::try_from(at.as_millis()).unwrap_or(0);
    Job {
        id: job.id.to_string(),
        template: job.template.map(|used| used.id),
        status: status(job.status),
        targets: job.targets.iter().map(ToString::to_string).collect(),
        created_at: millis(job.created_at),
        finished_at: job.finished_at.map(millis),
    }
}

fn status(status: JobStatus) -> Status {
    match status {
        JobStatus::Queued => Status::Queued,
        JobStatus::Running => Status::Running,
        JobStatus::Succeeded => Status::Succeeded,
        JobStatus::Failed => Status::Failed,
        JobStatus::Cancelled => Status::Cancelled,
        JobStatus::Unknown => Status::Unknown,
    }
}
