//! What lies in a plugin folder and is not a plugin that can serve. Each has a clear state; the others go on.

use corral_domain::PluginState;
use corral_engine::ports::PluginError;
use corral_plugin_host::{Bundled, PluginSettings};

use crate::bench::{Bench, guest, lines, manifest, texts};

/// An empty component.
fn empty_component() -> Vec<u8> {
    wat::parse_str("(component)").unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_cannot_serve_has_a_state_and_a_reason_and_the_rest_serves() {
    let unknown_import = r#"(component (import "wasi:keyvalue/store@0.9.0" (instance (export "f" (func)))))"#;
    let old_api = manifest("api", "log-filter", "later = 1").replace("api = \"0.1\"", "api = \"0.3\"");
    let cases: Vec<(&str, String, Vec<u8>, &str)> = vec![
        ("text", manifest("text", "log-filter", ""), b"this is text".to_vec(), "not WebAssembly"),
        ("empty", manifest("empty", "log-filter", ""), Vec::new(), "empty or was cut off"),
        (
            "module",
            manifest("module", "log-filter", ""),
            wat::parse_str("(module)").unwrap(),
            "a core module, not a component",
        ),
        ("cut", manifest("cut", "log-filter", ""), guest(false)[..100_000].to_vec(), "damaged or was cut off"),
        (
            "world",
            manifest("world", "log-filter", ""),
            empty_component(),
            "does not export `corral:log-filter/filter@0.1.0`",
        ),
        (
            "import",
            manifest("import", "log-filter", ""),
            wat::parse_str(unknown_import).unwrap(),
            "wasi:keyvalue/store@0.9.0",
        ),
        ("api", old_api, guest(false), "plugin needs API 0.3, this host has 0.1 to 0.1"),
        ("keys", manifest("keys", "log-filter", "[x]\ny = 1"), guest(false), "unknown field `x`"),
        ("broken", "id = [".into(), guest(false), "plugin.toml: "),
        (
            "schema",
            manifest("schema", "log-filter", "[config]\nschema = \"none.json\""),
            guest(false),
            "`config.schema`, none.json: it is not there",
        ),
    ];
    let bench = Bench::new();
    bench.put("good", &manifest("good", "log-filter", ""), &guest(false));
    for (id, manifest, wasm, _) in &cases {
        bench.put(id, manifest, wasm);
    }
    let mut running = bench.start().await;
    for (id, _, _, needle) in &cases {
        let info = running.until_state(id, PluginState::Broken).await;
        assert!(info.reason.contains(needle), "{id}: {}", info.reason);
    }
    running.until_state("good", PluginState::Active).await;
    let mut chain = running.chain().await;
    assert_eq!(chain.plugins(), [("good".to_owned(), "1.0.0".to_owned())]);
    assert_eq!(texts(&chain.process(lines(["a", "!drop", "b"])).await.unwrap()), ["a", "b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_without_its_grant_is_blocked_and_says_how_to_give_it() {
    let more = "[[wants]]\ncapability = \"kv\"\nreason = \"to remember\"\n";
    let bench = Bench::new();
    bench.put("p", &manifest("p", "log-filter", more), &guest(false));
    bench.put("h", &manifest("h", "log-filter", &more.replace("kv", "http")), &guest(false));
    let mut running = bench.start().await;
    let info = running.until_state("p", PluginState::Blocked).await;
    assert!(info.reason.contains("`kv` (to remember)"), "{}", info.reason);
    assert!(info.reason.contains("`corral plugin grant p kv`"), "{}", info.reason);
    let want = &info.wants[0];
    assert_eq!((want.capability.as_str(), want.reason.as_str()), ("kv", "to remember"));
    assert!(!want.optional && !want.granted);
    let info = running.until_state("h", PluginState::Blocked).await;
    assert!(info.reason.contains("`corral plugin grant h http:HOST`"), "{}", info.reason);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_granted_capability_works_and_lasts_over_a_restart() {
    let more = "[[wants]]\ncapability = \"kv\"\nreason = \"to remember\"\n";
    let mut bench = Bench::new();
    bench.grant("p", &["kv"]).put("p", &manifest("p", "log-filter", more), &guest(false));
    let config = bench.config.clone();
    let mut running = bench.start().await;
    running.until_state("p", PluginState::Active).await;
    let said = texts(&running.chain().await.process(lines(["!kv"])).await.unwrap());
    assert!(said[0].starts_with("Ok(()) Ok(Some("), "{said:?}");
    running.host.stop().await;
    assert!(config.data_dir.join("p/kv").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_plugins_with_one_id_the_first_serves_and_takes_nothing_from_the_second() {
    let mut bench = Bench::new();
    let bundled =
        Bundled { manifest: manifest("same", "log-filter", ""), wasm: guest(false).into(), schema: None, readme: None };
    bench.config.bundled.push(bundled);
    bench.put("other", &manifest("same", "log-filter", ""), &guest(true));
    let mut running = bench.start().await;
    running.until_state("same", PluginState::Active).await;
    let info = running.until_state("same-2", PluginState::Broken).await;
    assert!(info.reason.contains("the id `same` is taken by the plugin from bundled"), "{}", info.reason);
    // It serves as soon as it has an id of its own.
    running.bench.put("other", &manifest("own", "log-filter", ""), &guest(true));
    running.until_state("own", PluginState::Active).await;
    assert!(running.info("same-2").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_configuration_is_checked_against_the_schema_before_the_plugin_runs() {
    let mut bench = Bench::new();
    let schema = r#"{"type": "object", "properties": {"tag": {"type": "string"}}, "additionalProperties": false}"#;
    let toml = manifest("p", "log-filter", "[config]\nschema = \"c.json\"\n");
    bench.put("p", &toml, &guest(false));
    std::fs::write(bench.folder("p").join("c.json"), schema).unwrap();
    let config = Some(serde_json::json!({"tag": 7}));
    bench.config.plugins.insert("p".into(), PluginSettings { config, ..PluginSettings::default() });
    let mut running = bench.start().await;
    let info = running.until_state("p", PluginState::Broken).await;
    assert!(
        info.reason.contains("tag: 7 is not of type \"string\"") && info.reason.contains("[plugins.p.config]"),
        "{}",
        info.reason
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_is_switched_off_is_not_in_any_chain() {
    let mut bench = Bench::new();
    bench.config.plugins.insert("p".into(), PluginSettings { enabled: false, ..PluginSettings::default() });
    bench.put("p", &manifest("p", "log-filter", ""), &guest(false));
    let mut running = bench.start().await;
    let info = running.until_state("p", PluginState::Disabled).await;
    assert!(info.reason.contains("enabled = true"), "{}", info.reason);
    assert_eq!(running.chain().await.plugins(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bundled_filter_that_cannot_be_loaded_holds_lines_instead_of_letting_them_pass() {
    let mut bench = Bench::new();
    let wasm = wat::parse_str("(module)").unwrap().into();
    bench.config.bundled.push(Bundled {
        manifest: manifest("redact", "log-filter", ""),
        wasm,
        schema: None,
        readme: None,
    });
    let mut running = bench.start().await;
    running.until_state("redact", PluginState::Broken).await;
    let error = running.chain().await.process(lines(["a secret"])).await.unwrap_err();
    let PluginError::Failed(text) = &error else { panic!("{error:?}") };
    assert!(text.contains("`redact`") && text.contains("held for 2 s") && text.contains("core module"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_once_served_is_relied_on_after_a_restart() {
    let bench = Bench::new();
    bench.put("f", &manifest("f", "log-filter", "[failure]\npolicy = \"fail-job\""), &guest(false));
    let config = bench.config.clone();
    let mut running = bench.start().await;
    running.until_state("f", PluginState::Active).await;
    running.host.stop().await;
    std::fs::write(running.bench.folder("f").join("plugin.wasm"), b"\0asm").unwrap();
    let mut again = Bench { dir: running.bench.dir, config }.start().await;
    again.until_state("f", PluginState::Broken).await;
    assert!(again.chain().await.process(lines(["a secret"])).await.is_err());
}
