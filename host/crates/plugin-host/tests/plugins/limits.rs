//! Every limit is hit: the hit is counted under its name, told to the operator, and felt by no other plugin.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use corral_domain::{PluginState, Template};
use corral_engine::ports::{FilterChain, PluginError, Plugins};
use corral_plugin_host::PluginHost;
use serde_json::json;

use crate::bench::{Bench, Running, TIGHT, guest, lines, manifest, stream, texts, vm};

const WANTS: &str = "[[wants]]\ncapability = \"read-file\"\npath = \"templates\"\nmount = \"/templates\"\nreason = \"to read\"\n\
                     [[wants]]\ncapability = \"kv\"\nreason = \"to remember\"\n";

/// A plugin `bad` with tight limits and a plugin `good` beside it, of templates both.
async fn running() -> (Running, Template, Template) {
    let mut bench = Bench::new();
    std::fs::write(bench.templates().join("one"), "A title").unwrap();
    bench.grant("bad", &["read-file:templates", "kv"]).grant("good", &["read-file:templates", "kv"]);
    bench.config.timing.budget = 100;
    bench.config.timing.backoff = Duration::ZERO;
    bench.put("bad", &manifest("bad", "command-template", &format!("{WANTS}{TIGHT}")), &guest(false));
    bench.put("good", &manifest("good", "command-template", WANTS), &guest(false));
    let mut running = bench.start().await;
    let offers = |running: &Running, id: &str| running.offers.get(id)?.templates.first().cloned();
    let both = |running: &Running| Some((offers(running, "bad")?, offers(running, "good")?));
    let (bad, good) = running.until("both offer", both).await;
    (running, bad, good)
}

async fn say(host: &PluginHost, template: &Template, word: &str) -> Result<String, PluginError> {
    let rendered = host.render(template, &json!({"word": word}), &[vm("web-1")]).await?;
    Ok(rendered[0].command.to_shell())
}

/// Calls the neighbour again and again until it is stopped; how often it answered.
struct Neighbour {
    stop: Arc<AtomicBool>,
    answers: Arc<AtomicU64>,
    task: tokio::task::JoinHandle<()>,
}

impl Neighbour {
    fn start(running: &Running, template: Template) -> Self {
        let (stop, answers) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let (host, stopped, answered) = (running.host.clone(), stop.clone(), answers.clone());
        let task = tokio::spawn(async move {
            while !stopped.load(Ordering::Acquire) {
                assert!(say(&host, &template, "here").await.unwrap().contains("here"));
                answered.fetch_add(1, Ordering::AcqRel);
            }
        });
        Self { stop, answers, task }
    }

