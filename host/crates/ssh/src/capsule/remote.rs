//! Capsules of machines that are reached over SSH.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use corral_domain::{AsUser, Position, Receipt};
use corral_engine::ports::{CapsuleError, CapsuleState, Capsules, Exit, Meet, RunEvent, Target};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::end;
use super::ending::{self, Shell};
use super::script::LINE;
use super::talk::{Ear, Talk};
use super::wire::{self, Launch};
use crate::SshRunner;
use crate::cancel::ANSWER_BYTES_MAX;
use crate::chain::Chain;
use crate::exec::{Cut, Piece, Running};
use crate::failure::quote_bytes;
use crate::pool::Lease;
use crate::wrap::{new_cookie, unmarked};

/// Longest time to answer about a capsule's state; the script looks again for some seconds where it could just change.
pub(super) const STAT_TIMEOUT: Duration = Duration::from_secs(60);

/// Kept of what a shell complains of, in bytes.
const COMPLAINT_BYTES_MAX: usize = 512;

/// The channel of one conversation; closed when dropped, by which the script learns that nobody listens.
pub(crate) struct Wire {
    running: Running,
    /// The beginning of what the shell complained of.
    complaint: Vec<u8>,
    /// Kept as long as the channel is open: it has a place on its connection.
    _lease: Lease,
}

#[async_trait]
impl Ear for Wire {
    async fn hear(&mut self) -> Result<Bytes, String> {
        loop {
            match self.running.piece().await {
                Piece::Out(bytes) => return Ok(bytes),
                Piece::Err(bytes) => {
                    let room = COMPLAINT_BYTES_MAX.saturating_sub(self.complaint.len());
                    self.complaint.extend(bytes.iter().take(room));
                }
                Piece::End(Ok(exit)) => {
                    let why = format!("its script ended with {}", crate::exec::shown_exit(&exit));
                    return Err(if self.complaint.is_empty() {
                        why
                    } else {
                        format!("{why} and said `{}`", quote_bytes(&self.complaint))
                    });
                }
                Piece::End(Err(Cut::Lost(why) | Cut::NotRun(why))) => return Err(why),
            }
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.running.close_soon();
    }
}

impl SshRunner {
    /// Starts the script; what it is asked is sent by the conversation.
    async fn converse(
        &self,
        chain: &Chain,
        token: &str,
        from: Position,
        urgent: bool,
    ) -> Result<Talk<Wire>, CapsuleError> {
        let (lease, running) = self.open(chain, urgent).await.map_err(CapsuleError::Unreachable)?;
        let mut wire = Wire { running, complaint: Vec::new(), _lease: lease };
        match wire.running.start(&LINE, self.config().exec_timeout).await {
            Ok(()) => {
                let mouth = wire.running.writer();
                Ok(Talk::new(wire, mouth, token, from))
            }
            Err(Cut::NotRun(why)) => Err(CapsuleError::Refused(format!("{}: {why}", chain.vm().name))),
            // The script does nothing before it is asked.
            Err(Cut::Lost(why)) => Err(CapsuleError::Broken(format!("{}: {why}", chain.vm().name))),
        }
    }

    fn broken(chain: &Chain, why: &str) -> CapsuleError {
        CapsuleError::Broken(format!("{}: {why}", chain.vm().name))
    }
}

/// A channel beside others.
pub(crate) struct Beside<'a> {
    pub(crate) runner: &'a SshRunner,
    pub(crate) chain: &'a Chain,
}

#[async_trait]
impl Shell for Beside<'_> {
    async fn capture(&self, script: &str, stdin: Option<Vec<u8>>, limit: Duration) -> Result<Vec<u8>, String> {
        let line = unmarked(script);
        let work = self.runner.capture(self.chain, &line, stdin, ANSWER_BYTES_MAX);
        timeout(limit, work).await.unwrap_or_else(|_| Err("the machine did not answer in time".to_owned()))
    }
}

#[async_trait]
impl Capsules for SshRunner {
    async fn follow(
        &self,
        target: &Target,
        id: &str,
        meet: Meet<'_>,
        from: Position,
        events: mpsc::Sender<RunEvent>,
    ) -> Result<Exit, CapsuleError> {
        let chain = Chain::new(target);
        let token = token(id)?;
        let mut talk = self.converse(&chain, &token, from, false).await?;
        let vm = chain.vm().id;
        let mut taken_along = Vec::new();
        let request = match meet {
            Meet::Attach => wire::attach_request(&token, id, from),
            Meet::Launch(command) => {
                let _ = events.send(RunEvent::Sending).await;
                let (forget, clean) = self.kept.errands(vm, Instant::now());
                taken_along = forget;
                Launch {
                    id,
                    from,
                    command: command.to_shell().as_bytes(),
                    stdin: command.stdin.as_deref(),
                    clean,
                    forget: &taken_along,
                }
                .request(&token)
            }
        };
        let end = talk.follow(request, &events, &*self.config().clock).await;
        if !talk.answer.begun() && !taken_along.is_empty() {
            self.kept.undone(vm, taken_along);
        }
        let end = end.map_err(|why| Self::broken(&chain, &why))?;
        self.kept.park(vm, id, talk);
        end::followed(&chain.vm().name, end)
    }

    async fn stat(&self, target: &Target, id: &str) -> Result<CapsuleState, CapsuleError> {
        let chain = Chain::new(target);
        let token = token(id)?;
        let mut talk = self.converse(&chain, &token, Position::default(), true).await?;
        let answer = timeout(STAT_TIMEOUT, talk.state(wire::stat_request(&token, id))).await;
        match answer {
            Ok(Ok(None)) => Ok(CapsuleState::Running),
            Ok(Ok(Some(end))) => end::stated(&chain.vm().name, end),
            Ok(Err(why)) => Err(Self::broken(&chain, &why)),
            Err(_) => Err(Self::broken(&chain, &format!("no answer within {} s", STAT_TIMEOUT.as_secs()))),
        }
    }

    async fn cancel(&self, target: &Target, id: &str, as_user: Option<&AsUser>) -> Result<Receipt, CapsuleError> {
        let chain = Chain::new(target);
        let mark = token(id)?;
        // Whether the machine is reached at all is another answer than what is left there.
        self.pool.connection(&chain).await.map_err(CapsuleError::Unreachable)?;
        let shell = Beside { runner: self, chain: &chain };
        let config = self.config();
        ending::end(&shell, id, as_user, &mark, config.cancel_grace, config.clock.now())
            .await
            .map_err(|why| Self::broken(&chain, &why))
    }

    async fn release(&self, target: &Target, id: &str) {
        if wire::is_id(id) {
            self.kept.release(target.vm.id, id);
        }
    }
}

/// A mark for one answer, after the id was looked at.
pub(super) fn token(id: &str) -> Result<String, CapsuleError> {
    if !wire::is_id(id) {
        return Err(CapsuleError::Refused(format!("`{}` is no capsule's id", quote_bytes(id.as_bytes()))));
    }
    new_cookie().map_err(|error| CapsuleError::Broken(format!("the system gave no random numbers: {error}")))
}
