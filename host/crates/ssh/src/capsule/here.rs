//! Capsules on this machine, by pipes instead of SSH.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use corral_domain::{AsUser, Clock, Position, Receipt};
use corral_engine::ports::{CapsuleError, CapsuleState, Capsules, Exit, Meet, RunEvent, Target};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, ChildStdout, Command};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::ending::{self, Shell};
use super::remote::{STAT_TIMEOUT, token};
use super::script::{RUNNER, SCRIPT};
use super::talk::{Ear, Talk};
use super::wire::{self, Launch};
use super::{Kept, end};
use crate::LocalRunner;
use crate::cancel::ANSWER_BYTES_MAX;
use crate::local::cleaned;

/// Read from the script at once, at most.
const READ_BYTES: usize = 256 << 10;

/// The shell by which capsules run here, and what its environment has besides.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// A program with its arguments that runs the shell; nothing: it is run itself.
    pub(crate) by: Vec<OsString>,
    pub(crate) shell: PathBuf,
    pub(crate) environment: Vec<(OsString, OsString)>,
}

impl Default for Place {
    fn default() -> Self {
        // The account's own choice of place is kept, so that a command's folder is where the account expects it.
        let state = std::env::var_os("XDG_STATE_HOME").map(|value| ("XDG_STATE_HOME".into(), value));
        Self { by: Vec::new(), shell: PathBuf::from("/bin/sh"), environment: state.into_iter().collect() }
    }
}

impl Place {
    fn command(&self, script: &str) -> Command {
        let mut words = self.by.iter().map(OsString::as_os_str).chain([self.shell.as_os_str()]);
        let mut command = cleaned(Path::new(words.next().unwrap_or_default()));
        command.args(words).arg("-c").arg(script).envs(self.environment.iter().cloned());
        command
    }
}

/// The script's process and what it writes. When dropped the pipe is closed, by which the script learns that nobody listens.
pub(crate) struct Pipe {
    output: ChildStdout,
    child: Child,
    buffer: BytesMut,
}

#[async_trait]
impl Ear for Pipe {
    async fn hear(&mut self) -> Result<Bytes, String> {
        self.buffer.reserve(READ_BYTES);
        match self.output.read_buf(&mut self.buffer).await {
            Ok(0) => match self.child.wait().await {
                Ok(status) => Err(format!("its script ended ({status})")),
                Err(error) => Err(format!("its script ended: {error}")),
            },
            Ok(_) => Ok(self.buffer.split().freeze()),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// Capsules of this machine.
#[derive(Default)]
pub(crate) struct Here {
    place: Place,
    kept: Kept,
}

impl Here {
    /// What runs scripts on this machine.
    pub(crate) fn shell(&self) -> &dyn Shell {
        &self.place
    }

    #[cfg(test)]
    pub(crate) fn at(place: Place) -> Self {
        Self { place, kept: Kept::default() }
    }

    fn converse(&self, token: &str, from: Position) -> Result<Talk<Pipe>, CapsuleError> {
        let refused = |why: String| {
            CapsuleError::Refused(format!("{} of this machine cannot be started: {why}", self.place.shell.display()))
        };
        let mut command = self.place.command(RUNNER);
        command.arg(&self.place.shell).arg(&*SCRIPT);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|error| refused(error.to_string()))?;
        let (Some(stdin), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(refused("it has no pipes".to_owned()));
        };
        Ok(Talk::new(Pipe { output, child, buffer: BytesMut::new() }, Box::new(stdin), token, from))
    }

    pub(crate) async fn follow(
        &self,
        target: &Target,
        id: &str,
        meet: Meet<'_>,
        from: Position,
        events: &mpsc::Sender<RunEvent>,
        clock: &dyn Clock,
    ) -> Result<Exit, CapsuleError> {
        let token = token(id)?;
        let mut talk = self.converse(&token, from)?;
        let request = match meet {
            Meet::Attach => wire::attach_request(&token, id, from),
            Meet::Launch(command) => {
                let _ = events.send(RunEvent::Sending).await;
                let (forget, clean) = self.kept.errands(target.vm.id, Instant::now());
                let (command, stdin) = (command.to_shell(), command.stdin.as_deref());
                Launch { id, from, command: command.as_bytes(), stdin, clean, forget: &forget }.request(&token)
            }
        };
        let end = talk.follow(request, events, clock).await.map_err(CapsuleError::Broken)?;
        self.kept.park(target.vm.id, id, talk);
        end::followed(&target.vm.name, end)
    }

    pub(crate) async fn stat(&self, target: &Target, id: &str) -> Result<CapsuleState, CapsuleError> {
        let token = token(id)?;
        let mut talk = self.converse(&token, Position::default())?;
        match timeout(STAT_TIMEOUT, talk.state(wire::stat_request(&token, id))).await {
            Ok(Ok(None)) => Ok(CapsuleState::Running),
            Ok(Ok(Some(end))) => end::stated(&target.vm.name, end),
            Ok(Err(why)) => Err(CapsuleError::Broken(why)),
            Err(_) => Err(CapsuleError::Broken(format!("no answer within {} s", STAT_TIMEOUT.as_secs()))),
        }
    }
}

#[async_trait]
impl Shell for Place {
    async fn capture(&self, script: &str, stdin: Option<Vec<u8>>, limit: Duration) -> Result<Vec<u8>, String> {
        let mut command = self.command(script);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let pipe = child.stdin.take();
        let feed = async move {
            if let (Some(mut pipe), Some(bytes)) = (pipe, stdin) {
                // It may end without reading all; what it answers says why.
                let _ = pipe.write_all(&bytes).await;
            }
        };
        let read = async {
            let mut answer = Vec::new();
            if let Some(output) = child.stdout.take() {
                output.take(ANSWER_BYTES_MAX as u64).read_to_end(&mut answer).await?;
            }
            Ok::<_, std::io::Error>(answer)
        };
        let work = async { tokio::join!(read, feed).0 };
        match timeout(limit, work).await {
            Ok(answer) => answer.map_err(|error| error.to_string()),
            Err(_) => Err("the script that ends processes did not end itself".to_owned()),
        }
    }
}

#[async_trait]
impl Capsules for LocalRunner {
    async fn follow(
        &self,
        target: &Target,
        id: &str,
        meet: Meet<'_>,
        from: Position,
        events: mpsc::Sender<RunEvent>,
    ) -> Result<Exit, CapsuleError> {
        self.here.follow(target, id, meet, from, &events, &*self.clock).await
    }

    async fn stat(&self, target: &Target, id: &str) -> Result<CapsuleState, CapsuleError> {
        self.here.stat(target, id).await
    }

    async fn cancel(&self, _target: &Target, id: &str, as_user: Option<&AsUser>) -> Result<Receipt, CapsuleError> {
        let mark = token(id)?;
        ending::end(&self.here.place, id, as_user, &mark, self.cancel_grace, self.clock.now())
            .await
            .map_err(CapsuleError::Broken)
    }

    async fn release(&self, target: &Target, id: &str) {
        if wire::is_id(id) {
            self.here.kept.release(target.vm.id, id);
        }
    }
}
