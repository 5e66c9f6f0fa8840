//! Filters that fail while output goes through them: lines wait, pass, or the task ends, as the filter's manifest says; and of a secret on
//! which a filter choked nothing is anywhere.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use corral_tests::bench::process::{forget_peak, peak};
use corral_tests::client::{Client, Socket};
use corral_tests::fleet::Fleet;
use corral_tests::guests::{self, put};
use corral_tests::host::{Host, Site};
use serde_json::{Value, json};

use crate::{LONG, SOON, shared};

const ID: &str = "choking";
/// Lines after the one that the filter chokes on: far more than the host may keep in memory.
const FLOOD: u64 = 3_000_000;
/// Bytes of each of them.
const LINE_BYTES: u64 = 100;
/// What the host's memory may grow by while it holds: it keeps megabytes, and the flood is three hundred.
const GROWTH_MAX: u64 = 100 << 20;
/// All that the host and its libraries say, but for the compiler of plugins, which says gigabytes.
const TALKATIVE: &str = "trace,cranelift=info,wasmtime=info,regalloc2=info";
/// How often the command's progress is looked at, and how often it must have been the same to count as standing still.
const LOOK: Duration = Duration::from_millis(100);
const STILL: usize = 10;

struct Setting {
    client: Client,
    socket: Socket,
    vms: Vec<String>,
    host: Host,
    site: Site,
    plugins: PathBuf,
    /// A component that does not choke.
    sound: Vec<u8>,
    _fleet: Fleet,
}

fn manifest(version: u64, policy: &str) -> String {
    format!(
        "id = \"{ID}\"\nname = \"Choking\"\nversion = \"{version}.0.0\"\napi = \"0.1\"\nprovides = [\"log-filter\"]\n\
         [failure]\npolicy = \"{policy}\"\n"
    )
}

/// A host with a filter that chokes on the lines that say so.
async fn setting(policy: &str) -> Result<Setting> {
    let fleet = Fleet::start(1).await?;
    let site = Site::new()?.with_env("RUST_LOG", TALKATIVE);
    let plugins = site.dir("plugins")?;
    let (sound, choking) = (guests::keep_all()?, guests::guest_that_hands_over()?);
    put(&plugins.join(ID), &manifest(1, policy), &choking)?;
    let site = site.with_args(&["--plugins", &plugins.to_string_lossy()]);
    let host = site.start()?;
    let client = site.client(&host)?;
    let vms = fleet.add_all(&client).await?;
    client.plugins_settled(LONG).await?;
    let mut socket = client.socket().await?;
    socket.subscribe_state(SOON).await?;
    Ok(Setting { client, socket, vms, host, site, plugins, sound, _fleet: fleet })
}

impl Setting {
    async fn until_state(&mut self, state: &str) -> Result<Value> {
        let has = |event: &Value| event["plugin"]["id"] == ID && event["plugin"]["state"] == state;
        self.socket.event_when(LONG, has).await.with_context(|| format!("the filter is {state}"))
    }

    async fn run(&self, script: &str) -> Result<String> {
        // On the bare channel, so that a host which does not read is felt by the command itself.
        let job = json!({"command": {"script": script}, "targets": {"vms": self.vms}, "mode": "direct"});
        self.client.start_job(&job).await
    }
}

