//! A plugin host over temporary folders, with some plugins in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use corral_domain::{
    FilterChoice, JobId, NewVm, OutputStream, PluginInfo, PluginState, SystemClock, Timestamp, Vm, VmId,
};
use corral_engine::ports::{FilterChain, PluginNotice, Plugins as _, StreamInfo};
use corral_plugin_host::{PluginFolder, PluginHost, PluginHostConfig};
use tokio::sync::mpsc;

/// The plugin that does nothing but look at every line.
pub const KEEP_ALL: &str = "keep-all";
/// Longest that anything takes.
const LIMIT: Duration = Duration::from_secs(120);

/// A host that runs.
pub struct Site {
    /// It.
    pub host: Arc<PluginHost>,
    notices: mpsc::Receiver<PluginNotice>,
    dir: tempfile::TempDir,
}

impl Site {
    /// Copies plugins and starts a host on the copies.
    pub async fn start(ids: &[&str]) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("corral-bench-").tempdir()?;
        for id in ids {
            copy(&crate::built(id), &dir.path().join("plugins").join(id))?;
        }
        let mut config = PluginHostConfig::new(dir.path().join("cache"), dir.path().join("data"));
        config.folders.push(PluginFolder { path: dir.path().join("plugins"), bundled: true });
        let (host, notices) = PluginHost::start(config, Arc::new(SystemClock)).await?;
        let mut site = Self { host, notices, dir };
        for id in ids {
            site.until(|info| info.id == *id && info.state == PluginState::Active).await?;
        }
        Ok(site)
    }

    /// Waits until this is true of a plugin; how long that took.
    pub async fn until(&mut self, seen: impl Fn(&PluginInfo) -> bool) -> Result<Duration> {
        let begun = Instant::now();
        while !self.host.infos().iter().any(&seen) {
            match tokio::time::timeout(LIMIT, self.notices.recv()).await {
                Ok(Some(_)) => {}
                _ => bail!("waited in vain; the host tells {:#?}", self.host.infos()),
            }
        }
        Ok(begun.elapsed())
    }

    /// What is told of a plugin.
    pub fn info(&self, id: &str) -> Result<PluginInfo> {
        self.host.infos().into_iter().find(|info| info.id == id).with_context(|| format!("no plugin `{id}`"))
    }

    /// The folder of a plugin.
    pub fn folder(&self, id: &str) -> PathBuf {
        self.dir.path().join("plugins").join(id)
    }

    /// Bytes of all compiled code.
    pub fn compiled_bytes(&self) -> Result<u64> {
        let files = std::fs::read_dir(self.dir.path().join("cache"))?;
        files.map(|file| Ok(file?.metadata()?.len())).sum()
    }

    /// Takes all compiled code away.
    pub fn forget_compiled(&self) -> Result<()> {
        for file in std::fs::read_dir(self.dir.path().join("cache"))? {
            std::fs::remove_file(file?.path())?;
        }
        Ok(())
    }

    /// A stream that goes through some filters.
    pub async fn stream(&self, with: &[&str]) -> Result<Box<dyn FilterChain>> {
        let all = self.host.infos().into_iter().map(|info| info.id);
        let without = all.filter(|id| !with.contains(&id.as_str())).collect();
        let filters = FilterChoice { with: with.iter().map(ToString::to_string).collect(), without };
        let vm: VmId = "01890000-0000-7000-8000-000000000001".parse()?;
        let vm = Vm::new(vm, NewVm::ssh("web-1", "127.0.0.1", 22, "root"), Timestamp::from_millis(0));
        let job: JobId = "01890000-0000-7000-8000-000000000002".parse()?;
        let info = StreamInfo { job, template: None, vm: Arc::new(vm), stream: OutputStream::Stdout, filters };
        Ok(self.host.open_filters(info).await?)
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    let entries = std::fs::read_dir(from).with_context(|| format!("{}; run it by xtask", from.display()))?;
    for entry in entries {
        let entry = entry?;
        std::fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}
