//! A plugin host over temporary folders, and the guests that it runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use corral_domain::{
    Auth, JobId, LineHead, Lines, NewVm, OutputStream, PluginInfo, PluginState, SystemClock, Timestamp, Vm, VmId,
};
use corral_engine::ports::{FilterChain, PluginNotice, Plugins, StreamInfo};
use corral_plugin_host::{PluginFolder, PluginHost, PluginHostConfig};
use tokio::sync::mpsc;

/// Longest that a test waits for anything.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The guest that misbehaves on demand, with or without `handover`.
pub fn guest(handover: bool) -> Vec<u8> {
    static BUILT: OnceLock<[Vec<u8>; 2]> = OnceLock::new();
    BUILT.get_or_init(|| [build(false), build(true)])[usize::from(handover)].clone()
}

fn build(handover: bool) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).canonicalize().unwrap().join("../../..");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from);
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(&root).args(["build", "--quiet", "--target", "wasm32-wasip2", "--profile", "plugin"]);
    cargo.args(["-p", "corral-test-guests"]);
    if handover {
        cargo.args(["--features", "handover"]);
    }
    // What this test's own build set must not reach into that one.
    for name in ["RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS", "RUSTC_WRAPPER", "LLVM_PROFILE_FILE"] {
        cargo.env_remove(name);
    }
    assert!(cargo.status().unwrap().success(), "the guests could not be built");
    std::fs::read(target.join("wasm32-wasip2/plugin/corral_test_guests.wasm")).unwrap()
}

/// The same component with another digest: a custom section at its end.
pub fn variant(mut wasm: Vec<u8>, name: &str) -> Vec<u8> {
    let length = u8::try_from(name.len()).unwrap();
    wasm.extend([0, length + 1, length]);
    wasm.extend(name.as_bytes());
    wasm
}

/// A manifest with `more` at its end.
pub fn manifest(id: &str, kind: &str, more: &str) -> String {
    format!("id = \"{id}\"\nname = \"Test\"\nversion = \"1.0.0\"\napi = \"0.1\"\nprovides = [\"{kind}\"]\n{more}\n")
}

/// Limits that are reached soon.
pub const TIGHT: &str = "[limits]\nmemory = \"16 MiB\"\ncpu-per-call = \"100 ms\"\ntime-per-call = \"2 s\"\n";

/// A plugin host to be started, and its folders.
pub struct Bench {
    /// Everything lies below.
    pub dir: tempfile::TempDir,
    /// What it is started with.
    pub config: PluginHostConfig,
}

/// A started plugin host.
pub struct Running {
    /// It.
    pub host: Arc<PluginHost>,
    /// What it tells.
    pub notices: mpsc::Receiver<PluginNotice>,
    /// The last offer of each plugin that it told of.
    pub offers: BTreeMap<String, corral_domain::PluginTemplates>,
    /// Keeps the folders.
    pub bench: Bench,
}

