//! Jobs that run as another account, by the real sudo of a real machine, which asks for a password.

use std::time::Duration;

use anyhow::{Result, ensure};
use corral_tests::account::{SudoMachine, owner};
use corral_tests::client::Client;
use corral_tests::host::{Host, Site};
use reqwest::Method;
use serde_json::{Value, json};

use crate::{LONG, shared};

const PASSWORD: &str = "it's a pa55 \"word\" $HOME";
const MODES: [&str; 2] = ["direct", "durable"];

/// A host that knows a machine and two secrets, of which one is the password.
struct Scene {
    machine: SudoMachine,
    client: Client,
    vm: String,
    _host: Host,
    _site: Site,
}

impl Scene {
    /// None where it cannot be tried.
    async fn new(net: u8) -> Result<Option<Self>> {
        let Some(machine) = SudoMachine::start(net, PASSWORD)? else { return Ok(None) };
        let site = Site::new()?;
        let host = site.start()?;
        let client = site.client(&host)?;
        for (name, value) in [("right", PASSWORD), ("wrong", "another word")] {
            client.send(Method::PUT, &format!("/api/secrets/{name}"), Some(&json!({"value": value}))).await?.ok()?;
        }
        let vm = client.add_vm(&machine.vm()).await?;
        Ok(Some(Self { machine, client, vm, _host: host, _site: site }))
    }

    async fn start(&self, script: &str, mode: &str, secret: &str, more: Value) -> Result<String> {
        let mut job = json!({"command": {"script": script}, "targets": {"vms": [self.vm]}, "mode": mode,
            "run_as": self.machine.run_as(secret)});
        for (key, value) in more.as_object().into_iter().flatten() {
            job[key] = value.clone();
        }
        self.client.start_job(&job).await
    }

    async fn texts(&self, job: &str) -> Result<Vec<String>> {
        self.client.texts(job, &self.vm).await
    }

