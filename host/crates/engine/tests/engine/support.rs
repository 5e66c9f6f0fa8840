//! Fakes of what is injected into the engine, over the real SQLite store.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use corral_domain::{
    CommandLine, Job, JobId, Lines, Mode, NewVm, PluginInfo, RandomBytes, RenderedCommand, SystemClock, Task, TaskKey,
    Template, Timestamp, Vm, VmId,
};
use corral_engine::ports::{
    Capsules, FilterChain, Found, PluginError, PluginLogLine, PluginNotice, PluginStats, Plugins, SecretError,
    SecretInfo, SecretText, Secrets, StreamInfo,
};
use corral_engine::{Actor, Deps, Engine, JobRequest, Role, Settings, Targets};
use corral_storage::{Audit, LogAppend, LogEnd, LogFile, LogStore, StorageError, StoredChunk};
use corral_storage_sqlite::{SqliteOptions, SqliteStore};
use tokio::sync::mpsc;

use crate::runner::FakeRunner;

/// Counts up: ids differ and tests repeat.
#[derive(Default)]
pub struct Counting(AtomicU64);

impl RandomBytes for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        let n = self.0.fetch_add(1, Ordering::SeqCst).to_be_bytes();
        buffer.fill(0);
        buffer[2..10].copy_from_slice(&n);
    }
}

/// One filter that fails on lines with `SECRET`, and hides what stands between `BEGIN` and `END`.
#[derive(Default)]
pub struct FakePlugins;

#[derive(Default)]
struct FakeChain {
    hiding: bool,
}

#[async_trait]
impl FilterChain for FakeChain {
    async fn process(&mut self, lines: Lines) -> Result<Lines, PluginError> {
        if lines.iter().any(|line| memchr::memmem::find(line.text, b"SECRET").is_some()) {
            return Err(PluginError::Failed("filter `fake` trapped".to_owned()));
        }
        let mut shown = Lines::default();
        for line in lines.iter() {
            self.hiding &= line.text != b"END";
            shown.push(line.head, if self.hiding { b"hidden" } else { line.text });
            self.hiding |= line.text == b"BEGIN";
        }
        Ok(shown)
    }

    async fn finish(&mut self) -> Result<Lines, PluginError> {
        Ok(Lines::default())
    }

    fn plugins(&self) -> Vec<(String, String)> {
        Vec::new()
    }
}

#[async_trait]
impl Plugins for FakePlugins {
    async fn render(
        &self,
        _: &Template,
        _: &serde_json::Value,
        _: &[Arc<Vm>],
    ) -> Result<Vec<RenderedCommand>, PluginError> {
        Err(PluginError::NotFound("no template".to_owned()))
    }

    async fn open_filters(&self, _: StreamInfo) -> Result<Box<dyn FilterChain>, PluginError> {
        Ok(Box::new(FakeChain::default()))
    }

    fn discovery_sources(&self) -> Vec<String> {
        vec!["fake".to_owned()]
    }

    async fn discover(&self, _: &str) -> Result<Vec<Found>, PluginError> {
        let found = |id: &str, jump: &[&str]| Found {
            external_id: id.to_owned(),
            new: NewVm {
                source: Some(corral_domain::Source { plugin: "fake".to_owned(), external_id: id.to_owned() }),
                ..NewVm::ssh(id, "127.0.0.1", 22, "root")
            },
            jump_ids: jump.iter().map(|&id| id.to_owned()).collect(),
            running: None,
        };
        Ok(vec![found("behind", &["bastion"]), found("bastion", &[]), found("broken", &["nowhere"])])
    }

    fn stats(&self, _: &str) -> Option<PluginStats> {
        None
    }

    fn log(&self, _: &str) -> Option<Vec<PluginLogLine>> {
        None
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
        Err(PluginError::NotFound(id.to_owned()))
    }

    async fn install(&self, _: Vec<(String, Bytes)>) -> Result<PluginInfo, PluginError> {
        Err(PluginError::Unavailable("no folder".to_owned()))
    }

