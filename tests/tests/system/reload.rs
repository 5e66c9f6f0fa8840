//! A filter is replaced while lines go through it.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use corral_tests::fleet::Fleet;
use corral_tests::host::{Site, built_plugins};

use crate::{LONG, SOON, shared};

const ID: &str = "redact-again";
const LINES: usize = 60_000;
const REPLACEMENTS: u64 = 3;

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_replaced_during_a_running_job_neither_loses_nor_doubles_a_line() -> Result<()> {
    let _machine = shared().await;
    let fleet = Fleet::start(2).await?;
    let site = Site::new()?;
    let plugins = site.dir("plugins")?;
    let component = place_copy_of_redact(&plugins.join(ID))?;
    let site = site.with_args(&["--plugins", &plugins.to_string_lossy()]);
    let host = site.start()?;
    let client = site.client(&host)?;
    let vms = fleet.add_all(&client).await?;
    let mut socket = client.socket().await?;
    socket.subscribe_state(SOON).await?;

    // Slow enough that all replacements happen while it writes: it waits for a file that comes after the last one.
    let gate = site.path("gate");
    let script = format!(
        "i=0; while [ $i -lt {LINES} ]; do i=$((i+1)); echo \"line $i password=hunter$i\"; \
         if [ $i -eq {} ]; then while [ ! -e {} ]; do echo waiting; sleep 0.02; done; fi; done",
        LINES / 2,
        gate.display()
    );
    let job = client.run(&script, &vms).await?;
    client.job_when(&job, SOON, |job| job["tasks"][0]["lines"].as_u64().is_some_and(|lines| lines > 0)).await?;
    for replacement in 1..=REPLACEMENTS {
        replace(&plugins.join(ID).join("plugin.wasm"), &variant(&component, replacement))?;
        let loaded = |event: &serde_json::Value| {
            event["type"] == "plugin-loaded"
                && event["plugin"]["id"] == ID
                && event["plugin"]["state"] == "active"
                && event["plugin"]["generation"].as_u64() > Some(replacement)
        };
        socket.event_when(SOON, loaded).await.with_context(|| format!("replacement {replacement}"))?;
    }
    std::fs::write(&gate, "")?;
    let done = client.finished(&job, LONG).await?;
    ensure!(done["status"] == "succeeded", "{done}");

    for vm in &vms {
        let texts = client.texts(&job, vm).await?;
        let mut at = 0;
        for text in texts.iter().filter(|text| *text != "waiting") {
            at += 1;
            ensure!(text.starts_with(&format!("line {at} password=")), "line {at} of {vm} is `{text}`");
            ensure!(!text.contains("hunter"), "a secret went through while the filter was replaced: `{text}`");
        }
        ensure!(at == LINES, "{vm} has {at} lines");
    }
    Ok(())
}

/// The bundled filter once more, under another id, in a folder that the host watches. Returns the component.
fn place_copy_of_redact(folder: &Path) -> Result<Vec<u8>> {
    let built = built_plugins()?.join("redact");
    std::fs::create_dir_all(folder)?;
    for entry in std::fs::read_dir(&built)? {
        let entry = entry?;
        std::fs::copy(entry.path(), folder.join(entry.file_name()))?;
    }
    let manifest = std::fs::read_to_string(built.join("plugin.toml"))?;
    let renamed: Vec<String> = manifest
        .lines()
        .map(|line| {
            if line.starts_with("id ") || line.starts_with("id=") { format!("id = \"{ID}\"") } else { line.to_owned() }
        })
        .collect();
    std::fs::write(folder.join("plugin.toml"), renamed.join("\n"))?;
    Ok(std::fs::read(built.join("plugin.wasm"))?)
}

/// The same component with a custom section more: other bytes, same meaning, as a new build would give.
fn variant(component: &[u8], number: u64) -> Vec<u8> {
    let payload = [b"\x07variant".as_slice(), &number.to_le_bytes()].concat();
    let size = u8::try_from(payload.len()).expect("a short section");
    [component, &[0, size], &payload].concat()
}

/// Written over, as `cp` does: the host sees it half-written and must wait for the rest.
fn replace(path: &Path, bytes: &[u8]) -> Result<()> {
    use std::io::Write;
    let mut file = std::fs::File::create(path)?;
    for piece in bytes.chunks(64 * 1024) {
        file.write_all(piece)?;
        file.flush()?;
    }
    Ok(())
}
