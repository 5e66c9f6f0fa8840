//! Plugins in Rust.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::author::{Author, change};
use crate::jobs::{Machines, filter_works, template_works};

#[tokio::test(flavor = "multi_thread")]
async fn a_rust_filter_and_a_rust_template_go_from_an_empty_folder_to_real_jobs() -> Result<()> {
    let author = Author::new()?;
    for kind in ["log-filter", "command-template"] {
        let id = format!("my-{kind}");
        author.does(&["new", &id, "--kind", kind])?;
        let built = author.does(&["build", &id])?;
        ensure!(built.contains(&format!("dist/{id}/plugin.wasm")), "{built}");
        let checked = author.does(&["check", &id])?;
        ensure!(!checked.contains("warn") && !checked.contains("fail"), "a starter is as it should be:\n{checked}");
        let tested = author.does(&["test", &id])?;
        ensure!(tested.contains(" passed, 0 failed"), "{tested}");
    }
    let running = author.start_host()?;
    let machines = Machines::start(&running.client).await?;
    filter_works(&author, &running, &machines, "my-log-filter").await?;
    template_works(&author, &running, &machines, "my-command-template").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rust_discovery_waits_for_its_grant_and_then_finds_machines() -> Result<()> {
    let author = Author::new()?;
    author.does(&["new", "lists", "--kind", "discovery"])?;
    let tested = author.does(&["test", "lists"])?;
    ensure!(tested.contains("3 passed, 0 failed"), "{tested}");
    let lists = author.path("home/machines");
    std::fs::create_dir_all(&lists)?;
    std::fs::write(lists.join("machines.txt"), "web-1 10.0.0.11 env=prod\n")?;

    let running = author.start_host()?;
    let told = running.does(&author, &["install", "lists"])?;
    ensure!(told.contains("lists 0.1.0 is blocked"), "{told}");
    let grant = told.lines().filter_map(|line| line.trim().strip_prefix("corral plugin grant ")).next_back();
    ensure!(grant == Some("lists 'read-file:~/machines'"), "it says what to type:\n{told}");
    running.does(&author, &["grant", "lists", "read-file:~/machines"])?;
    let found = running.client.get("/api/discovery/lists").await?.ok()?;
    ensure!(found.to_string().contains("10.0.0.11"), "{found}");

    running.does(&author, &["rm", "lists"])?;
    let gone = running.client.get("/api/plugins/lists").await?;
    gone.problem(404)?;
    let events = running.client.get("/api/events").await?.ok()?;
    ensure!(events.to_string().contains("plugin-removed"), "{events}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_example_that_fails_shows_the_difference_and_a_trap_is_no_pass() -> Result<()> {
    let author = Author::new()?;
    author.does(&["new", "mistaken", "--kind", "log-filter"])?;
    let project = author.path("mistaken");
    let example = project.join("examples/filter.json");
    change(&example, "\"GET / 200\", { \"text\"", "\"GET / 201\", { \"text\"")?;
    let out = author.tries(&["test", "mistaken"])?;
    let text = String::from_utf8_lossy(&out.stdout);
    ensure!(out.status.code() == Some(1), "{text}");
    ensure!(text.contains("- GET / 201") && text.contains("+ GET / 200") && text.contains("1 failed"), "{text}");

    let out = author.tries(&["test", "mistaken", "--json"])?;
    let report: Value = serde_json::from_slice(&out.stdout).context("JSON on standard output and nothing else")?;
    ensure!(report["failed"] == 1 && report["examples"][0]["ok"] == false, "{report}");

    // A filter that lets lines by while it is down would look as if it had done nothing.
    change(&example, "GET / 201", "GET / 200")?;
    let source = project.join("src/lib.rs");
    change(
        &source,
        "for line in batch {",
        "for line in batch {\n            assert!(!line.text.contains(\"slow\"), \"too slow\");",
    )?;
    let out = author.tries(&["test", "mistaken"])?;
    let text = String::from_utf8_lossy(&out.stdout);
    ensure!(out.status.code() == Some(1) && text.contains("too slow") && text.contains("1 passed, 1 failed"), "{text}");

    change(&source, "for line in batch {", "for line in batch")?;
    let out = author.tries(&["build", "mistaken"])?;
    let error = String::from_utf8_lossy(&out.stderr);
    ensure!(out.status.code() == Some(1) && error.contains("`cargo build` ended with"), "{error}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_component_uses_and_what_its_manifest_wants_must_agree() -> Result<()> {
    let author = Author::new()?;
    author.does(&["new", "greedy", "--kind", "log-filter"])?;
    let project = author.path("greedy");
    let used = "corral_plugin_sdk::kv::set(\"opened\", b\"yes\")?;\n        Ok(Self { config: config()? })";
    change(&project.join("src/lib.rs"), "Ok(Self { config: config()? })", used)?;
    let out = author.tries(&["check", "greedy"])?;
    let text = String::from_utf8_lossy(&out.stdout);
    ensure!(out.status.code() == Some(1), "{text}");
    ensure!(text.contains("imports `corral:host/kv`, but plugin.toml does not want it"), "{text}");

    let wants = "[[wants]]\ncapability = \"kv\"\nreason = \"to remember\"\n\n[limits]";
    change(&project.join("plugin.toml"), "[limits]", wants)?;
    let text = author.does(&["check", "greedy"])?;
    ensure!(text.contains("kv: to remember"), "{text}");
    let kept = r#"{"about": "it remembers", "filter": {"lines": []}, "expect": {"kv": {"opened": "yes"}}}"#;
    std::fs::write(project.join("examples/kept.json"), kept)?;
    let text = author.does(&["test", "greedy"])?;
    ensure!(text.contains("3 passed, 0 failed"), "{text}");
    let denied = r#"{"about": "without", "grant": [], "filter": {"lines": []}, "expect": {"error": "corral plugin grant greedy kv"}}"#;
    std::fs::write(project.join("examples/kept.json"), denied)?;
    let text = author.does(&["test", "greedy", "--only", "without"])?;
    ensure!(text.contains("1 passed, 0 failed"), "{text}");
    Ok(())
}
