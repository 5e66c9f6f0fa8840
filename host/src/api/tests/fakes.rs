//! SSH and plugins, made up.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use corral_domain::{
    AsUser, CommandLine, Facts, Lines, Mode, NewVm, Origin, OutputStream, PluginInfo, PluginKind, PluginState,
    PluginTemplates, Position, RandomBytes, Receipt, RenderedCommand, Source, Template, Timestamp, Vm, VmId,
};
use corral_engine::ports::{
    CapsuleError, CapsuleState, Capsules, Exit, Failure, FilterChain, Found, Meet, Output, PluginError, PluginLogLine,
    PluginNotice, PluginStats, Plugins, Probe, RunError, RunEvent, Runner, SecretError, SecretInfo, SecretText,
    Secrets, Step, StreamInfo, Target,
};
use corral_storage::Audit;
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

/// Bytes that never repeat.
#[derive(Default)]
pub struct Counter(AtomicU64);

impl RandomBytes for Counter {
    fn fill(&self, buffer: &mut [u8]) {
        let n = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        for (slot, byte) in buffer.iter_mut().rev().zip(n.iter().rev().chain(std::iter::repeat(&0))) {
            *slot = *byte;
        }
    }
}

/// Runs scripts of its own little language, a step a line: `lines N`, `bytes TEXT`, `gate`, `wait`, `exit N`,
/// `unreachable`.
pub struct FakeRunner {
    /// `gate` goes on when there is a permit.
    pub gate: Semaphore,
    /// Runs that were started.
    pub started: AtomicUsize,
}

impl Default for FakeRunner {
    fn default() -> Self {
        Self { gate: Semaphore::new(0), started: AtomicUsize::new(0) }
    }
}

#[async_trait]
impl Runner for FakeRunner {
    async fn run(
        &self,
        _: &Target,
        command: &RenderedCommand,
        _: Option<&AsUser>,
        events: mpsc::Sender<RunEvent>,
        cancel: CancellationToken,
    ) -> Result<Exit, RunError> {
        let CommandLine::Script(script) = &command.command else {
            return Ok(Exit { code: Some(0), signal: None });
        };
        if script == "unreachable" {
            return Err(RunError::Unreachable(failure()));
        }
        self.started.fetch_add(1, Ordering::SeqCst);
        let _ = events.send(RunEvent::Started).await;
        let mut line = 0;
        for step in script.lines() {
            let (verb, rest) = step.split_once(' ').unwrap_or((step, ""));
            match verb {
                "lines" => {
                    let until = line + rest.parse::<u64>().unwrap();
                    while line < until {
                        let end = until.min(line + 1_000);
                        let text: Vec<u8> = (line..end).flat_map(|n| format!("line {n}\n").into_bytes()).collect();
                        output(&events, text.into()).await;
                        line = end;
                    }
                }
                "bytes" => output(&events, raw(rest)).await,
                "gate" => self.gate.acquire().await.unwrap().forget(),
                "wait" => {
                    cancel.cancelled().await;
                    return Err(RunError::Cancelled(Receipt::nothing_started(Timestamp::from_millis(0))));
                }
                "exit" => return Ok(Exit { code: Some(rest.parse().unwrap()), signal: None }),
                other => panic!("no such step: {other}"),
            }
        }
        Ok(Exit { code: Some(0), signal: None })
    }

    async fn probe(&self, _: &Target) -> Probe {
        let step = |name, ok| Step {
            vm: "web-1".into(),
            name,
            ok,
            detail: "as expected".into(),
            took: Duration::from_millis(3),
        };
        Probe {
            steps: vec![step("resolve", true), step("connect", false)],
            latency: None,
            failure: Some(failure()),
            new_host_key: None,
        }
    }

    async fn check(&self, _: &Target) -> Result<Duration, Failure> {
        Ok(Duration::from_millis(1))
    }

