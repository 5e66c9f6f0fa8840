//! Plugins that come over the wire, and go again.

use bytes::Bytes;
use corral_domain::PluginState;
use corral_engine::ports::{PluginError, Plugins as _};
use corral_plugin_host::PluginFolder;

use crate::bench::{Bench, Running, guest, lines, manifest, texts, variant};

type Files = Vec<(String, Bytes)>;

fn files(manifest: &str, wasm: &[u8]) -> Files {
    vec![
        ("plugin.toml".into(), Bytes::copy_from_slice(manifest.as_bytes())),
        ("plugin.wasm".into(), Bytes::copy_from_slice(wasm)),
    ]
}

/// A host with a folder for what is installed, beside the operator's.
fn bench() -> Bench {
    let mut bench = Bench::new();
    let own = bench.dir.path().join("installed");
    bench.config.folders.push(PluginFolder { path: own.clone(), bundled: false });
    bench.config.installed = Some(own);
    bench
}

fn tagged(tag: &str) -> String {
    manifest("f", "log-filter", &format!("[config]\ndefault = {{ tag = \"{tag}\" }}"))
}

/// What lies in the folder of installed plugins, hidden things included.
fn there(running: &Running) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(running.bench.dir.path().join("installed")) else { return Vec::new() };
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn an_installed_plugin_serves_at_once_is_replaced_as_a_whole_and_is_there_after_a_start() {
    let running = bench().start().await;
    let info = running.host.install(files(&tagged("one"), &guest(true))).await.unwrap();
    assert_eq!((info.state, info.generation), (PluginState::Active, 1));
    let mut chain = running.chain().await;
    assert_eq!(texts(&chain.process(lines(["a"])).await.unwrap()), ["one 1 a"]);

    let info = running.host.install(files(&tagged("two"), &variant(guest(true), "two"))).await.unwrap();
    assert_eq!((info.state, info.generation), (PluginState::Active, 2), "it was loaded once");
    assert_eq!(texts(&chain.process(lines(["b"])).await.unwrap()), ["two 2 b"], "the stream went on with its state");
    assert_eq!(there(&running), ["f"], "nothing is left beside it");

    running.host.stop().await;
    let mut again = running.bench.start().await;
    again.until_state("f", PluginState::Active).await;
    let mut chain = again.chain().await;
    assert_eq!(texts(&chain.process(lines(["c"])).await.unwrap()), ["two 1 c"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_loaded_is_not_left_behind_and_what_served_goes_on() {
    let running = bench().start().await;
    let broken = [guest(false), vec![0xff; 32]].concat();
    let error = running.host.install(files(&tagged("x"), &broken)).await.unwrap_err();
    assert!(matches!(&error, PluginError::InvalidInput(text) if text.contains("nothing was changed")), "{error:?}");
    assert_eq!((there(&running), running.info("f")), (vec![], None));

    running.host.install(files(&tagged("one"), &guest(false))).await.unwrap();
    let error = running.host.install(files(&tagged("x"), &broken)).await.unwrap_err();
    assert!(error.to_string().contains("nothing was changed"), "{error}");
    let info = running.info("f").unwrap();
    assert_eq!((info.state, info.reason.as_str()), (PluginState::Active, ""));
    let mut chain = running.chain().await;
    assert_eq!(texts(&chain.process(lines(["a"])).await.unwrap()), ["one 1 a"]);
    let manifest = std::fs::read_to_string(running.bench.dir.path().join("installed/f/plugin.toml")).unwrap();
    assert!(manifest.contains("\"one\""), "{manifest}");
    assert_eq!(there(&running), ["f"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_plugin_is_refused_before_anything_is_written() {
    let running = bench().start().await;
    let good = files(&tagged("x"), &guest(false));
    let with = |name: &str| [good.clone(), vec![(name.to_owned(), Bytes::from_static(b"{}"))]].concat();
    for (files, why) in [
        (Vec::new(), "plugin.toml is missing"),
        (good[..1].to_vec(), "plugin.wasm is missing"),
        (with("../../evil.json"), "does not belong to a plugin"),
        (with("/etc/cron.d/evil"), "does not belong to a plugin"),
        (with("run.sh"), "does not belong to a plugin"),
        (with("plugin.toml"), "is there twice"),
        (files("id = \"../up\"", &guest(false)), "`api` is missing"),
        (files(&tagged("x").replace("\"f\"", "\"../up\""), &guest(false)), "the id `../up` is not valid"),
        (files(&tagged("x").replace("0.1", "0.9"), &guest(false)), "needs API 0.9"),
        (files(&tagged("x"), b"\0asm\x01\0\0\0"), "core module"),
    ] {
        let error = running.host.install(files).await.unwrap_err();
        assert!(matches!(&error, PluginError::InvalidInput(text) if text.contains(why)), "{why}: {error:?}");
    }
    assert!(there(&running).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_that_is_taken_stays_with_its_holder() {
    let bench = bench();
    bench.put("mine", &tagged("mine"), &guest(false));
    let mut running = bench.start().await;
    running.until_state("f", PluginState::Active).await;
    let error = running.host.install(files(&tagged("x"), &guest(false))).await.unwrap_err();
    assert!(matches!(&error, PluginError::Conflict(text) if text.contains("the id `f` is taken")), "{error:?}");
    let error = running.host.uninstall("f").await.unwrap_err();
    assert!(matches!(&error, PluginError::Conflict(text) if text.contains("remove that folder")), "{error:?}");
    assert!(running.bench.folder("mine").is_dir());
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_lacks_a_grant_is_in_place_and_says_what_it_wants() {
    let running = bench().start().await;
    let wants = "[[wants]]\ncapability = \"kv\"\nreason = \"to remember\"";
    let info = running.host.install(files(&manifest("f", "log-filter", wants), &guest(false))).await.unwrap();
    assert_eq!(info.state, PluginState::Blocked);
    assert!(info.reason.contains("corral plugin grant f kv"), "{}", info.reason);
    assert_eq!(there(&running), ["f"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_removed_is_gone_and_can_come_again() {
    let running = bench().start().await;
    running.host.install(files(&tagged("one"), &guest(false))).await.unwrap();
    running.host.uninstall("f").await.unwrap();
    assert_eq!((there(&running), running.info("f")), (vec![], None));
    let mut chain = running.chain().await;
    assert_eq!(texts(&chain.process(lines(["a"])).await.unwrap()), ["a"], "no line waits for it");
    assert!(matches!(running.host.uninstall("f").await, Err(PluginError::NotFound(_))));
    let info = running.host.install(files(&tagged("two"), &guest(false))).await.unwrap();
    assert_eq!(info.state, PluginState::Active);
}
