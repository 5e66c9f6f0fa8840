//! Files that are no files, are without end, lie elsewhere, or are made to be expensive. Each is refused with a reason and what to do,
//! before it costs anything; the others serve meanwhile, and what was mended serves too.

use std::fs::File;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::path::Path;

use corral_domain::PluginState;
use corral_engine::ports::Plugins;
use corral_plugin_host::PluginSettings;
use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::bench::{Bench, Running, guest, lines, manifest, texts};

/// Far more than there is memory: whoever reads it does not come back.
const ENDLESS: u64 = 1 << 42;
/// A component of a size that somebody could really have.
const LARGE: u64 = 200 << 20;

fn pipe(path: &Path) {
    mknodat(CWD, path, FileType::Fifo, Mode::from_raw_mode(0o644), 0).unwrap();
}

/// A file of that size without anything in it.
fn sparse(path: &Path, bytes: u64) {
    File::create(path).unwrap().set_len(bytes).unwrap();
}

/// A place for a plugin with a sound manifest and a sound component.
fn sound(bench: &Bench, id: &str) -> std::path::PathBuf {
    bench.put(id, &manifest(id, "log-filter", "[filter]\napply = \"asked\""), &guest(false));
    bench.folder(id)
}

/// The same without one of its files.
fn without(bench: &Bench, id: &str, file: &str) -> std::path::PathBuf {
    let path = sound(bench, id).join(file);
    std::fs::remove_file(&path).unwrap();
    path
}

/// A bench with a plugin that serves, come what may beside it.
fn with_a_good_one() -> Bench {
    let bench = Bench::new();
    bench.put("good", &manifest("good", "log-filter", "[config]\ndefault = { tag = \"good\" }"), &guest(false));
    bench
}

async fn told(running: &mut Running, id: &str, needle: &str) {
    let info = running.until_state(id, PluginState::Broken).await;
    assert!(info.reason.contains(needle), "{id}: {}", info.reason);
}

