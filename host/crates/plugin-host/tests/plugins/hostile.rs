//! Guests that spin, hoard, trap, sleep, and answer nonsense. Each is stopped, and the others go on.

use std::time::{Duration, Instant};

use corral_domain::{PluginState, Template};
use corral_engine::ports::{PluginError, Plugins};
use serde_json::json;

use crate::bench::{Bench, Running, TIGHT, guest, lines, manifest, texts, vm};

const READS: &str =
    "[[wants]]\ncapability = \"read-file\"\npath = \"templates\"\nmount = \"/templates\"\nreason = \"to read\"\n";

/// A template plugin `bad` with tight limits, a good one beside it, and one template in the folder.
async fn running() -> (Running, Template) {
    let mut bench = Bench::new();
    std::fs::write(bench.templates().join("one"), "A title").unwrap();
    bench.grant("bad", &["read-file:templates"]).grant("good", &["read-file:templates"]);
    bench.config.timing.budget = 100;
    bench.config.timing.backoff = Duration::ZERO;
    bench.put("bad", &manifest("bad", "command-template", &format!("{READS}{TIGHT}")), &guest(false));
    bench.put("good", &manifest("good", "command-template", READS), &guest(false));
    let mut running = bench.start().await;
    running.until_state("bad", PluginState::Active).await;
    running.until_state("good", PluginState::Active).await;
    let template = running
        .until("both offer", |running| {
            running.offers.get("good")?;
            running.offers.get("bad")?.templates.first().cloned()
        })
        .await;
    (running, template)
}

