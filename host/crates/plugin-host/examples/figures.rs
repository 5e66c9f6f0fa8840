//! Prints how long the plugin host takes: `cargo run --release -p corral-plugin-host --example figures -- FOLDER`, where
//! FOLDER holds plugins (`target/plugins`). Copies them first; nothing outside a temporary folder is written.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use corral_domain::{
    JobId, LineHead, Lines, NewVm, OutputStream, PluginInfo, PluginState, SystemClock, Timestamp, Vm, VmId,
};
use corral_engine::ports::{Plugins, StreamInfo};
use corral_plugin_host::{PluginFolder, PluginHost, PluginHostConfig};

const BATCHES: u32 = 2_000;
const LINES: usize = 256;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let from = std::env::args().nth(1).unwrap_or_else(|| "target/plugins".into());
    let dir = tempfile::tempdir()?;
    let plugins = dir.path().join("plugins");
    copy(Path::new(&from), &plugins)?;
    let mut config = PluginHostConfig::new(dir.path().join("cache"), dir.path().join("data"));
    config.folders.push(PluginFolder { path: plugins.clone(), bundled: true });
    config.timing.settle = Duration::from_secs(60);

    for round in ["compiled", "cached"] {
        let begun = Instant::now();
        let (host, _notices) = PluginHost::start(config.clone(), Arc::new(SystemClock)).await?;
        let took = begun.elapsed();
        println!("start, {} plugins, {round}: {took:?}", host.infos().len());
        for info in host.infos() {
            println!("  {} {} {:?} {}", info.id, info.version, info.state, info.reason);
        }
        host.stop().await;
    }

    let (host, _notices) = PluginHost::start(config, Arc::new(SystemClock)).await?;
    filter(&host).await?;
    reload(&host, &plugins).await?;
    host.stop().await;
    Ok(())
}

async fn filter(host: &PluginHost) -> Result<(), Box<dyn std::error::Error>> {
    let vm: VmId = "01890000-0000-7000-8000-000000000001".parse()?;
    let job: JobId = "01890000-0000-7000-8000-000000000002".parse()?;
    let vm = Arc::new(Vm::new(vm, NewVm::ssh("web-1", "127.0.0.1", 22, "root"), Timestamp::from_millis(0)));
    let mut chain = host
        .open_filters(StreamInfo {
            job,
            template: None,
            vm,
            stream: OutputStream::Stdout,
            filters: corral_domain::FilterChoice::default(),
        })
        .await?;
    let head = LineHead { at: Timestamp::from_millis(1), stream: OutputStream::Stdout, partial: false };
    let mut lines = Lines::default();
    for number in 0..LINES {
        let text = format!(
            "2026-01-01T00:00:00Z info request {number} GET /index.html took 12 ms from 10.0.0.{}",
            number % 250
        );
        lines.push(head, text.as_bytes());
    }
    let begun = Instant::now();
    chain.process(lines.clone()).await?;
    println!("filters {:?}, first batch of {LINES}, instances made: {:?}", chain.plugins(), begun.elapsed());
    let begun = Instant::now();
    for _ in 0..BATCHES {
        chain.process(lines.clone()).await?;
    }
    let each = begun.elapsed() / BATCHES;
    println!("a batch of {LINES} lines: {each:?}, a line: {} ns", each.as_nanos() / LINES as u128);
    Ok(())
}

async fn reload(host: &PluginHost, plugins: &Path) -> Result<(), Box<dyn std::error::Error>> {
    let Some(PluginInfo { id, generation, .. }) =
        host.infos().into_iter().find(|info| info.state == PluginState::Active)
    else {
        return Ok(());
    };
    let manifest = plugins.join(&id).join("plugin.toml");
    let text = std::fs::read_to_string(&manifest)?;
    let begun = Instant::now();
    std::fs::write(&manifest, format!("{text}\n# changed\n"))?;
    while host.infos().iter().any(|info| info.id == id && info.generation == generation) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    println!("{id}: file written to new version serving, cached code: {:?}", begun.elapsed());
    Ok(())
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
