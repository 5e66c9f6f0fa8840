//! A filter is replaced while lines go through it.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use corral_tests::fleet::Fleet;
use corral_tests::guests::{self, put, variant};
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

/// Lines of the long stream.
const MILLION: u64 = 1_000_000;
/// How often its filter is replaced.
const VERSIONS: u64 = 100;
/// Components that take turns: how long compiling takes is not what is tested.
const COMPONENTS: u64 = 4;

/// A version that writes its number and its count of lines before each line.
fn version(number: u64) -> String {
    format!(
        "id = \"counting\"\nname = \"Counting\"\nversion = \"{number}.0.0\"\napi = \"0.1\"\nprovides = [\"log-filter\"]\n\
         [filter]\norder = 900\n[config]\ndefault = {{ tag = \"v{number}\" }}\n"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_million_lines_of_a_real_machine_none_is_lost_doubled_or_moved_by_a_hundred_new_versions() -> Result<()> {
    let _machine = shared().await;
    let fleet = Fleet::start(1).await?;
    let site = Site::new()?;
    let plugins = site.dir("plugins")?;
    let folder = plugins.join("counting");
    let component = guests::guest_that_hands_over()?;
    let components: Vec<_> = (0..COMPONENTS).map(|number| variant(&component, number)).collect();
    put(&folder, &version(0), &components[0])?;
    let site = site.with_args(&["--plugins", &plugins.to_string_lossy()]);
    let host = site.start()?;
    let client = site.client(&host)?;
    let vms = fleet.add_all(&client).await?;
    client.plugins_settled(LONG).await?;
    let mut socket = client.socket().await?;
    socket.subscribe_state(SOON).await?;

    // A hundredth of the lines flows while a version is replaced; the next hundredth waits until that serves.
    let gates = site.dir("gates")?;
    let script = format!(
        "n=0; while [ $n -lt {VERSIONS} ]; do seq $((n * {part} + 1)) $((n * {part} + {part})); n=$((n+1)); \
         while [ ! -e {gates}/$n ]; do sleep 0.01; done; done",
        part = MILLION / VERSIONS,
        gates = gates.display()
    );
    let job = client.run(&script, &vms).await?;
    client.job_when(&job, SOON, |job| job["tasks"][0]["lines"].as_u64().is_some_and(|lines| lines > 0)).await?;
    for number in 1..=VERSIONS {
        put(&folder, &version(number), &components[(number % COMPONENTS) as usize])?;
        let serves = |event: &serde_json::Value| {
            event["type"] == "plugin-loaded"
                && event["plugin"]["id"] == "counting"
                && event["plugin"]["version"] == format!("{number}.0.0")
                && event["plugin"]["reason"] == ""
        };
        socket.event_when(LONG, serves).await.with_context(|| format!("version {number}"))?;
        std::fs::write(gates.join(number.to_string()), "")?;
    }
    let done = client.finished(&job, LONG).await?;
    ensure!(done["status"] == "succeeded", "{done}");

    let (mut count, mut before) = (0, 0);
    for text in client.texts(&job, &vms[0]).await? {
        count += 1;
        let (tag, rest) = text.split_once(' ').context("no version before the line")?;
        let through: u64 = tag.strip_prefix('v').context("no version before the line")?.parse()?;
        // The count is the filter's own: it has gone from version to version.
        ensure!(rest == format!("{count} {count}"), "line {count} is `{text}`");
        ensure!(through >= before, "line {count} went through version {through} after one that went through {before}");
        before = through;
    }
    ensure!(count == MILLION, "there are {count} lines");
    ensure!(before >= VERSIONS - 1, "the last line went through version {before}");
    Ok(())
}
