//! The main job: a template that a plugin offers runs over SSH, its lines go through a filter, arrive live, and are found
//! again after a restart.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use corral_tests::client::{Client, Incoming};
use corral_tests::fleet::Fleet;
use corral_tests::host::Site;
use serde_json::{Value, json};

use crate::{SOON, alone, shared};

const TEMPLATE: &str = r#"id: greet
title: Greet
description: Says hello to someone.
category: tests
parameters:
  - name: who
argv: [sh, -c, 'echo "hello $1"; echo "password=hunter2"; echo to-stderr >&2; sleep 0.3; echo done', sh, "{{who}}"]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn the_main_job_from_a_template_to_its_log_after_a_restart() -> Result<()> {
    let _machine = shared().await;
    let fleet = Fleet::start(3).await?;
    let site = Site::new()?;
    let templates = site.dir("templates")?;
    std::fs::write(templates.join("greet.yaml"), TEMPLATE)?;
    let site = site.with_args(&["--templates", &templates.to_string_lossy()]);
    let mut host = site.start()?;
    let client = site.client(&host)?;
    let vms = fleet.add_all(&client).await?;
    client.plugins_settled(SOON).await?;
    let template = template_named(&client, "Greet").await?;
    let id = template["id"].as_str().context("an id")?;

    let args = json!({"who": "the world; $(rm -rf /) 'quoted'"});
    let preview = client
        .post(&format!("/api/commands/{id}/render"), &json!({"args": args, "targets": {"vms": vms}}))
        .await?
        .ok()?;
    ensure!(preview["items"].as_array().map(Vec::len) == Some(3), "one command per machine: {preview}");

    let mut socket = client.socket().await?;
    let snapshot = socket.subscribe_state(SOON).await?;
    let request = json!({"template": {"id": id, "args": args}, "targets": {"vms": vms}});
    let job = client.start_job(&request).await?;
    let live = watch(&mut socket, &job, &vms, snapshot["seq"].as_u64().context("seq")?).await?;
    for (vm, lines) in vms.iter().zip(&live) {
        let lines: Vec<_> = lines.iter().map(|line| String::from_utf8_lossy(line).into_owned()).collect();
        ensure!(lines.contains(&"hello the world; $(rm -rf /) 'quoted'".to_owned()), "{lines:?}");
        ensure!(!lines.iter().any(|line| line.contains("hunter2")), "the filter came too late: {lines:?}");
        ensure!(lines.len() == 4 && lines.last().is_some_and(|line| line == "done"), "{lines:?}");
        ensure!(client.texts(&job, vm).await? == lines, "live and stored lines differ");
    }
    let before = client.finished(&job, SOON).await?;
    ensure!(before["status"] == "succeeded" && before["counts"]["succeeded"] == 3, "{before}");
    let logs = all_logs(&client, &job, &vms).await?;
    let redacted = logs[0].iter().find(|line| line["text"].as_str().is_some_and(|text| text.starts_with("password=")));
    ensure!(redacted.is_some_and(|line| line["changed_by"][0] == "redact"), "says which filter changed it");
    ensure!(logs[0].iter().any(|line| line["stream"] == "stderr"), "both outputs are kept apart");

    ensure!(host.stop()?.success());
    let host = site.start()?;
    let client = site.client(&host)?;
    ensure!(client.job(&job).await? == before, "the job is what it was before the restart");
    ensure!(all_logs(&client, &job, &vms).await? == logs, "the log is what it was before the restart");
    let history = client.get(&format!("/api/jobs?vm={}", vms[0])).await?.ok()?;
    ensure!(history["items"][0]["id"] == job, "{history}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_file_that_is_saved_is_shown_on_an_open_dashboard_by_itself() -> Result<()> {
    let _machine = alone().await;
    let site = Site::new()?;
    let templates = site.dir("templates")?;
    let site = site.with_args(&["--templates", &templates.to_string_lossy()]);
    let host = site.start()?;
    let client = site.client(&host)?;
    client.plugins_settled(SOON).await?;
    let mut socket = client.socket().await?;
    socket.subscribe_state(SOON).await?;
    for title in ["Greet", "Greet again"] {
        let saved = Instant::now();
        std::fs::write(templates.join("greet.yaml"), TEMPLATE.replace("title: Greet", &format!("title: {title}")))?;
        let offers = |event: &Value| {
            let offered = event["templates"].as_array().map(Vec::as_slice).unwrap_or_default();
            event["type"] == "templates-changed" && offered.iter().any(|template| template["title"] == title)
        };
        socket.event_when(SOON, offers).await?;
        println!("  from saved to shown: {:?}", saved.elapsed());
    }
    std::fs::write(templates.join("broken.yaml"), "id: broken\ntitle: [")?;
    let told = |event: &Value| event["problems"].as_array().is_some_and(|problems| !problems.is_empty());
    socket.event_when(SOON, told).await.context("a broken file is told of, beside the good one")?;
    template_named(&client, "Greet again").await?;
    Ok(())
}

async fn template_named(client: &Client, title: &str) -> Result<Value> {
    let listed = client.get("/api/commands").await?.ok()?;
    let found = listed["items"].as_array().into_iter().flatten().find(|template| template["title"] == title);
    found.cloned().with_context(|| format!("no template `{title}` in {listed}"))
}

/// Watches a job over the socket to its end: state on channel 1, one log per machine on the channels after it. Sees to
/// it that events come without a gap and lines without a gap or a double.
async fn watch(
    socket: &mut corral_tests::client::Socket,
    job: &str,
    vms: &[String],
    mut seq: u64,
) -> Result<Vec<Vec<Vec<u8>>>> {
    const FIRST_LOG: u32 = 2;
    for (channel, vm) in (FIRST_LOG..).zip(vms) {
        socket.subscribe_log(channel, job, vm).await?;
    }
    let mut logs = vec![Vec::new(); vms.len()];
    let (mut ended, mut job_done) = (0, false);
    while ended < vms.len() || !job_done {
        match socket.next(SOON).await? {
            Incoming::Lines(frame) => {
                let log: &mut Vec<Vec<u8>> = &mut logs[(frame.channel - FIRST_LOG) as usize];
                ensure!(frame.first_line == log.len() as u64, "a gap or a double in a log");
                log.extend(frame.texts);
            }
            Incoming::Control(message) => {
                ended += usize::from(message["t"] == "end");
                for event in message["events"].as_array().into_iter().flatten() {
                    seq += 1;
                    ensure!(event["seq"] == seq, "event {} came where {seq} was due", event["seq"]);
                    job_done |= event["type"] == "job-updated"
                        && event["job_id"] == job
                        && event["changes"]["status"] == "succeeded";
                }
            }
            Incoming::Closed(why) => anyhow::bail!("the socket was closed: {why:?}"),
        }
    }
    Ok(logs)
}

async fn all_logs(client: &Client, job: &str, vms: &[String]) -> Result<Vec<Vec<Value>>> {
    let mut logs = Vec::new();
    for vm in vms {
        logs.push(client.log(job, vm).await?);
    }
    Ok(logs)
}
