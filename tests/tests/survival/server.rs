//! What happens to sshd.

use std::time::Duration;

use anyhow::{Result, ensure};
use corral_tests::faults::verdict::Wanted;
use corral_tests::sshd::Options;

use crate::scene::{Scene, is_unknown};

#[tokio::test(flavor = "multi_thread")]
async fn sshd_is_killed_with_every_session_and_the_command_goes_on() -> Result<()> {
    let scene = Scene::new(10).await?;
    let job = scene.running(3_000).await?;
    scene.machine.restart_sshd(Duration::from_millis(800), None).await?;
    ensure!(scene.machine.sshd().drop_connections() < 100);
    scene.whole(&job).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_sshd_that_allows_one_session_is_enough_to_follow_and_to_cancel() -> Result<()> {
    let options = Options { config: "MaxSessions 1\n".to_owned(), ..Options::default() };
    let scene = Scene::with(11, "", options).await?;
    let job = scene.running(2_000).await?;
    scene.machine.restart_sshd(Duration::from_millis(100), Some(1)).await?;
    scene.whole(&job).await?;

    let (workload, account) = scene.prepare("cancelled", 60_000)?;
    let id = scene.keeper.run(&account.script(workload)?, &scene.vm).await?;
    let job = crate::scene::Job { id, workload, account };
    scene.keeper.task_when(&job.id, crate::scene::SOON, |task| task["lines"].as_u64() > Some(0)).await?;
    scene.keeper.act(&job.id, "cancel").await?;
    let task = scene.ended(&job).await?;
    ensure!(task["status"] == "cancelled" && task["receipt"]["gone"].as_u64() > Some(0), "{task}");
    scene.judge(&job, &task, Wanted::Beginning).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_stays_away_is_unknown_and_check_now_finds_out_once_it_is_back() -> Result<()> {
    let scene = Scene::with(12, "reattach_seconds = 2", Options::default()).await?;
    let job = scene.running(1_500).await?;
    tokio::task::block_in_place(|| scene.machine.sshd().stop_daemon());
    let task = scene.ended(&job).await?;
    is_unknown(&task, "no contact")?;
    scene.judge(&job, &task, Wanted::AnyBeginning).await?;
    scene.command_gone(&job).await?;

    // Still away: looking says so again, and changes nothing.
    scene.keeper.act(&job.id, "check").await?;
    is_unknown(&scene.ended(&job).await?, "no contact")?;

    scene.machine.restart_sshd(Duration::ZERO, None).await?;
    scene.keeper.act(&job.id, "check").await?;
    scene.whole(&job).await
}

#[tokio::test(flavor = "multi_thread")]
async fn check_now_follows_a_command_on_that_still_runs() -> Result<()> {
    let scene = Scene::with(13, "reattach_seconds = 1", Options::default()).await?;
    let job = scene.running(12_000).await?;
    tokio::task::block_in_place(|| scene.machine.sshd().stop_daemon());
    is_unknown(&scene.ended(&job).await?, "no contact")?;
    scene.machine.restart_sshd(Duration::ZERO, None).await?;
    scene.keeper.act(&job.id, "check").await?;
    scene.whole(&job).await
}