    async fn uninstall(&self, id: &str) -> Result<(), PluginError> {
        Err(PluginError::NotFound(id.to_owned()))
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

/// A log store that can be told to be full.
pub struct MaybeFull {
    inner: Arc<SqliteStore>,
    pub full: AtomicBool,
    /// The next write succeeds and answers with an error.
    pub lies: AtomicBool,
    /// A log of which nothing is accepted.
    pub refused: Mutex<Option<TaskKey>>,
}

#[async_trait]
impl LogStore for MaybeFull {
    async fn append(&self, appends: &[LogAppend]) -> Result<(), StorageError> {
        if self.full.load(Ordering::SeqCst) {
            return Err(StorageError::Full("test".to_owned()));
        }
        let refused = *self.refused.lock().unwrap();
        if appends.iter().any(|append| Some(append.key) == refused) {
            return Err(StorageError::Database { doing: "testing", source: "this log is refused".into() });
        }
        self.inner.append(appends).await?;
        if self.lies.swap(false, Ordering::SeqCst) {
            return Err(StorageError::Busy("test: written, but the answer is an error".to_owned()));
        }
        Ok(())
    }

    async fn end(&self, key: TaskKey) -> Result<Option<LogEnd>, StorageError> {
        self.inner.end(key).await
    }

    async fn chunks(&self, key: TaskKey, from: u64, count: u64, max: u32) -> Result<Vec<StoredChunk>, StorageError> {
        self.inner.chunks(key, from, count, max).await
    }

    async fn reopen(&self, key: TaskKey) -> Result<(), StorageError> {
        self.inner.reopen(key).await
    }

    async fn merge(&self, key: TaskKey) -> Result<(), StorageError> {
        self.inner.merge(key).await
    }

    fn file_of(&self, job: JobId) -> String {
        self.inner.file_of(job)
    }

    async fn files(&self) -> Result<Vec<LogFile>, StorageError> {
        self.inner.files().await
    }

    async fn remove_file(&self, day: &str) -> Result<(), StorageError> {
        self.inner.remove_file(day).await
    }
}

pub struct World {
    pub engine: Engine,
    pub runner: Arc<FakeRunner>,
    pub logs: Arc<MaybeFull>,
    pub store: Arc<SqliteStore>,
    secrets: Arc<FakeSecrets>,
    _notices: mpsc::Sender<PluginNotice>,
}

pub fn admin() -> Actor {
    Actor { name: "user:test".to_owned(), role: Role::Admin }
}

impl World {
    pub async fn start(dir: &std::path::Path) -> Self {
        Self::start_with(dir, Settings { health_interval: None, ..Settings::default() }).await
    }

    pub async fn start_with(dir: &std::path::Path, settings: Settings) -> Self {
        Self::start_on(dir, settings, None).await
    }

    /// With capsules on a machine of the test's own.
    pub async fn start_on(dir: &std::path::Path, settings: Settings, machine: Option<Arc<dyn Capsules>>) -> Self {
        let store = Arc::new(SqliteStore::open(dir, SqliteOptions::default()).await.unwrap());
        let runner = Arc::new(FakeRunner::default());
        let logs = Arc::new(MaybeFull {
            inner: store.clone(),
            full: AtomicBool::default(),
            lies: AtomicBool::default(),
            refused: Mutex::default(),
        });
        let secrets = Arc::new(FakeSecrets::default());
        let random = Arc::new(Counting::default());
        random.0.store(u64::from(std::process::id()) << 32, Ordering::SeqCst);
        let deps = Deps {
            state: store.clone(),
            logs: logs.clone(),
            runner: runner.clone(),
            capsules: machine.unwrap_or_else(|| runner.clone()),
            plugins: Arc::new(FakePlugins),
            secrets: secrets.clone(),
            clock: Arc::new(SystemClock),
            random,
        };
        let (sender, notices) = mpsc::channel(8);
        let engine = Engine::start(deps, settings, notices).await.unwrap();
        Self { engine, runner, logs, store, secrets, _notices: sender }
    }

    /// Sets a secret.
    pub fn secret(&self, name: &str, value: SecretText) {
        self.secrets.0.lock().unwrap().insert(name.to_owned(), value);
    }

    /// Adds VMs `NAME-0` to `NAME-(n-1)`.
    pub async fn vms(&self, name: &str, n: usize) -> Vec<VmId> {
        let mut ids = Vec::new();
        for i in 0..n {
            let new = NewVm::ssh(format!("{name}-{i}"), "127.0.0.1", 22, "root");
            ids.push(self.engine.add_vm(&admin(), new).await.unwrap().id);
        }
        ids
    }

    pub async fn job(&self, script: &str, vms: &[VmId]) -> JobId {
        self.request(request(script, vms)).await
    }

    pub async fn request(&self, request: JobRequest) -> JobId {
        self.engine.create_job(&admin(), request).await.unwrap().0.id
    }

    /// Waits until the job satisfies a condition; events wake it, so no time passes unused.
    pub async fn until(&self, id: JobId, condition: impl Fn(&Job, &[Task]) -> bool) -> (Job, Vec<Task>) {
        let wait = async {
            let mut events = self.engine.subscribe(None);
            loop {
                let (job, tasks) = self.engine.job(id).await.unwrap().unwrap();
                if condition(&job, &tasks) {
                    return (job, tasks);
                }
                if events.next().await.unwrap().is_err() {
                    events = self.engine.subscribe(None);
                }
            }
        };
        tokio::time::timeout(Duration::from_mins(2), wait).await.expect("the job comes to that")
    }

    pub async fn finished(&self, id: JobId) -> (Job, Vec<Task>) {
        self.until(id, |job, _| job.status.is_final()).await
    }

    /// All lines of a log, read in windows.
    pub async fn log(&self, job: JobId, vm: VmId) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let key = TaskKey { job, vm };
            let window = self.engine.read_log(key, lines.len() as u64, 1_000).await.unwrap().unwrap();
            assert_eq!(window.damaged, None);
            if window.lines.is_empty() {
                return lines;
            }
            lines.extend(window.lines.iter().map(|line| String::from_utf8_lossy(line.text).into_owned()));
        }
    }
}

pub fn request(script: &str, vms: &[VmId]) -> JobRequest {
    let command = CommandLine::Script(script.to_owned());
    JobRequest { mode: Some(Mode::Direct), ..JobRequest::command(command, Targets::Vms(vms.to_vec())) }
}

/// Follows a log with one cursor until it is complete.
pub async fn follow(engine: &Engine, key: TaskKey) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut watch = loop {
        if let Some(watch) = engine.watch_log(key).await.unwrap() {
            break watch;
        }
        tokio::task::yield_now().await;
    };
    loop {
        let window = engine.read_log(key, lines.len() as u64, 100).await.unwrap().unwrap();
        lines.extend(window.lines.iter().map(|line| String::from_utf8_lossy(line.text).into_owned()));
        if window.complete && lines.len() as u64 == window.total {
            return lines;
        }
        if lines.len() as u64 == window.total {
            // An error means that the log was closed meanwhile; the next read says so.
            let _closed = watch.changed().await;
        }
    }
}