async fn the_good_one_serves(running: &mut Running) {
    running.until_state("good", PluginState::Active).await;
    assert_eq!(texts(&running.chain().await.process(lines(["x"])).await.unwrap()), ["good 1 x"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_large_is_refused_before_it_is_read() {
    let bench = with_a_good_one();
    sparse(&sound(&bench, "large").join("plugin.wasm"), LARGE);
    sparse(&sound(&bench, "endless").join("plugin.wasm"), ENDLESS);
    sparse(&sound(&bench, "manifest").join("plugin.toml"), ENDLESS);
    let long = format!("{}# {}\n", manifest("long", "log-filter", ""), "x".repeat(10 << 20));
    std::fs::write(sound(&bench, "long").join("plugin.toml"), long).unwrap();
    let schema = sound(&bench, "schema");
    let names_it = manifest("schema", "log-filter", "[config]\nschema = \"c.json\"");
    std::fs::write(schema.join("plugin.toml"), names_it).unwrap();
    sparse(&schema.join("c.json"), ENDLESS);
    // Nobody asks for what else lies there.
    let beside = sound(&bench, "beside");
    sparse(&beside.join("README.md"), ENDLESS);
    (0..1_000).for_each(|n| sparse(&beside.join(format!("{n}.json")), ENDLESS));
    let mut running = bench.start().await;
    for (id, needle) in [
        ("large", "plugin.wasm: it has 209715200 bytes; at most 64 MiB are read"),
        ("endless", "plugin.wasm: it has 4398046511104 bytes; at most 64 MiB are read"),
        ("manifest", "plugin.toml: it has 4398046511104 bytes; at most 64 KiB are read"),
        ("long", "plugin.toml: it has 104858"),
        ("schema", "c.json: it has 4398046511104 bytes; at most 256 KiB are read"),
    ] {
        told(&mut running, id, needle).await;
    }
    running.until_state("beside", PluginState::Active).await;
    the_good_one_serves(&mut running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_file_is_told_and_nobody_waits_for_it() {
    let bench = with_a_good_one();
    pipe(&without(&bench, "pipe", "plugin.wasm"));
    pipe(&without(&bench, "pipe-manifest", "plugin.toml"));
    std::fs::create_dir(without(&bench, "folder", "plugin.wasm")).unwrap();
    let _socket = UnixListener::bind(without(&bench, "socket", "plugin.wasm")).unwrap();
    let schema = sound(&bench, "pipe-schema");
    let names_it = manifest("pipe-schema", "log-filter", "[config]\nschema = \"c.json\"");
    std::fs::write(schema.join("plugin.toml"), names_it).unwrap();
    pipe(&schema.join("c.json"));
    without(&bench, "nothing", "plugin.wasm");
    let mut running = bench.start().await;
    for (id, needle) in [
        ("pipe", "plugin.wasm: it is not a regular file"),
        ("pipe-manifest", "plugin.toml: it is not a regular file"),
        ("folder", "plugin.wasm: it is not a regular file"),
        ("socket", "cannot read plugin.wasm: "),
        ("pipe-schema", "c.json: it is not a regular file"),
        ("nothing", "plugin.wasm: it is not there"),
    ] {
        told(&mut running, id, needle).await;
    }
    the_good_one_serves(&mut running).await;
    // Each serves as soon as the file itself lies there.
    let place = running.bench.folder("pipe-manifest").join("plugin.toml");
    std::fs::remove_file(&place).unwrap();
    std::fs::write(&place, manifest("pipe-manifest", "log-filter", "[filter]\napply = \"asked\"")).unwrap();
    running.until_state("pipe-manifest", PluginState::Active).await;
    running.host.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_out_of_the_folder_is_not_followed_and_shows_nothing_of_where_it_leads() {
    let bench = with_a_good_one();
    let outside = bench.dir.path().join("outside");
    std::fs::write(&outside, "root:hunter2:0:0\n").unwrap();
    symlink(&outside, without(&bench, "wasm", "plugin.wasm")).unwrap();
    symlink("../../outside", without(&bench, "toml", "plugin.toml")).unwrap();
    symlink("nowhere", without(&bench, "dangling", "plugin.toml")).unwrap();
    symlink("plugin.wasm", without(&bench, "loop", "plugin.wasm")).unwrap();
    symlink("../good/plugin.wasm", without(&bench, "neighbour", "plugin.wasm")).unwrap();
    // Within the folder links lead wherever they like: some deploy that way.
    let versions = sound(&bench, "inside");
    std::fs::create_dir(versions.join("v1")).unwrap();
    std::fs::rename(versions.join("plugin.wasm"), versions.join("v1/plugin.wasm")).unwrap();
    symlink("v1", versions.join("now")).unwrap();
    symlink("now/plugin.wasm", versions.join("plugin.wasm")).unwrap();
    let mut running = bench.start().await;
    for (id, needle) in [
        ("wasm", "plugin.wasm: it is a link out of the plugin's folder; copy the file there instead"),
        ("toml", "plugin.toml: it is a link out of the plugin's folder"),
        ("dangling", "plugin.toml: it is not there"),
        ("loop", "cannot read plugin.wasm: "),
        ("neighbour", "plugin.wasm: it is a link out of the plugin's folder"),
    ] {
        told(&mut running, id, needle).await;
    }
    running.until_state("inside", PluginState::Active).await;
    the_good_one_serves(&mut running).await;
    assert!(!format!("{:?}", running.host.infos()).contains("hunter2"));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_text_beside_the_manifest_the_beginning_is_shown_and_nothing_of_what_is_elsewhere() {
    let bench = with_a_good_one();
    let outside = bench.dir.path().join("outside");
    std::fs::write(&outside, "root:hunter2:0:0\n").unwrap();
    std::fs::write(sound(&bench, "long").join("README.md"), "x".repeat(100 << 20)).unwrap();
    sparse(&sound(&bench, "endless").join("README.md"), ENDLESS);
    std::fs::write(sound(&bench, "bytes").join("README.md"), b"good \xff and bad").unwrap();
    symlink(&outside, sound(&bench, "link").join("README.md")).unwrap();
    pipe(&sound(&bench, "pipe").join("README.md"));
    let mut running = bench.start().await;
    for (id, shown) in
        [("long", Some(64 << 10)), ("endless", Some(64 << 10)), ("bytes", Some(16)), ("link", None), ("pipe", None)]
    {
        running.until_state(id, PluginState::Active).await;
        assert_eq!(running.host.readme(id).await.unwrap().map(|text| text.len()), shown, "{id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_that_serves_goes_on_while_its_files_are_unreadable_and_says_so_no_longer_when_they_are_back() {
    let bench = Bench::new();
    bench.put("good", &manifest("good", "log-filter", "[config]\ndefault = { tag = \"good\" }"), &guest(false));
    let mut running = bench.start().await;
    the_good_one_serves(&mut running).await;
    for file in ["plugin.toml", "plugin.wasm"] {
        let (place, aside) = (running.bench.folder("good").join(file), running.bench.dir.path().join("aside"));
        std::fs::rename(&place, &aside).unwrap();
        symlink(file, &place).unwrap();
        let said = |running: &Running| {
            running
                .info("good")
                .filter(|info| info.reason.contains(&format!("could not be loaded: cannot read {file}")))
        };
        let info = running.until("it says that it cannot be read", said).await;
        assert_eq!(info.state, PluginState::Active, "{info:?}");
        the_good_one_serves(&mut running).await;
        std::fs::rename(&aside, &place).unwrap();
        running.until("it is as before", |running| running.info("good").filter(|info| info.reason.is_empty())).await;
        the_good_one_serves(&mut running).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_half_written_are_told_of_and_serve_once_they_are_whole() {
    let bench = with_a_good_one();
    let (toml, wasm) = (manifest("slow", "log-filter", "[filter]\napply = \"asked\""), guest(false));
    bench.put("slow", &toml[..toml.len() - 9], &wasm[..wasm.len() - 1]);
    let mut running = bench.start().await;
    told(&mut running, "slow", "plugin.toml: ").await;
    std::fs::write(running.bench.folder("slow").join("plugin.toml"), &toml).unwrap();
    let cut = |running: &Running| running.info("slow").filter(|info| info.reason.contains("cut off"));
    running.until("the component is told to be cut off", cut).await;
    the_good_one_serves(&mut running).await;
    std::fs::write(running.bench.folder("slow").join("plugin.wasm"), &wasm).unwrap();
    running.until_state("slow", PluginState::Active).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn schemas_that_are_made_to_be_expensive_cost_nothing() {
    let mut bench = with_a_good_one();
    let doubling = (0..40)
        .map(|n| {
            format!(r##""d{n}": {{"allOf": [{{"$ref": "#/$defs/d{m}"}}, {{"$ref": "#/$defs/d{m}"}}]}}"##, m = n + 1)
        })
        .collect::<Vec<_>>()
        .join(",");
    let deep = format!("{}{}", r#"{"items":"#.repeat(100), "}".repeat(100)).replace(":}", ":{}}");
    let bottomless = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let backwards = r#"{"properties": {"tag": {"pattern": "^(a|aa|a*)*$"}}, "required": ["tag"]}"#;
    for (id, schema) in [
        ("itself", r##"{"$ref": "#"}"##.to_owned()),
        ("doubling", format!(r##"{{"$defs": {{{doubling}, "d40": {{}}}}, "$ref": "#/$defs/d0"}}"##)),
        ("deep", deep),
        ("bottomless", bottomless),
        ("far", r#"{"$ref": "http://127.0.0.1:9/schema.json"}"#.to_owned()),
        ("pattern", r#"{"properties": {"tag": {"pattern": "((a{1000}){1000}){1000}"}}}"#.to_owned()),
        ("backwards", backwards.to_owned()),
    ] {
        let toml = manifest(id, "log-filter", "[filter]\napply = \"asked\"\n[config]\nschema = \"c.json\"\n");
        bench.put(id, &toml, &guest(false));
        std::fs::write(bench.folder(id).join("c.json"), schema).unwrap();
    }
    let tag = serde_json::json!({"tag": format!("{}b", "a".repeat(60_000))});
    let settings = PluginSettings { config: Some(tag), ..PluginSettings::default() };
    bench.config.plugins.insert("backwards".into(), settings);
    let mut running = bench.start().await;
    for (id, needle) in [
        ("itself", "refers to itself"),
        ("doubling", "more than"),
        ("deep", "more than 64 deep"),
        ("bottomless", "recursion limit"),
        ("far", "it names a place in the same file"),
        ("pattern", "c.json: "),
        // Nothing goes back over the text: it is compared once, and found not to fit.
        ("backwards", "correct `[plugins.backwards.config]`"),
    ] {
        told(&mut running, id, needle).await;
    }
    the_good_one_serves(&mut running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn manifests_that_are_made_to_be_expensive_are_refused() {
    let bench = with_a_good_one();
    let deep = format!("id = {}1{}", "[".repeat(20_000), "]".repeat(20_000));
    let dotted = format!("{}a = 1", "a.".repeat(20_000));
    for (id, toml) in [("deep", deep), ("dotted", dotted), ("nul", "id = \"\0\"".to_owned())] {
        bench.put(id, &toml, &guest(false));
    }
    std::fs::write(sound(&bench, "bytes").join("plugin.toml"), b"id = \"\xff\"").unwrap();
    let mut running = bench.start().await;
    for id in ["deep", "dotted", "nul", "bytes"] {
        told(&mut running, id, "plugin.toml: ").await;
        assert!(running.info(id).unwrap().reason.len() < 100_000);
    }
    the_good_one_serves(&mut running).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_plugins_with_one_id_in_one_folder_the_first_serves_and_the_second_takes_its_place_when_it_goes() {
    let bench = with_a_good_one();
    let same = |tag: &str| {
        manifest(
            "same",
            "log-filter",
            &format!("[filter]\napply = \"asked\"\n[config]\ndefault = {{ tag = \"{tag}\" }}"),
        )
    };
    bench.put("a", &same("a"), &guest(false)).put("b", &same("b"), &guest(false));
    let mut running = bench.start().await;
    let first = running.until_state("same", PluginState::Active).await;
    assert!(first.origin.ends_with("/a"), "{first:?}");
    told(&mut running, "same-2", "the id `same` is taken by the plugin from ").await;
    std::fs::remove_dir_all(running.bench.folder("a")).unwrap();
    let second = |running: &Running| {
        running.info("same").filter(|info| info.origin.ends_with("/b") && info.state == PluginState::Active)
    };
    running.until("the second has the id", second).await;
    assert!(running.info("same-2").is_none());
    the_good_one_serves(&mut running).await;
}
