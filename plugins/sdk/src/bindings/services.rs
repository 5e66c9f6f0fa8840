//! What the host does for plugins: machines, jobs, stored output.

use super::host::corral::types::types as wire;
use super::imports;
use crate::jobs::{Job, JobStatus};
use crate::logs::LogLine;
use crate::{Result, Vm};

pub(crate) fn vm(id: &str) -> Result<Vm> {
    Ok(imports::vms::get(id)?.into())
}

pub(crate) fn vms(selector: &str, cursor: Option<&str>) -> Result<(Vec<Vm>, Option<String>)> {
    let (found, next) = imports::vms::query(selector, cursor)?;
    Ok((found.into_iter().map(Into::into).collect(), next))
}

pub(crate) fn job(id: &str) -> Result<Job> {
    Ok(imports::jobs::get(id)?.into())
}

pub(crate) fn recent_jobs(limit: u32) -> Result<Vec<Job>> {
    Ok(imports::jobs::recent(limit)?.into_iter().map(Into::into).collect())
}

pub(crate) fn submit(template: &str, args: &serde_json::Value, targets: &[String]) -> Result<String> {
    Ok(imports::jobs::submit(template, &args.to_string(), targets)?)
}

pub(crate) fn cancel(id: &str) -> Result<()> {
    Ok(imports::jobs::cancel(id)?)
}

pub(crate) fn read_log(job: &str, vm: &str, first: u64, count: u32) -> Result<Vec<LogLine>> {
    Ok(imports::logs::read(job, vm, first, count)?.into_iter().map(Into::into).collect())
}

impl From<imports::logs::LogLine> for LogLine {
    fn from(line: imports::logs::LogLine) -> Self {
        Self { number: line.number, at: line.at, source: line.source.into(), text: line.text }
    }
}

impl From<wire::Job> for Job {
    fn from(job: wire::Job) -> Self {
        let status = match job.status {
            wire::JobStatus::Queued => JobStatus::Queued,
            wire::JobStatus::Running => JobStatus::Running,
            wire::JobStatus::Succeeded => JobStatus::Succeeded,
            wire::JobStatus::Failed => JobStatus::Failed,
            wire::JobStatus::Cancelled => JobStatus::Cancelled,
            wire::JobStatus::Unknown => JobStatus::Unknown,
        };
        Self {
            id: job.id,
            template: job.template,
            status,
            targets: job.targets,
            created_at: job.created_at,
            finished_at: job.finished_at,
        }
    }
}
