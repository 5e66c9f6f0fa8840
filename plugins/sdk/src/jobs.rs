//! Jobs: reading them needs the capability `jobs`, starting and cancelling them `jobs.submit`.

use crate::Result;

/// How a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobStatus {
    /// No task has begun.
    Queued,
    /// Some task has begun and not all have ended.
    Running,
    /// All tasks succeeded.
    Succeeded,
    /// Some task failed.
    Failed,
    /// Some task was cancelled, and none failed.
    Cancelled,
    /// Of some task the end is not known.
    Unknown,
}

/// A job as plugins see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Opaque.
    pub id: String,
    /// Its template, if it has one.
    pub template: Option<String>,
    /// How it stands.
    pub status: JobStatus,
    /// Ids of its machines.
    pub targets: Vec<String>,
    /// When it was accepted, in milliseconds since the Unix epoch.
    pub created_at: u64,
    /// When its last task ended.
    pub finished_at: Option<u64>,
}

/// One job.
///
/// # Errors
///
/// `denied` without the grant, `not-found` where there is none, or one on machines that the grant does not admit.
pub fn get(id: &str) -> Result<Job> {
    #[cfg(target_arch = "wasm32")]
    return crate::bindings::services::job(id);
    #[cfg(not(target_arch = "wasm32"))]
    crate::testing::job_of(id)
}

/// The newest jobs, newest first.
///
/// # Errors
///
/// `denied` without the grant.
pub fn recent(limit: u32) -> Result<Vec<Job>> {
    #[cfg(target_arch = "wasm32")]
    return crate::bindings::services::recent_jobs(limit);
    #[cfg(not(target_arch = "wasm32"))]
    Ok(crate::testing::recent_jobs(limit))
}

/// Starts a job from a template; the answer is its id. The rules are those for people: what a person would have to confirm is
/// refused.
///
/// # Errors
///
/// `denied` without the grant for each of the machines, `invalid-input` where the template does not take the arguments.
pub fn submit(template: &str, args: &serde_json::Value, targets: &[String]) -> Result<String> {
    #[cfg(target_arch = "wasm32")]
    return crate::bindings::services::submit(template, args, targets);
    #[cfg(not(target_arch = "wasm32"))]
    Ok(crate::testing::submit(template, args, targets))
}

/// Cancels a job that this plugin started.
///
/// # Errors
///
/// `denied` for the jobs of others.
pub fn cancel(id: &str) -> Result<()> {
    #[cfg(target_arch = "wasm32")]
    return crate::bindings::services::cancel(id);
    #[cfg(not(target_arch = "wasm32"))]
    crate::testing::job_of(id).map(drop)
}
