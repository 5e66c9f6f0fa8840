//! Machines that cannot be used: each task says why and what to do, and the machine beside them is not held up.

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context, Result, ensure};
use corral_tests::fleet::Fleet;
use corral_tests::host::Site;
use serde_json::{Value, json};

use crate::{LONG, shared};

/// A key that no server here has.
const OTHER_HOST_KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGPKSUTyz1HwHReFVvD5obVsALAgJRNarH4TRpNePnAS";

#[tokio::test(flavor = "multi_thread")]
async fn machines_that_cannot_be_used_are_unreachable_with_a_reason_and_the_good_one_succeeds() -> Result<()> {
    let _machine = shared().await;
    let fleet = Fleet::start(1).await?;
    let site = Site::new()?;
    let mut host = site.start()?;
    let client = site.client(&host)?;
    let good = fleet.vm(0);

    let closed = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
    let garbage = babbler(b"HTTP/1.1 400 Bad Request\r\n\r\n\0\xff\xfe not SSH at all \x1b[2J")?;
    let changed = |field: &str, value: Value| -> Value {
        let mut vm = good.clone();
        vm[field] = value;
        vm
    };
    let odd: Vec<(&str, Value)> = vec![
        ("port-closed", changed("port", json!(closed))),
        // A label of 64 characters: refused by the resolver itself, nothing is asked of any network.
        ("no-such-name", changed("address", json!(format!("{}.invalid", "a".repeat(64))))),
        ("garbage", changed("port", json!(garbage))),
        ("wrong-key", changed("auth", json!({"kind": "key", "identity_file": fleet.stranger_key()}))),
        ("no-key", changed("auth", json!({"kind": "key", "identity_file": "/nonexistent/key"}))),
        ("wrong-user", changed("user", json!("nobody-of-that-name"))),
        ("changed-host-key", changed("host_keys", json!([OTHER_HOST_KEY]))),
    ];
    let mut vms = Vec::new();
    for (name, mut vm) in odd.clone() {
        vm["name"] = json!(name);
        vms.push(client.add_vm(&vm).await.with_context(|| format!("adding {name}"))?);
    }
    vms.push(client.add_vm(&good).await?);

    let job = client.run("echo here", &vms).await?;
    let done = client.finished(&job, LONG).await?;
    ensure!(done["status"] == "failed", "{done}");
    ensure!(done["counts"]["unreachable"] == odd.len() && done["counts"]["succeeded"] == 1, "{done}");
    for task in done["tasks"].as_array().into_iter().flatten().filter(|task| task["status"] == "unreachable") {
        let message = task["message"].as_str().unwrap_or_default();
        ensure!(message.contains(": ") && message.contains("; "), "says the step, the reason and a remedy: {task}");
        ensure!(task["lines"] == 0 && task["exit_code"].is_null(), "{task}");
    }
    ensure!(host.is_alive()?);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_test_names_the_step_that_failed() -> Result<()> {
    let _machine = shared().await;
    let fleet = Fleet::start(1).await?;
    let site = Site::new()?;
    let host = site.start()?;
    let client = site.client(&host)?;

    let id = client.add_vm(&fleet.vm(0)).await?;
    let report = client.post(&format!("/api/vms/{id}/test"), &json!({})).await?.ok()?;
    ensure!(report["ok"] == true && report["latency_ms"].is_number(), "{report}");

    let mut vm = fleet.vm(0);
    vm["name"] = json!("changed");
    vm["host_keys"] = json!([OTHER_HOST_KEY]);
    let id = client.add_vm(&vm).await?;
    let report = client.post(&format!("/api/vms/{id}/test"), &json!({})).await?.ok()?;
    ensure!(report["ok"] == false && report["failure"]["step"] == "host key", "{report}");
    ensure!(report["failure"]["offered_host_key"].is_string(), "the key that was shown is there to look at: {report}");
    let vm = client.get(&format!("/api/vms/{id}")).await?.ok()?;
    ensure!(vm["offered_host_key"] == report["failure"]["offered_host_key"], "it waits for a decision: {vm}");

    // The operator knows that the machine was rebuilt, accepts its new key, and it works.
    client.post(&format!("/api/vms/{id}/host-key"), &json!({"action": "replace"})).await?.ok()?;
    let report = client.post(&format!("/api/vms/{id}/test"), &json!({})).await?.ok()?;
    ensure!(report["ok"] == true, "{report}");
    Ok(())
}

/// Answers every connection with these bytes and closes it. Returns its port; ends with the process.
fn babbler(words: &'static [u8]) -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            let _ = stream.write_all(words);
        }
    });
    Ok(port)
}
