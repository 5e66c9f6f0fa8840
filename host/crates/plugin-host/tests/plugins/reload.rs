//! New versions while the host runs. No line is lost, doubled or reordered; what fails leaves the old version serving.

use std::time::{Duration, Instant};

use corral_domain::PluginState;

use crate::bench::{Bench, PATIENCE, guest, lines, manifest, texts, variant};

fn tagged(tag: &str, version: &str) -> String {
    manifest("f", "log-filter", &format!("[config]\ndefault = {{ tag = \"{tag}\" }}\n"))
        .replace("version = \"1.0.0\"", &format!("version = \"{version}\""))
}

/// Replaces a plugin as a careful person does: the whole file at once.
fn replace(bench: &Bench, manifest: &str, wasm: &[u8]) {
    let folder = bench.folder("f");
    for (name, bytes) in [("plugin.wasm", wasm), ("plugin.toml", manifest.as_bytes())] {
        let new = bench.dir.path().join(name);
        std::fs::write(&new, bytes).unwrap();
        std::fs::rename(&new, folder.join(name)).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_stream_moves_to_the_new_version_with_its_state_and_no_line_is_lost_or_doubled() {
    let bench = Bench::new();
    bench.put("f", &tagged("v1", "1.0.0"), &guest(true));
    let mut running = bench.start().await;
    running.until_state("f", PluginState::Active).await;
    let mut chain = running.chain().await;
    let (mut out, mut sent, mut moved) = (Vec::new(), 0, false);
    let end = Instant::now() + PATIENCE;
    while !moved || sent < 100_000 {
        let batch: Vec<String> = (sent..sent + 700).map(|n| format!("line {n}")).collect();
        sent += 700;
        out.extend(texts(&chain.process(lines(&batch)).await.unwrap()));
        if sent == 7_000 {
            replace(&running.bench, &tagged("v2", "2.0.0"), &variant(guest(true), "second"));
        }
        moved = out.last().unwrap().starts_with("v2");
        assert!(Instant::now() < end, "the stream never moved");
        tokio::task::yield_now().await;
    }
    assert_eq!(chain.plugins(), [("f".to_owned(), "2.0.0".to_owned())]);
    assert_eq!(out.len(), sent);
    let first_new = out.iter().position(|line| line.starts_with("v2")).unwrap();
    for (n, line) in out.iter().enumerate() {
        let tag = if n < first_new { "v1" } else { "v2" };
        // The count inside the filter goes on where the version before had left it.
        assert_eq!(line, &format!("{tag} {} line {n}", n + 1));
    }
    assert_eq!(running.info("f").unwrap().generation, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_handover_a_running_stream_ends_on_its_version_and_new_ones_begin_on_the_new() {
    let bench = Bench::new();
    bench.put("f", &tagged("v1", "1.0.0"), &guest(false));
    let mut running = bench.start().await;
    running.until_state("f", PluginState::Active).await;
    let mut chain = running.chain().await;
    assert_eq!(texts(&chain.process(lines(["a"])).await.unwrap()), ["v1 1 a"]);
    replace(&running.bench, &tagged("v2", "2.0.0"), &variant(guest(false), "second"));
    running.until("version 2", |running| running.info("f").filter(|info| info.version == "2.0.0")).await;
    assert_eq!(texts(&chain.process(lines(["b"])).await.unwrap()), ["v1 2 b"]);
    assert_eq!(texts(&running.chain().await.process(lines(["c"])).await.unwrap()), ["v2 1 c"]);
    assert_eq!(chain.plugins(), [("f".to_owned(), "1.0.0".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_refuses_the_state_leaves_the_stream_where_it_is() {
    let bench = Bench::new();
    bench.put("f", &tagged("v1", "1.0.0"), &guest(true));
    let mut running = bench.start().await;
    running.until_state("f", PluginState::Active).await;
    let mut chain = running.chain().await;
    assert_eq!(texts(&chain.process(lines(["a"])).await.unwrap()), ["v1 1 a"]);
    let refusing = tagged("v2", "2.0.0").replace("tag = ", "refuse = \"load\", tag = ");
    replace(&running.bench, &refusing, &variant(guest(true), "refusing"));
    running.until("version 2", |running| running.info("f").filter(|info| info.version == "2.0.0")).await;
    assert_eq!(texts(&chain.process(lines(["b", "c"])).await.unwrap()), ["v1 2 b", "v1 3 c"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_cannot_be_loaded_leaves_the_old_one_serving_and_says_why() {
    let bench = Bench::new();
    bench.put("f", &tagged("v1", "1.0.0"), &guest(true));
    let mut running = bench.start().await;
    running.until_state("f", PluginState::Active).await;
    let mut chain = running.chain().await;
    // Half a file first, as a slow copy leaves it, and then the whole.
    let whole = variant(guest(true), "second");
    std::fs::write(running.bench.folder("f").join("plugin.wasm"), &whole[..whole.len() / 2]).unwrap();
    let info =
        running.until("the failure is told", |running| running.info("f").filter(|info| !info.reason.is_empty())).await;
    assert_eq!((info.state, info.generation), (PluginState::Active, 1));
    assert!(info.reason.contains("the version before goes on") && info.reason.contains("cut off"), "{}", info.reason);
    assert_eq!(texts(&chain.process(lines(["a"])).await.unwrap()), ["v1 1 a"]);
    std::fs::write(running.bench.folder("f").join("plugin.wasm"), &whole).unwrap();
    let info = running.until("generation 2", |running| running.info("f").filter(|info| info.generation == 2)).await;
    assert_eq!(info.reason, "");
    assert_eq!(texts(&chain.process(lines(["b"])).await.unwrap()), ["v1 2 b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_vanishes_is_told_and_its_running_streams_end_in_peace() {
    let bench = Bench::new();
    bench.put("f", &tagged("v1", "1.0.0"), &guest(true));
    let mut running = bench.start().await;
    running.until_state("f", PluginState::Active).await;
    let mut chain = running.chain().await;
    assert_eq!(texts(&chain.process(lines(["a"])).await.unwrap()), ["v1 1 a"]);
    std::fs::remove_dir_all(running.bench.folder("f")).unwrap();
    running.until("it is gone", |running| running.info("f").is_none().then_some(())).await;
    assert_eq!(texts(&chain.process(lines(["b"])).await.unwrap()), ["v1 2 b"]);
    assert_eq!(running.chain().await.plugins(), []);
    // The whole folder of plugins may go and come back, too.
    let plugins = running.bench.dir.path().join("plugins");
    std::fs::remove_dir_all(&plugins).unwrap();
    std::fs::create_dir(&plugins).unwrap();
    running.bench.put("f", &tagged("v3", "3.0.0"), &guest(true));
    running.until_state("f", PluginState::Active).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_only_touched_is_not_a_reload() {
    let bench = Bench::new();
    bench.put("f", &tagged("v1", "1.0.0"), &guest(true));
    let mut running = bench.start().await;
    running.until_state("f", PluginState::Active).await;
    replace(&running.bench, &tagged("v1", "1.0.0"), &guest(true));
    replace(&running.bench, &tagged("v2", "2.0.0"), &guest(true));
    let info = running.until("version 2", |running| running.info("f").filter(|info| info.version == "2.0.0")).await;
    assert!(info.generation <= 3);
    let generation = info.generation;
    replace(&running.bench, &tagged("v2", "2.0.0"), &guest(true));
    tokio::time::sleep(Duration::from_millis(700)).await;
    assert_eq!(running.info("f").unwrap().generation, generation);
}

const READS: &str = "[[wants]]\ncapability = \"read-file\"\npath = \"templates\"\nmount = \"/templates\"\nreason = \"to read\"\n[limits]\ntime-per-call = \"60 s\"\n";

/// A version that can be told to wait in the middle of a call.
fn waiting(kind: &str, tag: &str, version: &str) -> String {
    manifest("f", kind, &format!("{READS}[config]\ndefault = {{ tag = \"{tag}\" }}\n"))
        .replace("version = \"1.0.0\"", &format!("version = \"{version}\""))
}

/// Until a guest says that it waits in the middle of a call.
async fn until_inside(running: &crate::bench::Running) {
    let end = Instant::now() + PATIENCE;
    while !running.host.log("f").unwrap().iter().any(|entry| entry.text == "at the gate") {
        assert!(Instant::now() < end, "the call never began");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

async fn until_version(running: &mut crate::bench::Running, version: &str) {
    let serves = |running: &crate::bench::Running| running.info("f").filter(|info| info.version == version);
    running.until(&format!("version {version}"), serves).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_is_in_the_filter_ends_on_its_version_and_the_next_begins_on_the_new() {
    let mut bench = Bench::new();
    bench.grant("f", &["read-file:templates"]);
    bench.put("f", &waiting("log-filter", "v1", "1.0.0"), &guest(true));
    let mut running = bench.start().await;
    running.until_state("f", PluginState::Active).await;
    let mut chain = running.chain().await;
    assert_eq!(texts(&chain.process(lines(["a"])).await.unwrap()), ["v1 1 a"]);
    let inside = tokio::spawn(async move {
        let out = chain.process(lines(["b", "!gate"])).await.unwrap();
        (chain, out)
    });
    until_inside(&running).await;
    replace(&running.bench, &waiting("log-filter", "v2", "2.0.0"), &variant(guest(true), "second"));
    until_version(&mut running, "2.0.0").await;
    assert!(!inside.is_finished(), "the call is still in the old version, and the new one serves already");
    std::fs::write(running.bench.templates().join("open"), "").unwrap();
    let (mut chain, out) = inside.await.unwrap();
    assert_eq!(texts(&out), ["v1 2 b", "v1"]);
    assert_eq!(texts(&chain.process(lines(["c"])).await.unwrap()), ["v2 4 c"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rendering_that_is_in_flight_ends_on_its_version_and_nobody_waits_for_it() {
    use corral_engine::ports::Plugins;
    let mut bench = Bench::new();
    std::fs::write(bench.templates().join("one"), "A title").unwrap();
    bench.grant("f", &["read-file:templates"]);
    bench.put("f", &waiting("command-template", "v1", "1.0.0"), &guest(false));
    let mut running = bench.start().await;
    running.until_state("f", PluginState::Active).await;
    let template = running.until("it offers", |running| running.offers.get("f")?.templates.first().cloned()).await;
    let (host, asked) = (running.host.clone(), template.clone());
    let args = serde_json::json!({"word": "!gate"});
    let inside = tokio::spawn(async move { host.render(&asked, &args, &[crate::bench::vm("web-1")]).await });
    until_inside(&running).await;
    replace(&running.bench, &waiting("command-template", "v2", "2.0.0"), &variant(guest(false), "second"));
    until_version(&mut running, "2.0.0").await;
    assert!(!inside.is_finished(), "the call is still in the old version: {:?}", inside.await);
    std::fs::write(running.bench.templates().join("open"), "").unwrap();
    let said = inside.await.unwrap().unwrap()[0].command.to_shell();
    assert!(said.contains("v1"), "{said}");
    let args = serde_json::json!({"word": "!tag"});
    let said = running.host.render(&template, &args, &[crate::bench::vm("web-1")]).await.unwrap()[0].command.to_shell();
    assert!(said.contains("v2"), "what comes after goes to the new version: {said}");
}
