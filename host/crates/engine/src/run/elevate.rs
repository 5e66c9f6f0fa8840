//! Running a job's commands as another account.

use corral_domain::{AsUser, CommandLine, Job, RenderedCommand};

use crate::Engine;
use crate::usecase::hex;

/// Length of what tells a command's own standard input from what sudo did not read, in random bytes.
const MARK_BYTES: usize = 16;

/// As whom the tasks of a job run; none: as the account that is logged in as. An error is for people, and says that nothing
/// was started.
pub(crate) async fn as_user(engine: &Engine, job: &Job) -> Result<Option<AsUser>, String> {
    let Some(run_as) = &job.run_as else { return Ok(None) };
    let password = match &run_as.secret {
        None => None,
        Some(name) => match engine.inner.deps.secrets.reveal(name).await {
            Ok(Some(secret)) => Some(secret.expose().to_owned()),
            Ok(None) => {
                return Err(format!("the secret `{name}` is gone, so that sudo has no password; nothing was started"));
            }
            Err(error) => return Err(format!("the secret `{name}` cannot be read: {error}; nothing was started")),
        },
    };
    Ok(Some(AsUser { user: run_as.user.clone(), password }))
}

/// The command as it is sent to run as that account. Folder and variables are set inside, for sudo lets neither through.
pub(crate) fn elevated(engine: &Engine, command: &RenderedCommand, as_user: &AsUser) -> RenderedCommand {
    let mut mark = [0; MARK_BYTES];
    engine.inner.deps.random.fill(&mut mark);
    let (shell, stdin) = as_user.elevate(&command.to_shell(), command.stdin.as_deref(), &hex(&mark));
    RenderedCommand { command: CommandLine::Script(shell), env: Vec::new(), workdir: None, stdin }
}