/// What a command has told of its progress, once it stands still.
async fn stands_still(progress: &Path) -> Result<u64> {
    let end = tokio::time::Instant::now() + LONG;
    let (mut last, mut same) = (0, 0);
    while same < STILL {
        ensure!(tokio::time::Instant::now() < end, "it goes on and on: {last}");
        tokio::time::sleep(LOOK).await;
        let now = std::fs::read_to_string(progress).unwrap_or_default().trim().parse().unwrap_or(last);
        same = if now == last && now > 0 { same + 1 } else { 0 };
        last = now;
    }
    Ok(last)
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_filter_is_down_lines_wait_and_the_command_with_them_until_it_is_mended() -> Result<()> {
    let _machine = shared().await;
    let mut setting = setting("hold").await?;
    let progress = setting.site.path("progress");
    // awk writes how far it is before it writes on; what it has written and nobody read stands in the buffers between.
    let script = format!(
        "seq 10; echo '!trap'; awk 'BEGIN {{ for (n = 1; n <= {FLOOD}; n++) {{ printf \"%0{LINE_BYTES}d\\n\", n; \
         if (n % 10000 == 0) {{ print n > \"{p}\"; close(\"{p}\") }} }} }}'",
        p = progress.display()
    );
    let job = setting.run(&script).await?;
    setting.until_state("quarantined").await?;
    forget_peak(setting.host.ready.pid)?;
    let before = setting.host.resident_bytes()?;
    let read = stands_still(&progress).await?;
    let held = peak(setting.host.ready.pid)?;
    ensure!(read < FLOOD / 2, "the command wrote {read} of {FLOOD} lines although nobody could take them");
    ensure!(held < before + GROWTH_MAX, "the host holds {} MB more", (held - before) >> 20);
    let texts = setting.client.texts(&job, &setting.vms[0]).await?;
    ensure!(texts.len() <= 10 && texts.iter().all(|text| !text.starts_with('!')), "stored unfiltered: {texts:?}");

    // Another version, which does not choke.
    put(&setting.plugins.join(ID), &manifest(2, "hold"), &setting.sound)?;
    let done = setting.client.finished(&job, LONG).await?;
    ensure!(done["status"] == "succeeded", "{done}");
    let stored = &done["tasks"][0]["lines"];
    ensure!(*stored == json!(10 + 1 + FLOOD), "stored are {stored} lines");
    let log = format!("/api/jobs/{job}/tasks/{}/log?from={}&count=1", setting.vms[0], 10 + FLOOD);
    let last = setting.client.get(&log).await?.ok()?;
    ensure!(last.to_string().contains(&format!("{FLOOD:0100}")), "the last line is {last}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_may_be_passed_by_is_and_no_line_is_lost_for_it() -> Result<()> {
    let _machine = shared().await;
    let setting = setting("pass-through").await?;
    let job = setting.run("seq 1 1000; echo '!trap'; seq 1001 20000").await?;
    let done = setting.client.finished(&job, LONG).await?;
    ensure!(done["status"] == "succeeded", "{done}");
    let texts = setting.client.texts(&job, &setting.vms[0]).await?;
    let numbers = (1..=1_000).map(|n| n.to_string());
    let expected: Vec<_> = numbers.chain(["!trap".to_owned()]).chain((1_001..=20_000).map(|n| n.to_string())).collect();
    ensure!(texts == expected, "{} lines, {:?}", texts.len(), texts.last());
    // It serves again by now; its log still says what was.
    let told = setting.client.get(&format!("/api/plugins/{ID}/logs")).await?.ok()?.to_string();
    ensure!(told.contains("filtering a batch trapped: "), "{told}");
    Ok(())
}

/// Whether bytes have a text in them. Looks for its first byte before it compares: the host says much when it traces.
fn has(bytes: &[u8], text: &[u8]) -> bool {
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| *byte == text[0]) {
        if rest[at..].starts_with(text) {
            return true;
        }
        rest = &rest[at + 1..];
    }
    false
}

/// Files below a folder that have a text in them.
fn files_with(folder: &Path, text: &[u8]) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files_with(&path, text)?);
        } else if path.is_file() && has(&std::fs::read(&path)?, text) {
            found.push(path);
        }
    }
    Ok(found)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_secret_on_which_a_filter_choked_nothing_is_stored_sent_or_told() -> Result<()> {
    let _machine = shared().await;
    let mut setting = setting("fail-job").await?;
    // Put together on the machine, so that it stands in no command; the filter's panic quotes the line that it could not read.
    let secret = format!("sesame-{}-q7Zr2Kx9", std::process::id());
    let (first, second) = secret.split_at(8);
    let job = setting.run(&format!("seq 5; sleep 0.2; echo '!leak {first}''{second}'; seq 6 2000")).await?;
    let mut log = setting.client.socket().await?;
    log.subscribe_log(1, &job, &setting.vms[0]).await?;
    let done = setting.client.finished(&job, LONG).await?;
    ensure!(done["status"] == "failed", "{done}");
    let task = done["tasks"][0].to_string();
    ensure!(task.contains(ID) && task.contains("nothing is stored unfiltered"), "{task}");
    ensure!(task.contains("panicked at "), "the place of the panic is told: {task}");
    let event = setting.until_state("failing").await?;
    ensure!(event["plugin"]["reason"].as_str().is_some_and(|reason| reason.contains("panicked at ")), "{event}");
    let sent = log.read_log(1, SOON).await?;
    ensure!(sent.iter().all(|line| !line.windows(secret.len()).any(|window| window == secret.as_bytes())), "sent");

    let plugin = format!("/api/plugins/{ID}");
    for path in [
        "/api/jobs".to_owned(),
        format!("/api/jobs/{job}"),
        format!("/api/jobs/{job}/tasks/{}/log", setting.vms[0]),
        "/api/events?since=0".to_owned(),
        "/api/plugins".to_owned(),
        format!("{plugin}/logs"),
        format!("{plugin}/history"),
        plugin,
    ] {
        let told = setting.client.get(&path).await?.ok()?.to_string();
        ensure!(!told.contains(&secret), "{path} tells it: {told}");
    }
    setting.host.stop()?;
    let everything = setting.site.path("");
    ensure!(!files_with(&everything, b"panicked at ")?.is_empty(), "the search finds what there is to be found");
    let kept = files_with(&everything, secret.as_bytes())?;
    ensure!(kept.is_empty(), "kept in {kept:?}");
    Ok(())
}