    /// Waits until a command has said so many lines and they are stored, and gives them.
    async fn said(&self, job: &str, lines: usize) -> Result<Vec<String>> {
        let until = tokio::time::Instant::now() + LONG;
        loop {
            let said = self.texts(job).await?;
            if said.len() >= lines {
                return Ok(said);
            }
            ensure!(tokio::time::Instant::now() < until, "it has said {said:?} only");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_its_password_from_a_secret_a_job_runs_as_another_account() -> Result<()> {
    let _machine = shared().await;
    let Some(scene) = Scene::new(120).await? else { return Ok(()) };
    let script = "id -un; echo \"$GREETING $PWD\"; cat; exit 7";
    for mode in MODES {
        let more = json!({"stdin": "given\nto it\n", "env": {"GREETING": "it's set"}, "workdir": "/proc"});
        let job = scene.start(script, mode, "right", more).await?;
        let done = scene.client.finished(&job, LONG).await?;
        let expected = [scene.machine.app.name.as_str(), "it's set /proc", "given", "to it"];
        let said = scene.texts(&job).await?;
        ensure!(said == expected, "{mode}: it said {said:?}: {done}");
        let task = &done["tasks"][0];
        ensure!(task["status"] == "failed" && task["exit_code"] == 7, "{mode}: it ends as it ended: {task}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_wrong_password_nothing_runs_and_the_task_says_what_sudo_said() -> Result<()> {
    let _machine = shared().await;
    let Some(scene) = Scene::new(121).await? else { return Ok(()) };
    for mode in MODES {
        let job = scene.start("echo it ran", mode, "wrong", json!({})).await?;
        let done = scene.client.finished(&job, LONG).await?;
        let task = &done["tasks"][0];
        ensure!(task["status"] == "failed" && task["exit_code"] == 1, "{mode}: {task}");
        let said = scene.texts(&job).await?;
        ensure!(said.iter().any(|line| line.contains("incorrect password")), "{mode}: it said {said:?}");
        ensure!(!said.iter().any(|line| line.contains("it ran")), "{mode}: it ran: {said:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_secret_a_job_ends_before_anything_is_sent_and_names_it() -> Result<()> {
    let _machine = shared().await;
    let Some(scene) = Scene::new(122).await? else { return Ok(()) };
    for mode in MODES {
        let job = scene.start("echo it ran", mode, "no-such", json!({})).await;
        // Refused at once, or ended at once: in both cases it says which secret is missing.
        let said = match job {
            Err(refused) => format!("{refused:#}"),
            Ok(job) => {
                let done = scene.client.finished(&job, LONG).await?;
                let task = &done["tasks"][0];
                ensure!(task["status"] == "failed" && task["started_at"].is_null(), "{mode}: {task}");
                task["message"].to_string()
            }
        };
        ensure!(said.contains("`no-such`"), "{mode}: {said}");
    }
    Ok(())
}

/// A child that leaves the session, one that ignores TERM, one of the same session; each prints its pid.
const TREE: &str = "
setsid sh -c 'echo $$; exec sleep 300' &
sh -c 'trap \"\" TERM; echo $$; while :; do sleep 1; done' &
sh -c 'echo $$; exec sleep 300' &
echo $$; wait; sleep 300";
const TREE_PIDS: usize = 4;

impl Scene {
    /// Starts the tree, cancels it while all of it runs, and says what became of it.
    async fn cancel_a_tree(&self, mode: &str) -> Result<()> {
        let job = self.start(TREE, mode, "right", json!({})).await?;
        let said = self.said(&job, TREE_PIDS).await?;
        let pids = said.iter().map(|pid| Ok(pid.parse()?)).collect::<Result<Vec<u32>>>()?;
        let owners: Vec<_> = pids.iter().map(|pid| owner(*pid)).collect();
        ensure!(owners == [Some(self.machine.app.uid); TREE_PIDS], "they run as {owners:?}");

        self.client.post(&format!("/api/jobs/{job}/cancel"), &json!({})).await?.ok()?;
        let done = self.client.finished(&job, LONG).await?;
        let task = &done["tasks"][0];
        let receipt = &task["receipt"];
        ensure!(task["status"] == "cancelled", "{task}");
        ensure!(receipt["gone"].as_u64() >= Some(TREE_PIDS as u64), "{task}");
        ensure!(receipt["gone"] == receipt["signalled"] && receipt["unknown"] == "", "{task}");
        ensure!(receipt["survivors"].as_array().is_none_or(Vec::is_empty), "{task}");
        ensure!(receipt["killed"].as_u64() >= Some(1), "one ignored TERM: {task}");
        let left = self.machine.app.processes();
        ensure!(left.is_empty(), "{left:?} still run: {task}");
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_a_durable_job_ends_the_whole_tree_of_the_other_account_and_gives_a_receipt() -> Result<()> {
    let _machine = shared().await;
    let Some(scene) = Scene::new(123).await? else { return Ok(()) };
    scene.cancel_a_tree("durable").await
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_a_direct_job_ends_the_whole_tree_of_the_other_account_and_gives_a_receipt() -> Result<()> {
    let _machine = shared().await;
    let Some(scene) = Scene::new(124).await? else { return Ok(()) };
    scene.cancel_a_tree("direct").await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ended_when_it_was_asked_to_is_not_said_to_have_been_killed() -> Result<()> {
    let _machine = shared().await;
    let Some(scene) = Scene::new(128).await? else { return Ok(()) };
    let job = scene.start("echo begun; sleep 300", "durable", "right", json!({})).await?;
    scene.client.job_when(&job, LONG, |job| job["tasks"][0]["lines"] == 1).await?;
    scene.client.post(&format!("/api/jobs/{job}/cancel"), &json!({})).await?.ok()?;
    let done = scene.client.finished(&job, LONG).await?;
    let receipt = &done["tasks"][0]["receipt"];
    ensure!(receipt["gone"].as_u64() >= Some(1) && receipt["killed"] == 0, "{receipt}");
    Ok(())
}
