//! What the rest of the host does for plugins that were granted it. The plugin host checks what a plugin may; whoever
//! implements this does it, under the plugin's name, by the rules that hold for people.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use corral_domain::{Job, JobId, Lines, Vm, VmId, VmStatus};
use corral_engine::ports::SecretText;

/// A machine, and what was last seen of it.
#[derive(Debug, Clone)]
pub struct Machine {
    /// It.
    pub vm: Arc<Vm>,
    /// What was last seen of it.
    pub status: VmStatus,
}

/// A window of stored output.
#[derive(Debug, Clone, Default)]
pub struct Window {
    /// Number of the first line.
    pub first: u64,
    /// The lines.
    pub lines: Lines,
}

/// Why something was not done. The text is for people: what happened, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ServiceError {
    /// What was asked for makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// There is nothing of that name.
    #[error("{0}")]
    NotFound(String),
    /// Not for plugins.
    #[error("{0}")]
    Denied(String),
    /// Worth trying again later.
    #[error("{0}")]
    Unavailable(String),
}

/// The rest of the host, as plugins may use it.
#[async_trait]
pub trait Services: Send + Sync {
    /// A machine of the inventory.
    fn machine(&self, id: VmId) -> Option<Machine>;

    /// Machines in the order of their ids, behind `after`, until `take` says that it has enough.
    fn machines(&self, after: Option<VmId>, take: &mut dyn FnMut(Machine) -> bool);

    /// A job, live or stored.
    async fn job(&self, id: JobId) -> Result<Option<Job>, ServiceError>;

    /// The newest jobs, newest first.
    async fn recent_jobs(&self, limit: u32) -> Result<Vec<Job>, ServiceError>;

    /// Starts a job from a template, under the plugin's name: what a person would be refused is refused, and what a person
    /// would have to confirm is refused too.
    async fn submit(
        &self,
        plugin: &str,
        template: &str,
        args: serde_json::Value,
        targets: Vec<VmId>,
    ) -> Result<JobId, ServiceError>;

    /// Cancels a job that the plugin started.
    async fn cancel(&self, plugin: &str, id: JobId) -> Result<(), ServiceError>;

    /// Lines of a task's stored output; none beyond its end. Fewer than were asked for is normal.
    async fn read_log(&self, job: JobId, vm: VmId, first: u64, count: u32) -> Result<Window, ServiceError>;

    /// The value of a secret. That the plugin read it is written down before it is given out.
    async fn secret(&self, plugin: &str, name: &str) -> Result<Option<SecretText>, ServiceError>;
}

/// The services once there are any: plugins are started before what they may ask.
#[derive(Clone, Default)]
pub struct ServiceCell(Arc<OnceLock<Arc<dyn Services>>>);

impl ServiceCell {
    /// Joins them. Only the first call counts.
    pub fn join(&self, services: Arc<dyn Services>) {
        let _joined_before = self.0.set(services);
    }

    /// The services.
    pub fn get(&self) -> Result<&Arc<dyn Services>, ServiceError> {
        self.0.get().ok_or_else(|| ServiceError::Unavailable("the host is still starting; try again".to_owned()))
    }
}
