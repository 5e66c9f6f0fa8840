//! Filters over streams: edits, policies, restarts, chains.

use std::time::Duration;

use corral_domain::{FilterChoice, PluginState};
use corral_engine::ports::{PluginError, Plugins as _, StreamInfo};
use corral_plugin_host::FilterRule;

use crate::bench::{Bench, guest, lines, manifest, stream, texts, vm};

#[tokio::test(flavor = "multi_thread")]
async fn edits_are_applied_and_untouched_lines_keep_their_bytes() {
    let bench = Bench::new();
    bench.put("f", &manifest("f", "log-filter", ""), &guest(false));
    let mut running = bench.start().await;
    running.until_state("f", PluginState::Active).await;
    let mut chain = running.chain().await;
    let out = chain.process(lines([&b"\xff raw"[..], b"!drop", b"!annotate", b"!env"])).await.unwrap();
    assert_eq!(out.len(), 3);
    assert_eq!(out.get(0).unwrap().text, b"\xff raw");
    assert_eq!(out.get(1).unwrap().extras.unwrap().annotations["level"], "error");
    assert_eq!(out.get(2).unwrap().extras.unwrap().changed_by, ["f"]);
    let none = chain.finish().await.unwrap();
    assert!(none.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_that_a_filter_kept_back_come_at_the_end_and_go_through_the_filters_after_it() {
    let bench = Bench::new();
    bench.put("a", &manifest("a", "log-filter", ""), &guest(false));
    bench.put("b", &manifest("b", "log-filter", "[config]\ndefault = { tag = \"b\" }"), &guest(false));
    let mut running = bench.start().await;
    running.until_state("a", PluginState::Active).await;
    running.until_state("b", PluginState::Active).await;
    let mut chain = running.chain().await;
    assert_eq!(texts(&chain.process(lines(["x", "!hold", "y"])).await.unwrap()), ["b 1 x", "b 2 y"]);
    assert_eq!(texts(&chain.finish().await.unwrap()), ["b 3 held 2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_do_not_see_each_other() {
    let bench = Bench::new();
    bench.put("f", &manifest("f", "log-filter", "[config]\ndefault = { tag = \"t\" }"), &guest(false));
    let mut running = bench.start().await;
    running.until_state("f", PluginState::Active).await;
    let (mut one, mut two) = (running.chain().await, running.chain().await);
    assert_eq!(texts(&one.process(lines(["a", "b"])).await.unwrap()), ["t 1 a", "t 2 b"]);
    assert_eq!(texts(&two.process(lines(["c"])).await.unwrap()), ["t 1 c"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_crash_a_filter_that_can_hand_over_goes_on_with_its_state() {
    let mut bench = Bench::new();
    bench.config.timing.hold = Duration::from_millis(300);
    bench.config.timing.budget = 1000;
    bench.put("f", &manifest("f", "log-filter", "[config]\ndefault = { tag = \"t\" }"), &guest(true));
    let mut running = bench.start().await;
    running.until_state("f", PluginState::Active).await;
    let mut chain = running.chain().await;
    assert_eq!(texts(&chain.process(lines(["a", "b"])).await.unwrap()), ["t 1 a", "t 2 b"]);
    assert!(chain.process(lines(["!trap"])).await.is_err());
    corral_engine::ports::Plugins::reload(&*running.host, "f").await.unwrap();
    assert_eq!(texts(&chain.process(lines(["c"])).await.unwrap()), ["t 3 c"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_stream_goes_on_when_the_plugin_is_repaired_in_time() {
    let mut bench = Bench::new();
    bench.config.timing.hold = Duration::from_secs(30);
    bench.config.timing.budget = 0;
    bench.put("f", &manifest("f", "log-filter", "[config]\ndefault = { tag = \"t\" }"), &guest(false));
    let mut running = bench.start().await;
    running.until_state("f", PluginState::Active).await;
    let mut broken = running.chain().await;
    let mut waiting = running.chain().await;
    let poison = tokio::spawn(async move { broken.process(lines(["!trap"])).await });
    running.until_state("f", PluginState::Quarantined).await;
    let held = tokio::spawn(async move { waiting.process(lines(["a", "b"])).await });
    // The job with the line that it chokes on is cancelled; the plugin is loaded anew.
    poison.abort();
    assert!(poison.await.unwrap_err().is_cancelled());
    corral_engine::ports::Plugins::reload(&*running.host, "f").await.unwrap();
    assert_eq!(texts(&held.await.unwrap().unwrap()), ["t 1 a", "t 2 b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_may_be_passed_by_is_and_its_lines_are_neither_lost_nor_doubled() {
    let mut bench = Bench::new();
    bench.config.timing.budget = 0;
    let more = "[config]\ndefault = { tag = \"t\" }\n[failure]\npolicy = \"pass-through\"";
    bench.put("f", &manifest("f", "log-filter", more), &guest(false));
    let mut running = bench.start().await;
    running.until_state("f", PluginState::Active).await;
    let mut chain = running.chain().await;
    assert_eq!(texts(&chain.process(lines(["a", "!trap"])).await.unwrap()), ["a", "!trap"]);
    assert_eq!(texts(&chain.process(lines(["b"])).await.unwrap()), ["b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_goes_through_the_filters_that_are_for_it_in_their_order() {
    let mut bench = Bench::new();
    let tagged = |id: &str, filter: &str| {
        manifest(id, "log-filter", &format!("[filter]\n{filter}\n[config]\ndefault = {{ tag = \"{id}\" }}"))
    };
    bench.put("last", &tagged("last", "order = 900"), &guest(false));
    bench.put("first", &tagged("first", "order = 100"), &guest(false));
    bench.put("extra", &tagged("extra", "apply = \"asked\""), &guest(false));
    let rule = FilterChoice { with: vec!["extra".into()], without: vec!["last".into()] };
    let selector = Some("db-*".parse().unwrap());
    bench.config.filter_rules = vec![FilterRule { selector, filters: rule, ..FilterRule::default() }];
    let mut running = bench.start().await;
    for id in ["first", "last", "extra"] {
        running.until_state(id, PluginState::Active).await;
    }
    let web = stream();
    let db = StreamInfo { vm: vm("db-1"), ..stream() };
    let asking = |with: &[&str]| FilterChoice { with: with.iter().map(ToString::to_string).collect(), without: vec![] };
    for (info, expected) in [
        (web.clone(), "last 1 first 1 x"),
        (db.clone(), "extra 1 first 1 x"),
        (StreamInfo { filters: asking(&["last"]), ..db }, "last 1 extra 1 first 1 x"),
    ] {
        let mut chain = running.host.open_filters(info).await.unwrap();
        assert_eq!(texts(&chain.process(lines(["x"])).await.unwrap()), [expected]);
    }
    let missing = running.host.open_filters(StreamInfo { filters: asking(&["nobody"]), ..web }).await;
    let Err(PluginError::Unavailable(why)) = missing.map(|_| ()) else { panic!("lines must not pass without it") };
    assert!(why.contains("`nobody`"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_filter_did_is_counted_and_a_trap_is_told_with_its_function() {
    let mut bench = Bench::new();
    bench.config.timing.hold = Duration::from_millis(300);
    bench.put("f", &manifest("f", "log-filter", ""), &guest(false));
    let mut running = bench.start().await;
    running.until_state("f", PluginState::Active).await;
    let before = running.host.stats("f").unwrap();
    let mut chain = running.chain().await;
    chain.process(lines(["x", "!drop", "!annotate", "!env"])).await.unwrap();
    let after = running.host.stats("f").unwrap();
    assert!(after.calls > before.calls && after.failed == 0 && after.cpu_micros > 0, "{after:?}");
    assert!(after.p50_micros <= after.p99_micros && after.p99_micros > Some(0), "{after:?}");
    assert!(after.peak_memory_bytes >= 64 * 1024, "{after:?}");
    let did = (after.lines.seen, after.lines.changed, after.lines.annotated, after.lines.dropped);
    let did_before = (before.lines.seen, before.lines.changed, before.lines.annotated, before.lines.dropped);
    assert_eq!((did_before, did), ((0, 0, 0, 0), (4, 1, 1, 1)));
    assert!(chain.process(lines(["!trap"])).await.is_err());
    let trapped = running.host.stats("f").unwrap();
    assert!(trapped.traps > 0 && trapped.failed >= trapped.traps, "{trapped:?}");
    let log = corral_engine::ports::Plugins::log(&*running.host, "f").unwrap();
    let told = log.iter().find(|line| line.text.contains("trapped in `")).map(|line| line.text.as_str());
    assert!(told.is_some_and(|text| text.contains("process")), "{log:?}");
    assert_eq!(running.host.stats("nobody"), None);
}