    /// Waits until it has answered once more.
    async fn answers_again(&self) {
        let before = self.answers.load(Ordering::Acquire);
        while self.answers.load(Ordering::Acquire) == before && !self.task.is_finished() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn stop(self) {
        self.stop.store(true, Ordering::Release);
        self.task.await.unwrap();
    }
}

fn hits(running: &Running, id: &str, limit: &str) -> u64 {
    running.host.stats(id).unwrap().limit_hits.get(limit).copied().unwrap_or(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_hits_a_limit_is_counted_and_told_and_no_neighbour_feels_it() {
    let (running, bad, good) = running().await;
    let neighbour = Neighbour::start(&running, good);
    for (word, limit, told) in [
        ("!spin", "cpu", "of CPU, its limit is 100 ms"),
        ("!sleep", "time", "did not answer within 2 s"),
        ("!bomb", "memory", "wanted more memory than its limit of 16 MiB"),
        ("!huge", "memory", "wanted more memory than its limit of 16 MiB"),
    ] {
        let before = hits(&running, "bad", limit);
        let error = say(&running.host, &bad, word).await.unwrap_err().to_string();
        assert!(error.contains(told), "{word}: {error}");
        assert_eq!(hits(&running, "bad", limit), before + 1, "{word}");
        let info = running.info("bad").unwrap();
        assert!(info.state == PluginState::Failing && info.reason.contains(told), "{word}: {info:?}");
        let log = running.host.log("bad").unwrap();
        assert!(log.iter().any(|entry| entry.level.as_str() == "error" && entry.text.contains(told)), "{word}");
        neighbour.answers_again().await;
        // What the limit stopped is gone; the next call has an instance of its own.
        assert!(say(&running.host, &bad, "again").await.unwrap().contains("again"), "{word}");
        assert_eq!(running.info("bad").unwrap().state, PluginState::Active);
    }
    neighbour.stop().await;
    let stats = running.host.stats("good").unwrap();
    assert_eq!((stats.failed, stats.limit_hits.len()), (0, 0));
    assert_eq!(running.info("good").unwrap().state, PluginState::Active);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_too_large_is_counted_and_told() {
    let mut bench = Bench::new();
    bench.config.timing.backoff = Duration::ZERO;
    let more = "[failure]\npolicy = \"fail-job\"\n[limits]\nmemory = \"128 MiB\"\n";
    bench.put("bad", &manifest("bad", "log-filter", more), &guest(false));
    let mut running = bench.start().await;
    running.until_state("bad", PluginState::Active).await;
    let error = running.chain().await.process(lines(["!huge"])).await.unwrap_err().to_string();
    assert!(error.contains("more than 16777216 bytes"), "{error}");
    assert_eq!(hits(&running, "bad", "answer"), 1);
    assert!(running.info("bad").unwrap().reason.contains("more than 16777216 bytes"));
    assert_eq!(texts(&running.chain().await.process(lines(["x"])).await.unwrap()), ["x"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_too_often_and_what_is_too_much_to_keep_is_counted_and_told() {
    let (running, bad, good) = running().await;
    let neighbour = Neighbour::start(&running, good);
    let said = say(&running.host, &bad, "!fill").await.unwrap();
    assert!(said.contains("Ok(())") && said.contains("state is full"), "{said}");
    assert_eq!(hits(&running, "bad", "kv"), 2);
    let log = running.host.log("bad").unwrap();
    assert!(
        log.iter().any(|entry| entry.text.contains("`key 1` was not kept") && entry.text.contains("delete something"))
    );
    let _ = say(&running.host, &bad, "!flood").await;
    assert!(hits(&running, "bad", "log") > 0);
    assert!(running.host.log("bad").unwrap().len() <= 512);
    neighbour.answers_again().await;
    neighbour.stop().await;
    assert_eq!((hits(&running, "good", "log"), hits(&running, "good", "kv")), (0, 0));
    assert!(running.host.log("good").unwrap().is_empty());
}

/// A component that looks like a discovery until it is called; `inside` is what its core module has more.
fn discovery(inside: &str, instances: usize) -> Vec<u8> {
    let more = (0..instances).map(|n| format!("(core instance $i{n} (instantiate $m))")).collect::<Vec<_>>().concat();
    let text = format!(
        r#"(component
            (core module $m {inside} (func (export "f")))
            (core instance $i (instantiate $m)) {more}
            (func $f (canon lift (core func $i "f")))
            (instance $d (export "discover" (func $f)))
            (export "corral:discovery/discovery@0.1.0" (instance $d)))"#
    );
    wat::parse_str(text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_component_with_larger_tables_or_more_parts_than_a_plugin_may_have_does_not_start() {
    let grows = "(table 1 funcref) (func $s (drop (table.grow (ref.null func) (i32.const 25000)))) (start $s)";
    let bench = Bench::new();
    for (id, wasm) in [
        ("table", discovery("(table 30000 funcref)", 0)),
        ("instances", discovery("", 70)),
        ("memories", discovery("(memory 1) (memory 1) (memory 1) (memory 1) (memory 1)", 0)),
        ("grows", discovery(grows, 0)),
        ("memory", discovery("(memory 2000)", 0)),
        ("small", discovery("(table 100 funcref)", 10)),
    ] {
        bench.put(id, &manifest(id, "discovery", ""), &wasm);
    }
    bench.put("good", &manifest("good", "log-filter", ""), &guest(false));
    let mut running = bench.start().await;
    for (id, told) in [
        ("table", "more than a plugin may have"),
        ("instances", "more than a plugin may have"),
        ("memories", "more than a plugin may have"),
        ("grows", "wanted larger tables or more instances than a plugin may have"),
        ("memory", "wanted more memory than its limit of 64 MiB"),
    ] {
        let info = running.until_state(id, PluginState::Broken).await;
        assert!(info.reason.contains(told), "{id}: {}", info.reason);
    }
    assert_eq!((hits(&running, "grows", "tables"), hits(&running, "memory", "memory")), (1, 1));
    running.until_state("small", PluginState::Active).await;
    running.until_state("good", PluginState::Active).await;
    assert_eq!(texts(&running.chain().await.process(lines(["x"])).await.unwrap()), ["x"]);
}

/// More than there are places for.
const STREAMS: usize = 1_200;

#[tokio::test(flavor = "multi_thread")]
async fn when_all_places_for_instances_are_taken_new_streams_wait_and_those_that_run_go_on() {
    let mut bench = Bench::new();
    bench.config.timing.hold = Duration::from_millis(200);
    bench.put("f", &manifest("f", "log-filter", "[config]\ndefault = { tag = \"t\" }"), &guest(false));
    let mut running = bench.start().await;
    running.until_state("f", PluginState::Active).await;
    assert!(running.host.is_pooled(), "on demand there is no bound but memory");
    let mut open: Vec<Box<dyn FilterChain>> = Vec::new();
    let refused = loop {
        assert!(open.len() < STREAMS, "no bound was met");
        let mut chain = running.host.open_filters(stream()).await.unwrap();
        match chain.process(lines(["x"])).await {
            Ok(out) => assert_eq!(texts(&out), ["t 1 x"]),
            Err(error) => break error.to_string(),
        }
        open.push(chain);
    };
    assert!(refused.contains("all places for plugin instances are taken"), "{refused}");
    assert!(hits(&running, "f", "instances") > 0);
    assert_eq!(running.info("f").unwrap().state, PluginState::Active, "it is not the plugin's fault");
    assert_eq!(texts(&open[0].process(lines(["y"])).await.unwrap()), ["t 2 y"]);
    // Places are free again as soon as streams end.
    open.truncate(10);
    let mut chain = running.chain().await;
    assert_eq!(texts(&chain.process(lines(["z"])).await.unwrap()), ["t 1 z"]);
}