impl Bench {
    /// Folders with nothing in them.
    pub fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = PluginHostConfig::new(dir.path().join("cache"), dir.path().join("data"));
        for folder in ["plugins", "templates"] {
            std::fs::create_dir(dir.path().join(folder)).unwrap();
        }
        config.folders.push(PluginFolder { path: dir.path().join("plugins"), bundled: false });
        config.mounts.insert("templates".into(), vec![dir.path().join("templates")]);
        config.home = Some(dir.path().join("home"));
        config.local_user = "me".into();
        config.default_auth = Auth::Agent;
        config.timing.hold = Duration::from_secs(2);
        config.timing.backoff = Duration::from_millis(10);
        config.timing.debounce = Duration::from_millis(30);
        config.timing.rescan = Duration::from_millis(500);
        // Compiled once for all tests of this run.
        config.cache_dir = shared_cache();
        Self { dir, config }
    }

    /// Puts a plugin into the folder.
    pub fn put(&self, id: &str, manifest: &str, wasm: &[u8]) -> &Self {
        let folder = self.folder(id);
        std::fs::create_dir_all(&folder).unwrap();
        // The component first: a manifest makes a folder a plugin.
        std::fs::write(folder.join("plugin.wasm"), wasm).unwrap();
        std::fs::write(folder.join("plugin.toml"), manifest).unwrap();
        self
    }

    /// Where a plugin lies.
    pub fn folder(&self, id: &str) -> PathBuf {
        self.dir.path().join("plugins").join(id)
    }

    /// Where templates lie.
    pub fn templates(&self) -> PathBuf {
        self.dir.path().join("templates")
    }

    /// Grants a plugin something.
    pub fn grant(&mut self, id: &str, grants: &[&str]) -> &mut Self {
        let settings = self.config.plugins.entry(id.into()).or_default();
        settings.grant = Some(grants.iter().map(|grant| grant.parse().unwrap()).collect());
        self
    }

    /// Starts.
    pub async fn start(self) -> Running {
        let (host, notices) = PluginHost::start(self.config.clone(), Arc::new(SystemClock)).await.unwrap();
        Running { host, notices, offers: BTreeMap::new(), bench: self }
    }
}

fn shared_cache() -> PathBuf {
    static CACHE: OnceLock<tempfile::TempDir> = OnceLock::new();
    CACHE.get_or_init(|| tempfile::tempdir().unwrap()).path().join("cache")
}

impl Running {
    /// Waits until something is true of what the host tells.
    pub async fn until<R>(&mut self, what: &str, mut seen: impl FnMut(&Self) -> Option<R>) -> R {
        let end = tokio::time::Instant::now() + PATIENCE;
        loop {
            if let Some(found) = seen(self) {
                return found;
            }
            match tokio::time::timeout_at(end, self.notices.recv()).await {
                Ok(Some(PluginNotice::Templates { plugin, offer })) => drop(self.offers.insert(plugin, offer)),
                Ok(Some(_)) => {}
                Ok(None) => panic!("the host ended while waiting: {what}"),
                Err(elapsed) => panic!("waited too long ({elapsed}): {what}; it tells {:#?}", self.host.infos()),
            }
        }
    }

    /// Waits until a plugin has a state.
    pub async fn until_state(&mut self, id: &str, state: PluginState) -> PluginInfo {
        self.until(&format!("{id} is {state:?}"), |running| running.info(id).filter(|info| info.state == state)).await
    }

    /// What is told of a plugin now.
    pub fn info(&self, id: &str) -> Option<PluginInfo> {
        self.host.infos().into_iter().find(|info| info.id == id)
    }

    /// A chain over a stream.
    pub async fn chain(&self) -> Box<dyn FilterChain> {
        self.host.open_filters(stream()).await.unwrap()
    }
}

/// A machine.
pub fn vm(name: &str) -> Arc<Vm> {
    let id: VmId = "01890000-0000-7000-8000-000000000001".parse().unwrap();
    Arc::new(Vm::new(id, NewVm::ssh(name, "127.0.0.1", 22, "root"), Timestamp::from_millis(0)))
}

/// A stream.
pub fn stream() -> StreamInfo {
    let job: JobId = "01890000-0000-7000-8000-000000000002".parse().unwrap();
    StreamInfo {
        job,
        template: None,
        vm: vm("web-1"),
        stream: OutputStream::Stdout,
        filters: corral_domain::FilterChoice::default(),
    }
}

/// Lines.
pub fn lines<T: AsRef<[u8]>>(texts: impl IntoIterator<Item = T>) -> Lines {
    let mut lines = Lines::default();
    for text in texts {
        let head = LineHead { at: Timestamp::from_millis(1), stream: OutputStream::Stdout, partial: false };
        lines.push(head, text.as_ref());
    }
    lines
}

/// Their texts.
pub fn texts(lines: &Lines) -> Vec<String> {
    lines.iter().map(|line| String::from_utf8_lossy(line.text).into_owned()).collect()
}
