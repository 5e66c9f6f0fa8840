//! What happens to the host.

use std::time::Duration;

use anyhow::{Result, ensure};
use corral_tests::faults::keeper::Blow;
use corral_tests::faults::random::Random;

use crate::scene::{Job, Scene};

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_is_killed_while_it_launches_starts_nothing_twice() -> Result<()> {
    const TIMES: u64 = 6;
    let scene = Scene::new(20).await?;
    let mut random = Random::new(crate::seed(20));
    for time in 0..TIMES {
        let (workload, account) = scene.prepare(&format!("launch {time}"), 300)?;
        let id = scene.keeper.run(&account.script(workload)?, &scene.vm).await?;
        // From before the first packet to after the first line.
        tokio::time::sleep(Duration::from_millis(random.between(0, 150))).await;
        scene.keeper.without_host(Blow::Killed, async { Ok(()) }).await?;
        scene.whole(&Job { id, workload, account }).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_ends_while_there_is_no_host_is_told_of_when_there_is_one_again() -> Result<()> {
    let scene = Scene::new(21).await?;
    for blow in [Blow::Killed, Blow::Stopped] {
        let (workload, account) = scene.prepare(blow.name(), 1_000)?;
        let id = scene.keeper.run(&account.script(workload)?, &scene.vm).await?;
        let job = Job { id, workload, account };
        scene.keeper.task_when(&job.id, crate::scene::SOON, |task| task["status"] == "running").await?;
        scene.keeper.without_host(blow, scene.command_gone(&job)).await?;
        scene.whole(&job).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_that_dies_again_and_again_in_the_middle_of_a_flush_stores_every_line_once() -> Result<()> {
    const TIMES: usize = 5;
    let scene = Scene::new(22).await?;
    let mut random = Random::new(crate::seed(22));
    let job = scene.running(8_000).await?;
    for _ in 0..TIMES {
        tokio::time::sleep(Duration::from_millis(random.between(50, 900))).await;
        scene.keeper.without_host(Blow::Killed, async { Ok(()) }).await?;
    }
    ensure!(job.account.starts() == 1);
    scene.whole(&job).await
}
