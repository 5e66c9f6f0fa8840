//! Cancelling what is out of reach, what has run away, and what is cancelled already.

use std::time::Duration;

use anyhow::{Result, ensure};
use corral_tests::faults::keeper::Blow;
use corral_tests::faults::proxy::{Cut, Door};
use corral_tests::faults::verdict::Wanted;
use serde_json::{Value, json};

use crate::scene::{SOON, Scene, is_alive};

/// A child that leaves the session, one that leaves it twice over, one that ignores TERM; each prints its pid.
const STUBBORN: &str = "
setsid sh -c 'echo $$; exec sleep 300' &
( setsid sh -c 'setsid sh -c \"echo \\$\\$; exec sleep 300\" & exit 0' & )
sh -c 'trap \"\" TERM; echo $$; while :; do sleep 1; done' &
echo $$; wait; sleep 300";
const STUBBORN_PIDS: usize = 4;

fn has_receipt(task: &Value) -> Result<()> {
    let receipt = &task["receipt"];
    ensure!(task["status"] == "cancelled", "{task}");
    ensure!(receipt["signalled"].as_u64() > Some(0) && receipt["gone"] == receipt["signalled"], "{task}");
    ensure!(receipt["survivors"].as_array().is_none_or(Vec::is_empty) && receipt["unknown"] == "", "{task}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_without_connection_is_carried_out_when_there_is_one_and_gives_its_receipt_then() -> Result<()> {
    let scene = Scene::new(40).await?;
    let job = scene.running(120_000).await?;
    scene.machine.link.door(Door::Shut);
    scene.machine.link.cut(Cut::Reset);
    scene.keeper.task_when(&job.id, SOON, |task| !task["contact_lost_at"].is_null()).await?;
    scene.keeper.act(&job.id, "cancel").await?;
    // It is not said to have ended while it runs.
    tokio::time::sleep(Duration::from_millis(700)).await;
    let task = scene.keeper.get(&format!("/api/jobs/{}", job.id)).await?["tasks"][0].clone();
    ensure!(task["finished_at"].is_null() && is_alive(job.account.pids()[0]), "{task}");
    scene.machine.link.door(Door::Open);
    let task = scene.ended(&job).await?;
    has_receipt(&task)?;
    ensure!(!is_alive(job.account.pids()[0]), "it still runs");
    scene.judge(&job, &task, Wanted::Beginning).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_without_connection_outlives_a_kill_of_the_host() -> Result<()> {
    let scene = Scene::new(41).await?;
    let job = scene.running(120_000).await?;
    scene.machine.link.door(Door::Shut);
    scene.machine.link.cut(Cut::Reset);
    scene.keeper.act(&job.id, "cancel").await?;
    scene.keeper.without_host(Blow::Killed, async { Ok(()) }).await?;
    scene.machine.link.door(Door::Open);
    let task = scene.ended(&job).await?;
    has_receipt(&task)?;
    scene.judge(&job, &task, Wanted::Beginning).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_of_one_task_outlives_a_kill_of_the_host_too() -> Result<()> {
    let scene = Scene::new(45).await?;
    let job = scene.running(120_000).await?;
    let task = scene.keeper.get(&format!("/api/jobs/{}", job.id)).await?["tasks"][0].clone();
    scene.machine.link.door(Door::Shut);
    scene.machine.link.cut(Cut::Reset);
    let asked = json!({"vms": [task["vm_id"]]});
    scene.keeper.post(&format!("/api/jobs/{}/cancel", job.id), &asked).await?;
    scene.keeper.without_host(Blow::Killed, async { Ok(()) }).await?;
    scene.machine.link.door(Door::Open);
    let task = scene.ended(&job).await?;
    has_receipt(&task)?;
    ensure!(!task["cancel_requested_at"].is_null(), "{task}");
    scene.judge(&job, &task, Wanted::Beginning).await
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_twice_is_cancelling_once() -> Result<()> {
    let scene = Scene::new(42).await?;
    let job = scene.running(120_000).await?;
    let (one, two) = tokio::join!(scene.keeper.act(&job.id, "cancel"), scene.keeper.act(&job.id, "cancel"));
    one?;
    two?;
    let task = scene.ended(&job).await?;
    has_receipt(&task)?;
    let again = scene.keeper.client.post(&format!("/api/jobs/{}/cancel", job.id), &serde_json::json!({})).await?;
    ensure!(again.status.is_success() || again.status.as_u16() == 409, "{} {}", again.status, again.body);
    ensure!(scene.ended(&job).await? == task, "what has ended stays as it is");
    scene.judge(&job, &task, Wanted::Beginning).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_left_the_session_and_what_ignores_term_is_gone_and_counted_also_after_a_cut() -> Result<()> {
    let scene = Scene::new(43).await?;
    let id = scene.keeper.run(STUBBORN, &scene.vm).await?;
    scene.keeper.task_when(&id, SOON, |task| task["lines"].as_u64() >= Some(STUBBORN_PIDS as u64)).await?;
    // A line is counted when it is received and read when it is stored.
    let mut pids = scene.keeper.client.texts(&id, &scene.vm).await?;
    while pids.len() < STUBBORN_PIDS {
        tokio::time::sleep(Duration::from_millis(20)).await;
        pids = scene.keeper.client.texts(&id, &scene.vm).await?;
    }
    ensure!(pids.iter().all(|pid| is_alive(pid.parse().unwrap_or(0))), "{pids:?}");
    scene.machine.link.cut(Cut::Reset);
    scene.keeper.act(&id, "cancel").await?;
    let task = scene.keeper.ended(&id, SOON).await?;
    has_receipt(&task)?;
    ensure!(task["receipt"]["killed"].as_u64() > Some(0), "one ignored TERM: {task}");
    let left: Vec<_> = pids.iter().filter(|pid| is_alive(pid.parse().unwrap_or(0))).collect();
    ensure!(left.is_empty(), "{left:?} still run: {task}");
    scene.machine.clean(SOON).await
}
