//! Templates: offered, checked, rendered, and offered anew when a file changes.

use std::time::Instant;

use corral_domain::PluginState;
use corral_engine::ports::{PluginError, Plugins};
use serde_json::json;

use crate::bench::{Bench, Running, guest, manifest, vm};

const READS: &str =
    "[[wants]]\ncapability = \"read-file\"\npath = \"templates\"\nmount = \"/templates\"\nreason = \"to read\"\n";

async fn running(files: &[(&str, &str)]) -> Running {
    let mut bench = Bench::new();
    for (name, text) in files {
        std::fs::write(bench.templates().join(name), text).unwrap();
    }
    bench.grant("t", &["read-file:templates"]);
    bench.put("t", &manifest("t", "command-template", READS), &guest(false));
    let mut running = bench.start().await;
    running.until_state("t", PluginState::Active).await;
    running
}

fn ids(running: &Running) -> Option<Vec<String>> {
    Some(running.offers.get("t")?.templates.iter().map(|template| template.id.clone()).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_source_is_told_and_does_not_hide_the_others() {
    let mut running = running(&[("a", "First"), ("b", "broken"), ("c", "no schema"), ("d", "Fourth")]).await;
    running.until("two are offered", |running| (ids(running)? == ["t/a", "t/d"]).then_some(())).await;
    let problems = &running.offers["t"].problems;
    assert_eq!(problems[0], "b: it is broken");
    assert!(problems[1].starts_with("c: its parameters are not JSON"), "{problems:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_are_checked_before_the_plugin_sees_them_and_the_field_is_named() {
    let mut running = running(&[("a", "First")]).await;
    let template = running.until("offered", |running| running.offers.get("t")?.templates.first().cloned()).await;
    let machines = [vm("web-1"), vm("web-2")];
    let rendered = running.host.render(&template, &json!({"word": "hi"}), &machines).await.unwrap();
    let shells: Vec<_> = rendered.iter().map(|one| one.command.to_shell()).collect();
    assert_eq!(shells, ["a web-1 hi", "a web-2 hi"]);
    assert_eq!(rendered[0].env, [("WORD".to_owned(), "1".to_owned())]);
    for (args, needle) in
        [(json!({"word": 7}), "word: 7 is not of type"), (json!({}), "\"word\" is a required property")]
    {
        let error = running.host.render(&template, &args, &machines).await.unwrap_err();
        assert!(matches!(&error, PluginError::InvalidInput(text) if text.contains(needle)), "{error:?}");
    }
    let mut gone = template.clone();
    gone.id = "t/none".into();
    assert!(matches!(running.host.render(&gone, &json!({}), &machines).await, Err(PluginError::NotFound(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_file_is_offered_by_itself() {
    let mut running = running(&[("a", "First")]).await;
    running.until("one is offered", |running| (ids(running)? == ["t/a"]).then_some(())).await;
    let folder = running.bench.templates();
    let begun = Instant::now();
    std::fs::write(folder.join("b"), "Second").unwrap();
    running.until("two are offered", |running| (ids(running)? == ["t/a", "t/b"]).then_some(())).await;
    let took = begun.elapsed();
    std::fs::write(folder.join("a"), "Another title").unwrap();
    running
        .until("the title changed", |running| (running.offers["t"].templates[0].title == "Another title").then_some(()))
        .await;
    std::fs::remove_file(folder.join("a")).unwrap();
    running.until("one is gone", |running| (ids(running)? == ["t/b"]).then_some(())).await;
    println!("file saved to notice: {took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_appears_later_is_read_then() {
    let mut bench = Bench::new();
    let later = bench.dir.path().join("later");
    bench.config.mounts.insert("templates".into(), vec![later.clone()]);
    bench.grant("t", &["read-file:templates"]);
    bench.put("t", &manifest("t", "command-template", READS), &guest(false));
    let mut running = bench.start().await;
    running.until_state("t", PluginState::Active).await;
    std::fs::create_dir(&later).unwrap();
    std::fs::write(later.join("x"), "Late").unwrap();
    running.until("it is offered", |running| (ids(running)? == ["t/x"]).then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_on_which_the_plugin_chokes_makes_it_fail_and_the_repair_makes_it_well() {
    let mut running = running(&[("a", "First")]).await;
    running.until("one is offered", |running| (ids(running)? == ["t/a"]).then_some(())).await;
    std::fs::write(running.bench.templates().join("b"), "!trap").unwrap();
    let info = running.until("it fails", |running| running.info("t").filter(|info| !info.reason.is_empty())).await;
    assert!(info.reason.contains("told to trap"), "{}", info.reason);
    // What it offered before is still there.
    assert_eq!(ids(&running).unwrap(), ["t/a"]);
    std::fs::write(running.bench.templates().join("b"), "Second").unwrap();
    running.until("two are offered", |running| (ids(running)? == ["t/a", "t/b"]).then_some(())).await;
    running.until_state("t", PluginState::Active).await;
}