async fn say(running: &Running, template: &Template, word: &str) -> Result<String, PluginError> {
    let rendered = running.host.render(template, &json!({"word": word}), &[vm("web-1")]).await?;
    Ok(rendered[0].command.to_shell())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_computes_for_ever_is_stopped_near_its_cpu_limit() {
    let (running, template) = running().await;
    let begun = Instant::now();
    let error = say(&running, &template, "!spin").await.unwrap_err().to_string();
    let took = begun.elapsed();
    assert!(
        error.contains("rendering was stopped after 1") && error.contains("of CPU, its limit is 100 ms"),
        "{error}"
    );
    assert!(took >= Duration::from_millis(90), "{took:?}");
    assert!(say(&running, &template, "again").await.unwrap().contains("again"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_computes_is_not_blamed_for_the_time_that_it_takes() {
    let mut bench = Bench::new();
    bench.config.timing.hold = Duration::from_millis(100);
    let limits = "[limits]\nmemory = \"16 MiB\"\ncpu-per-call = \"150 ms\"\ntime-per-call = \"30 ms\"";
    bench.put("f", &manifest("f", "log-filter", limits), &guest(false));
    let mut running = bench.start().await;
    running.until_state("f", PluginState::Active).await;
    // As on a machine that is overloaded, it needs longer than its time though it never waits: its processor time is the limit.
    let error = running.chain().await.process(lines(["!spin"])).await.unwrap_err().to_string();
    assert!(error.contains("of CPU, its limit is 150 ms"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_waits_for_ever_is_stopped_at_its_time_limit() {
    let (running, template) = running().await;
    let begun = Instant::now();
    let error = say(&running, &template, "!sleep").await.unwrap_err().to_string();
    let took = begun.elapsed();
    assert!(error.contains("rendering did not answer within 2 s"), "{error}");
    assert!(took >= Duration::from_secs(2), "{took:?}");
    assert!(say(&running, &template, "again").await.unwrap().contains("again"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_that_hoards_memory_is_stopped_and_the_message_says_memory() {
    let (running, template) = running().await;
    let error = say(&running, &template, "!bomb").await.unwrap_err().to_string();
    assert!(error.contains("wanted more memory than its limit of 16 MiB"), "{error}");
    assert!(say(&running, &template, "again").await.unwrap().contains("again"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trap_names_the_panic_and_the_next_call_has_a_new_instance() {
    let (mut running, template) = running().await;
    let error = say(&running, &template, "!trap").await.unwrap_err().to_string();
    assert!(error.contains("the guest was told to trap"), "{error}");
    assert!(running.until_state("bad", PluginState::Failing).await.reason.contains("trapped"));
    assert!(say(&running, &template, "again").await.unwrap().contains("again"));
    assert_eq!(running.until_state("bad", PluginState::Active).await.reason, "");
    assert_eq!(running.info("good").unwrap().state, PluginState::Active);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_dropped_half_way_does_not_spoil_the_next() {
    let (running, template) = running().await;
    let cut_off = tokio::time::timeout(Duration::from_millis(50), say(&running, &template, "!sleep")).await;
    assert!(cut_off.is_err());
    assert!(say(&running, &template, "again").await.unwrap().contains("again"));
}

#[tokio::test(flavor = "multi_thread")]
async fn capabilities_that_were_not_granted_are_denied_with_the_way_out() {
    let (running, template) = running().await;
    for (word, right, grant) in
        [("!http", "http", "http:127.0.0.1"), ("!secret", "secrets", "secrets:root"), ("!kv", "kv", "kv")]
    {
        let said = say(&running, &template, word).await.unwrap();
        assert!(said.contains("Denied") && said.contains(&format!("it wants `{right}`")), "{word}: {said}");
        assert!(said.contains(&format!("corral plugin grant bad {grant}")), "{word}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guest_sees_nothing_but_the_folder_that_it_was_granted() {
    let (running, template) = running().await;
    assert!(say(&running, &template, "!env").await.unwrap().ends_with("'0 0'"));
    for word in ["!file", "!escape", "!write", "!connect"] {
        let said = say(&running, &template, word).await.unwrap();
        assert!(said.contains("Err("), "{word}: {said}");
    }
    assert!(!running.bench.templates().join("new").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_make_no_sense_are_failures_that_name_the_plugin() {
    let (running, template) = running().await;
    for (word, needle) in [("!fewer", "answered 0 commands for 1 machines"), ("!none", "an empty command")] {
        let error = say(&running, &template, word).await.unwrap_err();
        assert!(
            matches!(&error, PluginError::Failed(text) if text.contains(needle) && text.contains("`bad`")),
            "{error}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_guest_prints_is_bounded() {
    let (running, template) = running().await;
    let _ = say(&running, &template, "!flood").await;
    let log = running.host.log("bad").unwrap();
    assert_eq!(log.len(), 512);
    assert!(log.iter().all(|entry| entry.text.len() <= 2048));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_fails_too_often_is_quarantined_until_it_is_reloaded() {
    let mut bench = Bench::new();
    std::fs::write(bench.templates().join("one"), "A title").unwrap();
    bench.grant("bad", &["read-file:templates"]);
    bench.config.timing.backoff = Duration::ZERO;
    bench.put("bad", &manifest("bad", "command-template", READS), &guest(false));
    let mut running = bench.start().await;
    running.until_state("bad", PluginState::Active).await;
    let template = running.until("it offers", |running| running.offers.get("bad")?.templates.first().cloned()).await;
    for _ in 0..4 {
        let error = say(&running, &template, "!trap").await.unwrap_err();
        assert!(matches!(error, PluginError::Failed(_)), "{error}");
    }
    let info = running.until_state("bad", PluginState::Quarantined).await;
    assert!(
        info.reason.contains("told to trap") && info.reason.contains("until it is changed or reloaded"),
        "{info:?}"
    );
    assert!(matches!(say(&running, &template, "x").await.unwrap_err(), PluginError::Unavailable(_)));
    assert_eq!(running.host.reload("bad").await.unwrap().generation, 2);
    assert!(say(&running, &template, "again").await.unwrap().contains("again"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_whose_answer_is_nonsense_or_too_large_never_lets_its_lines_pass() {
    for (word, needle) in [
        ("!beyond", "an edit of line 2 in a batch of 2 lines"),
        ("!twice", "two edits of line 1"),
        ("!newline", "a line with a newline in it"),
        ("!huge", "more than 16777216 bytes"),
        ("!many", "more than 16777216 bytes"),
        ("!error", "the guest was told to fail"),
        // What its panic said could be a line.
        ("!trap", "panicked at tests/components/guests/src/guest.rs:"),
    ] {
        let bench = Bench::new();
        let more = "[failure]\npolicy = \"fail-job\"\n[limits]\nmemory = \"128 MiB\"\n";
        bench.put("f", &manifest("f", "log-filter", more), &guest(false));
        let mut running = bench.start().await;
        running.until_state("f", PluginState::Active).await;
        let mut chain = running.chain().await;
        let error = chain.process(lines(["first", word])).await.unwrap_err().to_string();
        assert!(error.contains(needle) && error.contains("nothing is stored unfiltered"), "{word}: {error}");
        // A chain of another stream is not touched by it, once the wait for the restart is over.
        running.host.reload("f").await.unwrap();
        assert_eq!(texts(&running.chain().await.process(lines(["x"])).await.unwrap()), ["x"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn discovery_that_never_ends_or_fails_is_stopped() {
    for (word, needle) in [
        ("endless", "more than 200 pages"),
        ("same", "two machines with the id `same`"),
        ("!trap", "the guest was told to trap"),
    ] {
        let bench = Bench::new();
        let more = format!("[config]\ndefault = {{ discover = \"{word}\" }}\n");
        bench.put("d", &manifest("d", "discovery", &more), &guest(false));
        let mut running = bench.start().await;
        running.until_state("d", PluginState::Active).await;
        let error = running.host.discover("d").await.unwrap_err().to_string();
        assert!(error.contains(needle) && error.contains("plugin `d`"), "{word}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn discovery_follows_pages_and_fills_in_what_only_the_host_knows() {
    let bench = Bench::new();
    bench.put("d", &manifest("d", "discovery", ""), &guest(false));
    let mut running = bench.start().await;
    running.until_state("d", PluginState::Active).await;
    assert_eq!(running.host.discovery_sources(), ["d"]);
    let found = running.host.discover("d").await.unwrap();
    let ids: Vec<_> = found.iter().map(|found| found.external_id.as_str()).collect();
    assert_eq!(ids, ["vm-0", "vm-1", "vm-2"]);
    assert_eq!((found[0].new.user.as_str(), found[1].new.user.as_str()), ("me", "root"));
    assert_eq!(found[1].jump_ids, ["vm-0"]);
    let key = running.bench.dir.path().join("home/.ssh/id").to_string_lossy().into_owned();
    assert_eq!(found[1].new.auth, corral_domain::Auth::Key { identity_file: Some(key), secret: None });
    assert!(matches!(running.host.discover("none").await, Err(PluginError::NotFound(_))));
}