    async fn facts(&self, target: &Target) -> Result<Facts, Failure> {
        if target.vm.name == "down" {
            return Err(failure());
        }
        Ok(Facts {
            os: Some("Debian GNU/Linux 13 (trixie)".to_owned()),
            cpus: Some(2),
            load_1: Some(0.25),
            ..Facts::default()
        })
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

/// The text as a line, with `\xff` for a byte that no UTF-8 has.
fn raw(text: &str) -> Bytes {
    let mut bytes = Vec::new();
    for (n, part) in text.split("\\xff").enumerate() {
        if n > 0 {
            bytes.push(0xff);
        }
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes.push(b'\n');
    bytes.into()
}

async fn output(events: &mpsc::Sender<RunEvent>, bytes: Bytes) {
    let at = Timestamp::from_millis(1_700_000_000_000);
    let _ = events.send(RunEvent::Output(Output { stream: OutputStream::Stdout, bytes, at })).await;
}

fn failure() -> Failure {
    Failure {
        step: "connect",
        message: "connection refused".into(),
        remedy: "is sshd running there?".into(),
        offered_host_key: None,
    }
}

/// One plugin with one template and one machine.
pub struct FakePlugins;

/// What plugins tell at start.
pub fn notices() -> Vec<PluginNotice> {
    let template = Template {
        id: "ops/disk".into(),
        origin: Origin::Plugin("ops".into()),
        title: "Disk usage".into(),
        description: "Shows it".into(),
        category: "Disks".into(),
        parameters: serde_json::json!({"type": "object", "additionalProperties": false,
            "properties": {"path": {"type": "string"}, "token": {"type": "string", "writeOnly": true}}}),
        mode: Mode::Direct,
        dangerous: false,
        timeout_seconds: 0,
        applies_to: "role=db".into(),
    };
    let offer = PluginTemplates { templates: vec![template], problems: vec!["x.yaml: line 3".into()] };
    let mask = PluginInfo {
        id: "mask".into(),
        name: "Mask".into(),
        description: "Hides what is secret.".into(),
        version: "1.0.0".into(),
        api: "0.1".into(),
        provides: vec![PluginKind::LogFilter],
        state: PluginState::Active,
        reason: String::new(),
        generation: 1,
        digest: String::new(),
        origin: "bundled".into(),
        wants: Vec::new(),
        grants: Vec::new(),
    };
    vec![PluginNotice::Templates { plugin: "ops".into(), offer }, PluginNotice::Changed(Box::new(mask))]
}

#[async_trait]
impl Plugins for FakePlugins {
    async fn render(
        &self,
        _: &Template,
        args: &serde_json::Value,
        vms: &[Arc<Vm>],
    ) -> Result<Vec<RenderedCommand>, PluginError> {
        let wrong = || PluginError::InvalidInput("path: is a text".into());
        let path = args["path"].as_str().ok_or_else(wrong)?;
        let stdin = args["token"].as_str().map(|token| token.as_bytes().to_vec());
        let command =
            RenderedCommand { stdin, ..RenderedCommand::plain(CommandLine::Argv(vec!["df".into(), path.into()])) };
        Ok(vec![command; vms.len()])
    }

    async fn open_filters(&self, _: StreamInfo) -> Result<Box<dyn FilterChain>, PluginError> {
        Ok(Box::new(PassThrough))
    }

    fn discovery_sources(&self) -> Vec<String> {
        vec!["ssh-config".into()]
    }

    async fn discover(&self, source: &str) -> Result<Vec<Found>, PluginError> {
        if source != "ssh-config" {
            return Err(PluginError::NotFound(format!("there is no discovery source {source}")));
        }
        let mut new = NewVm::ssh("found-1", "192.0.2.9", 2222, "root");
        new.source = Some(Source { plugin: source.into(), external_id: "found-1".into() });
        Ok(vec![Found { external_id: "found-1".into(), new, jump_ids: Vec::new(), running: None }])
    }

    fn stats(&self, id: &str) -> Option<PluginStats> {
        let limit_hits = [("cpu", 1)].into();
        (id == "mask").then(|| PluginStats {
            calls: 7,
            failed: 1,
            p50_micros: Some(90),
            limit_hits,
            ..PluginStats::default()
        })
    }

    fn log(&self, id: &str) -> Option<Vec<PluginLogLine>> {
        let line = PluginLogLine { at: Timestamp::from_millis(1), level: "warn", text: "low on masks".into() };
        (id == "mask").then(|| vec![line])
    }

    fn history(&self, _: &str) -> Option<Vec<corral_domain::PluginTransition>> {
        None
    }

    async fn readme(&self, _: &str) -> Result<Option<String>, PluginError> {
        Ok(None)
    }

    async fn set_policy(&self, id: &str, _: corral_domain::PluginPolicy) -> Result<PluginInfo, PluginError> {
        Err(PluginError::NotFound(id.to_owned()))
    }

    async fn reload(&self, id: &str) -> Result<PluginInfo, PluginError> {
        Err(PluginError::NotFound(format!("there is no plugin {id}")))
    }

    async fn install(&self, files: Vec<(String, Bytes)>) -> Result<PluginInfo, PluginError> {
        let names: Vec<_> = files.iter().map(|(name, content)| format!("{name} {}", content.len())).collect();
        Err(PluginError::InvalidInput(format!("it came with {}", names.join(", "))))
    }

    async fn uninstall(&self, id: &str) -> Result<(), PluginError> {
        Err(PluginError::Conflict(format!("the plugin {id} stays")))
    }
}

struct PassThrough;

#[async_trait]
impl FilterChain for PassThrough {
    async fn process(&mut self, lines: Lines) -> Result<Lines, PluginError> {
        Ok(lines)
    }

    async fn finish(&mut self) -> Result<Lines, PluginError> {
        Ok(Lines::default())
    }

    fn plugins(&self) -> Vec<(String, String)> {
        Vec::new()
    }
}

/// Secrets in memory, as they are.
#[derive(Default)]
pub struct FakeSecrets(Mutex<BTreeMap<String, SecretText>>);

#[async_trait]
impl Secrets for FakeSecrets {
    async fn reveal(&self, name: &str) -> Result<Option<SecretText>, SecretError> {
        Ok(self.0.lock().unwrap().get(name).cloned())
    }

    async fn list(&self) -> Result<Vec<SecretInfo>, SecretError> {
        let (created_at, updated_at) = (Timestamp::default(), Timestamp::default());
        let names = self.0.lock().unwrap().keys().cloned().collect::<Vec<_>>();
        Ok(names.into_iter().map(|name| SecretInfo { name, created_at, updated_at }).collect())
    }

    async fn set(&self, name: &str, value: SecretText, _: Audit) -> Result<(), SecretError> {
        self.0.lock().unwrap().insert(name.to_owned(), value);
        Ok(())
    }

    async fn remove(&self, name: &str, _: Audit) -> Result<bool, SecretError> {
        Ok(self.0.lock().unwrap().remove(name).is_some())
    }
}
