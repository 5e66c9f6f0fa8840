//! Decisions about host keys: each leaves a row that says who decided what about which machine, and what was refused leaves
//! none.

use std::time::Duration;

use anyhow::{Result, ensure};
use corral_tests::client::Client;
use corral_tests::host::Site;
use corral_tests::sshd::{Options, Sshd};
use serde_json::{Value, json};

use crate::audit::rows;
use crate::{LONG, shared};

/// Goes to the machine; the key that it offers, if that is not accepted.
async fn offered(client: &Client, vm: &str) -> Result<Option<String>> {
    let test = client.post(&format!("/api/vms/{vm}/test"), &json!({})).await?.ok()?;
    let key = test["failure"]["offered_host_key"].as_str().map(str::to_owned);
    ensure!(key.is_some() != (test["ok"] == true), "{test}");
    Ok(key)
}

fn keys(vm: &Value, list: &str) -> Vec<String> {
    let keys = vm[list].as_array().into_iter().flatten();
    keys.filter_map(|key| Some(key["key"].as_str()?.to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_decision_on_a_host_key_leaves_its_row_and_what_was_refused_leaves_none() -> Result<()> {
    let _machine = shared().await;
    let mut sshd = Sshd::start(Options { net: 126, ..Options::default() });
    let site = Site::new()?;
    let mut host = site.start()?;
    let client = site.client(&host)?;
    let vm = client
        .add_vm(&json!({"name": "web-1", "address": sshd.ip(0), "port": sshd.port(), "user": Sshd::user(),
            "auth": {"kind": "key", "identity_file": sshd.client_key()}}))
        .await?;
    let decide = async |client: &Client, body: Value| client.post(&format!("/api/vms/{vm}/host-key"), &body).await;

    let first = sshd.host_key("ed25519");
    ensure!(offered(&client, &vm).await? == Some(first.clone()), "an unknown key is offered, not accepted");
    decide(&client, json!({"action": "accept"})).await?.ok()?;
    ensure!(offered(&client, &vm).await?.is_none(), "an accepted key lets in");
    // The machine is built anew.
    sshd.stop();
    sshd.new_host_keys();
    sshd.launch();
    let second = sshd.host_key("ed25519");
    ensure!(offered(&client, &vm).await? == Some(second.clone()), "a changed key is offered, not accepted");
    let shown = decide(&client, json!({"action": "replace", "key": second})).await?.ok()?;
    ensure!(keys(&shown, "host_keys") == [second.clone()], "{shown}");
    let shown = decide(&client, json!({"action": "revoke", "key": first})).await?.ok()?;
    ensure!(keys(&shown, "revoked_host_keys") == [first.clone()], "{shown}");
    decide(&client, json!({"action": "revoke"})).await?.ok()?;
    // A revoked key comes back only by its name; that is two decisions.
    decide(&client, json!({"action": "accept", "key": second})).await?.ok()?;

    let operator = Client::new(client.base(), &site.token("operator")?)?;
    decide(&operator, json!({"action": "revoke"})).await?.problem(403)?;
    decide(&client, json!({"action": "accept", "key": "no key"})).await?.problem(422)?;
    // What was answered is on disk, also if the host is gone the next moment.
    host.kill_9()?;

    let rows = rows(&site, "vm.host-key").await?;
    let decided: Vec<_> =
        rows.iter().map(|row| row[3].split(" +").next().unwrap_or("").split(" -").next().unwrap_or("")).collect();
    ensure!(rows.iter().all(|row| row[3].contains("SHA256:")), "each names its keys: {rows:?}");
    ensure!(decided == ["accept", "replace", "revoke", "revoke all", "pardon", "accept"], "{rows:?}");
    for [actor, _, object, _] in &rows {
        ensure!(actor == "token:test" && *object == vm, "{rows:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_the_host_accepts_by_itself_leaves_a_row_of_the_host() -> Result<()> {
    let _machine = shared().await;
    let sshd = Sshd::start(Options { net: 127, ..Options::default() });
    let site = Site::new()?;
    let mut host = site.start()?;
    let client = site.client(&host)?;
    let vm = client
        .add_vm(&json!({"name": "web-1", "address": sshd.ip(0), "port": sshd.port(), "user": Sshd::user(),
            "auth": {"kind": "key", "identity_file": sshd.client_key()}, "accept_new_host_key": true}))
        .await?;
    ensure!(offered(&client, &vm).await?.is_none(), "the first key is accepted");
    // Whichever of its own looks met the key first, it is pinned soon.
    let until = tokio::time::Instant::now() + LONG;
    loop {
        let shown = client.get(&format!("/api/vms/{vm}")).await?.ok()?;
        if keys(&shown, "host_keys") == [sshd.host_key("ed25519")] {
            break;
        }
        ensure!(tokio::time::Instant::now() < until, "it is not pinned: {shown}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    host.kill_9()?;
    let rows = rows(&site, "vm.host-key").await?;
    ensure!(!rows.is_empty(), "it left a row");
    for [actor, _, object, detail] in &rows {
        ensure!(
            actor == "host"
                && *object == vm
                && ["accept", "first contact"].iter().any(|why| detail.starts_with(&format!("{why} +SHA256:"))),
            "{rows:?}"
        );
    }
    Ok(())
}
