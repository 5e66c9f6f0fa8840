//! Sends each command the way that its machine is reached.

use std::time::Duration;

use async_trait::async_trait;
use corral_domain::{AsUser, Facts, Position, Receipt, RenderedCommand, Transport, VmId};
use corral_engine::ports::{
    CapsuleError, CapsuleState, Capsules, Exit, Failure, Meet, Probe, RunError, RunEvent, Runner, Target,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{LocalRunner, SshConfig, SshRunner};

/// [`Runner`] for every transport.
pub struct MachineRunner {
    ssh: SshRunner,
    local: LocalRunner,
}

impl MachineRunner {
    /// Runners for all transports.
    pub fn new(config: SshConfig) -> Self {
        let local = LocalRunner::new(std::sync::Arc::clone(&config.clock), config.cancel_grace);
        Self { ssh: SshRunner::new(config), local }
    }

    fn of(&self, target: &Target) -> &dyn Runner {
        match target.vm.transport {
            Transport::Ssh => &self.ssh,
            Transport::Local => &self.local,
        }
    }

    fn capsules(&self, target: &Target) -> &dyn Capsules {
        match target.vm.transport {
            Transport::Ssh => &self.ssh,
            Transport::Local => &self.local,
        }
    }
}

#[async_trait]
impl Runner for MachineRunner {
    async fn run(
        &self,
        target: &Target,
        command: &RenderedCommand,
        as_user: Option<&AsUser>,
        events: mpsc::Sender<RunEvent>,
        cancel: CancellationToken,
    ) -> Result<Exit, RunError> {
        self.of(target).run(target, command, as_user, events, cancel).await
    }

    async fn probe(&self, target: &Target) -> Probe {
        self.of(target).probe(target).await
    }

    async fn check(&self, target: &Target) -> Result<Duration, Failure> {
        self.of(target).check(target).await
    }

    async fn facts(&self, target: &Target) -> Result<Facts, Failure> {
        self.of(target).facts(target).await
    }

    async fn forget(&self, vm: VmId) {
        self.ssh.forget(vm).await;
    }
}

#[async_trait]
impl Capsules for MachineRunner {
    async fn follow(
        &self,
        target: &Target,
        id: &str,
        meet: Meet<'_>,
        from: Position,
        events: mpsc::Sender<RunEvent>,
    ) -> Result<Exit, CapsuleError> {
        self.capsules(target).follow(target, id, meet, from, events).await
    }

    async fn stat(&self, target: &Target, id: &str) -> Result<CapsuleState, CapsuleError> {
        self.capsules(target).stat(target, id).await
    }

    async fn cancel(&self, target: &Target, id: &str, as_user: Option<&AsUser>) -> Result<Receipt, CapsuleError> {
        self.capsules(target).cancel(target, id, as_user).await
    }

    async fn release(&self, target: &Target, id: &str) {
        self.capsules(target).release(target, id).await;
    }
}
