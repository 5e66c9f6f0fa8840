//! A runner that understands a few words instead of commands.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use corral_domain::{
    AsUser, Clock as _, CommandLine, Facts, OutputStream, Position, Receipt, RenderedCommand, SystemClock, Timestamp,
    VmId,
};
use corral_engine::ports::{
    CapsuleError, CapsuleState, Capsules, Exit, Failure, Meet, Output, Probe, RunError, RunEvent, Runner, Target,
};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

/// Understands: `lines N`, `exit N`, `hang`, `unreachable`, `lost`, `say TEXT`, `name`, `gate N` (N lines, then waits for the
/// gate), and nothing of what sudo is to run.
#[derive(Default)]
pub struct FakeRunner {
    pub running: AtomicUsize,
    pub most: AtomicUsize,
    pub started: AtomicUsize,
    pub gate: Notify,
    /// How often a machine was tested. Each time it takes 100 ms longer than the time before.
    pub probed: AtomicU64,
    /// How often a machine was asked what it is.
    pub asked: AtomicUsize,
    last: Mutex<Option<RenderedCommand>>,
}

impl FakeRunner {
    /// What was run last, as it came.
    pub fn last_command(&self) -> RenderedCommand {
        self.last.lock().unwrap().clone().expect("something was run")
    }
}

async fn say(events: &mpsc::Sender<RunEvent>, stream: OutputStream, text: String) {
    let output = Output { stream, bytes: Bytes::from(text), at: Timestamp::from_millis(1_700_000_000_000) };
    let _gone = events.send(RunEvent::Output(output)).await;
}

#[async_trait]
impl Runner for FakeRunner {
    async fn run(
        &self,
        target: &Target,
        command: &RenderedCommand,
        _: Option<&AsUser>,
        events: mpsc::Sender<RunEvent>,
        cancel: CancellationToken,
    ) -> Result<Exit, RunError> {
        *self.last.lock().unwrap() = Some(command.clone());
        let CommandLine::Script(script) = &command.command else { panic!("tests use scripts") };
        let (word, rest) = script.split_once(' ').unwrap_or((script, ""));
        if word == "unreachable" {
            let failure = Failure {
                step: "connect",
                message: format!("{} refused the connection", target.vm.address),
                remedy: "start sshd".to_owned(),
                offered_host_key: None,
            };
            return Err(RunError::Unreachable(failure));
        }
        let _gone = events.send(RunEvent::Started).await;
        self.started.fetch_add(1, Ordering::SeqCst);
        let now = self.running.fetch_add(1, Ordering::SeqCst) + 1;
        self.most.fetch_max(now, Ordering::SeqCst);
        let n: usize = rest.parse().unwrap_or(0);
        let result = match word {
            "lines" | "gate" => {
                for i in 0..n {
                    say(&events, OutputStream::Stdout, format!("line {i}\n")).await;
                }
                if word == "gate" {
                    self.gate.notified().await;
                    say(&events, OutputStream::Stdout, "after\n".to_owned()).await;
                }
                Ok(0)
            }
            "say" => {
                say(&events, OutputStream::Stdout, format!("{rest}\n")).await;
                Ok(0)
            }
            "name" => {
                say(&events, OutputStream::Stdout, format!("I am {}\n", target.vm.name)).await;
                Ok(0)
            }
            "exec" if rest.starts_with("sudo ") => Ok(0),
            "exit" => Ok(i32::try_from(n).unwrap()),
            "hang" => {
                say(&events, OutputStream::Stderr, "hanging".to_owned()).await;
                cancel.cancelled().await;
                Err(RunError::Cancelled(Receipt {
                    signalled: 1,
                    gone: 1,
                    ..Receipt::nothing_started(Timestamp::from_millis(0))
                }))
            }
            "lost" => Err(RunError::Lost("the connection broke".to_owned())),
            other => panic!("unknown script {other}"),
        };
        self.running.fetch_sub(1, Ordering::SeqCst);
        result.map(|code| Exit { code: Some(code), signal: None })
    }

    async fn probe(&self, _: &Target) -> Probe {
        let n = self.probed.fetch_add(1, Ordering::SeqCst) + 1;
        Probe { latency: Some(Duration::from_millis(100 * n)), ..Probe::default() }
    }

    async fn check(&self, _: &Target) -> Result<Duration, Failure> {
        Ok(Duration::from_millis(1))
    }

    async fn facts(&self, _: &Target) -> Result<Facts, Failure> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Ok(Facts { cpus: Some(2), load_1: Some(0.25), gathered_at: SystemClock.now(), ..Facts::default() })
    }

    async fn forget(&self, _: VmId) {}
}

/// Every capsule is one run: nothing here survives anything.
#[async_trait]
impl Capsules for FakeRunner {
    async fn follow(
        &self,
        target: &Target,
        _: &str,
        meet: Meet<'_>,
        _: Position,
        events: mpsc::Sender<RunEvent>,
    ) -> Result<Exit, CapsuleError> {
        let Meet::Launch(command) = meet else { return Err(CapsuleError::Missing) };
        self.run(target, command, None, events, CancellationToken::new()).await.map_err(|error| match error {
            RunError::Unreachable(failure) => CapsuleError::Unreachable(failure),
            error => CapsuleError::Lost(error.to_string()),
        })
    }

    async fn stat(&self, _: &Target, _: &str) -> Result<CapsuleState, CapsuleError> {
        Ok(CapsuleState::None)
    }

    async fn cancel(&self, _: &Target, _: &str, _: Option<&AsUser>) -> Result<Receipt, CapsuleError> {
        Ok(Receipt::nothing_started(Timestamp::from_millis(0)))
    }

    async fn release(&self, _: &Target, _: &str) {}
}
