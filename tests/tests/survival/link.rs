//! What happens to the connection.

use std::time::Duration;

use anyhow::{Result, ensure};
use corral_tests::faults::machine::Fault;
use corral_tests::faults::proxy::Cut;
use corral_tests::faults::random::Random;
use corral_tests::faults::verdict::Wanted;

use crate::scene::{Job, SOON, Scene};

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_went_silent_is_noticed_and_replaced_while_it_is_still_silent() -> Result<()> {
    let scene = Scene::new(1).await?;
    let job = scene.running(6_000).await?;
    ensure!(scene.machine.link.cut(Cut::Silence) > 0, "there was nothing to silence");
    scene.keeper.task_when(&job.id, SOON, |task| !task["contact_lost_at"].is_null()).await?;
    let found = scene.keeper.task_when(&job.id, SOON, |task| task["contact_lost_at"].is_null()).await?;
    ensure!(found["status"] == "running" || !found["finished_at"].is_null(), "{found}");
    // Nobody has let go of the silent connection until here.
    let task = scene.ended(&job).await?;
    scene.judge(&job, &task, Wanted::Whole).await?;
    scene.whole(&job).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_is_away_while_its_command_ends_is_asked_when_it_is_back() -> Result<()> {
    let scene = Scene::new(2).await?;
    let job = scene.running(1_500).await?;
    let (away, gone) = tokio::join!(scene.machine.offline(Duration::from_secs(3)), scene.command_gone(&job));
    gone?;
    ensure!(away > 0, "there was no connection to lose");
    scene.whole(&job).await
}

#[tokio::test(flavor = "multi_thread")]
async fn in_mode_direct_slow_and_stalling_links_lose_nothing_and_a_cut_one_is_unknown() -> Result<()> {
    let scene = Scene::new(3).await?;
    let mut random = Random::new(crate::seed(3));
    let (workload, account) = scene.prepare("direct", 2_500)?;
    let id = scene.keeper.run_in("direct", &account.script(workload)?, &scene.vm).await?;
    for fault in [Fault::Slow, Fault::Stall, Fault::Slow] {
        scene.machine.suffer(fault, &mut random).await?;
    }
    let job = Job { id, workload, account };
    scene.judge(&job, &scene.ended(&job).await?, Wanted::Whole).await?;

    let (workload, account) = scene.prepare("direct, cut", 4_000)?;
    let id = scene.keeper.run_in("direct", &account.script(workload)?, &scene.vm).await?;
    let job = Job { id, workload, account };
    scene.keeper.task_when(&job.id, SOON, |task| task["lines"].as_u64() > Some(0)).await?;
    scene.machine.suffer(Fault::Reset, &mut random).await?;
    let task = scene.ended(&job).await?;
    crate::scene::is_unknown(&task, "the connection broke")?;
    scene.judge(&job, &task, Wanted::AnyBeginning).await
}
