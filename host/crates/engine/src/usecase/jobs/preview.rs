//! What a job would do, before it does it.

use std::sync::Arc;

use corral_domain::{Command, Mode, RenderedCommand, RunAs, Vm, VmId};

use super::JobRequest;
use crate::{Actor, Engine, Role, UseCaseError};

/// VMs whose command is shown; the hash is over all of them.
const ITEMS_MAX: usize = 1_000;
/// Shell text that is shown of all VMs together, in bytes; one at least is always shown.
const ITEMS_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What a job would do.
#[derive(Debug, Clone)]
pub struct Preview {
    /// As the job's [`corral_domain::Job::command_hash`] would be.
    pub command_hash: String,
    /// How it would run.
    pub mode: Mode,
    /// How many VMs there are.
    pub total: usize,
    /// Waves in order: name, and VMs in the order in which they begin.
    pub waves: Vec<(String, Vec<VmId>)>,
    /// What each VM would run, in order; at most the first 1,000.
    pub items: Vec<PreviewItem>,
}

/// What one VM would run.
#[derive(Debug, Clone)]
pub struct PreviewItem {
    /// It.
    pub vm: Arc<Vm>,
    /// The command; without its standard input.
    pub rendered: RenderedCommand,
    /// All of it as shell text, with what runs it as another account. Where sudo asks for a password, the text around it is
    /// left out here.
    pub shell: String,
}

impl Engine {
    /// Tells what a request would run, where and in which order; nothing is started and nothing kept. What would be refused
    /// is refused here too. Needs [`Role::Viewer`].
    pub async fn preview_job(&self, actor: &Actor, request: JobRequest) -> Result<Preview, UseCaseError> {
        actor.require(Role::Viewer)?;
        let new = self.plan(actor, request).await?.new;
        let state = self.state();
        state.decide(Command::CreateJob(Box::new(new.clone())), self.inner.deps.clock.now())?;
        let total = new.commands.len();
        let vms: Vec<VmId> = new.commands.iter().map(|(vm, _)| *vm).collect();
        let waves = new.strategy.waves(total).into_iter().map(|wave| (wave.name, vms[wave.tasks].to_vec())).collect();
        let mut items = Vec::new();
        let mut bytes = 0;
        for (vm, rendered) in new.commands.into_iter().take(ITEMS_MAX) {
            let Some(vm) = state.vms.get(&vm).cloned() else { continue };
            let shell = shown(&rendered, new.run_as.as_ref());
            bytes += shell.len();
            if bytes > ITEMS_BYTES_MAX && !items.is_empty() {
                break;
            }
            items.push(PreviewItem { vm, rendered: RenderedCommand { stdin: None, ..rendered }, shell });
        }
        Ok(Preview { command_hash: new.command_hash, mode: new.mode, total, waves, items })
    }
}

fn shown(rendered: &RenderedCommand, run_as: Option<&RunAs>) -> String {
    let script = rendered.to_shell();
    match run_as {
        None => script,
        Some(RunAs { user, secret }) => {
            let sudo = if secret.is_some() { "sudo -S" } else { "sudo -n" };
            let user = corral_domain::quote_word(user);
            format!("{sudo} -u {user} -- /bin/sh -c {}", corral_domain::quote_word(&script))
        }
    }
}
