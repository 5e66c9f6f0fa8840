//! Plugins on their author's bench.

use std::collections::BTreeMap;
use std::sync::Arc;

use corral_domain::SystemClock;
use corral_plugin_host::{LoadError, Setting, Workshop};

use crate::bench::{Bench, guest, lines, manifest, stream, texts};

async fn workshop(bench: &Bench) -> Workshop {
    Workshop::new(bench.config.cache_dir.clone(), Arc::new(SystemClock)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_is_inspected_without_running_it() {
    let bench = Bench::new();
    bench.put("f", &manifest("f", "log-filter", ""), &guest(true));
    let seen = workshop(&bench).await.inspect(&bench.folder("f")).await.unwrap();
    assert_eq!((seen.manifest.id.as_str(), seen.bytes), ("f", guest(true).len() as u64));
    assert!(seen.imports.iter().any(|name| name == "corral:host/config@0.1.0"), "{:?}", seen.imports);
    assert!(seen.exports.iter().any(|name| name == "corral:log-filter/filter@0.1.0"), "{:?}", seen.exports);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_finds_the_configuration_and_the_state_that_it_was_given_and_is_asked_even_if_only_who_asks_gets_it() {
    let bench = Bench::new();
    let more = "[filter]\napply = \"asked\"\n[config]\nschema = \"s.json\"\ndefault = { tag = \"usual\" }";
    bench.put("f", &manifest("f", "log-filter", more), &guest(false));
    std::fs::write(bench.folder("f").join("s.json"), "{}").unwrap();
    let workshop = workshop(&bench).await;
    let kv = BTreeMap::from([("k".to_owned(), b"v".to_vec())]);
    let setting = Setting { config: Some(serde_json::json!({ "tag": "mine" })), kv, ..Setting::default() };
    let on = workshop.load(&bench.folder("f"), setting).await.unwrap();
    let mut chain = on.filter(stream()).await.unwrap();
    assert_eq!(texts(&chain.process(lines(["a"])).await.unwrap()), ["mine 1 a"]);
    assert_eq!(on.kept("k").as_deref(), Some(b"v".as_slice()));
    assert_eq!(on.fault(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_falls_is_found_out_whatever_its_policy() {
    let bench = Bench::new();
    bench.put("f", &manifest("f", "log-filter", "[failure]\npolicy = \"pass-through\""), &guest(false));
    let on = workshop(&bench).await.load(&bench.folder("f"), Setting::default()).await.unwrap();
    let mut chain = on.filter(stream()).await.unwrap();
    assert_eq!(texts(&chain.process(lines(["!trap"])).await.unwrap()), ["!trap"], "it lets lines by");
    let fault = on.fault().unwrap();
    assert!(fault.contains("trapped"), "{fault}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_loaded_says_why() {
    let bench = Bench::new();
    bench.put("f", &manifest("f", "log-filter", ""), &guest(false));
    let setting = Setting { config: Some(serde_json::json!({ "tag": "x" })), ..Setting::default() };
    let loaded = workshop(&bench).await.load(&bench.folder("f"), setting).await;
    assert!(matches!(loaded, Err(LoadError::Config(_))), "{:?}", loaded.err());
}
