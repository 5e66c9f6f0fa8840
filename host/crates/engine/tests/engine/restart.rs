//! What a restart finds and makes of it.

use std::time::Duration;

use crate::support::{World, request};
use corral_domain::{JobStatus, TaskStatus};
use corral_engine::{JobRequest, Settings};

#[test]
fn after_a_kill_nothing_runs_for_ever_nothing_runs_twice_and_shown_lines_are_there() {
    let dir = tempfile::tempdir().unwrap();
    let first = tokio::runtime::Runtime::new().unwrap();
    let (id, vms, shown) = first.block_on(async {
        let world = World::start(dir.path()).await;
        let vms = world.vms("web", 3).await;
        let id = world.request(JobRequest { parallelism: Some(1), ..request("gate 500", &vms) }).await;
        world.until(id, |_, tasks| tasks[0].lines == 500).await;
        let shown = world.log(id, vms[0]).await;
        std::mem::forget(world);
        (id, vms, shown)
    });
    // Everything stops in the middle, as by `kill -9`.
    first.shutdown_timeout(Duration::from_secs(60));

    let second = tokio::runtime::Runtime::new().unwrap();
    second.block_on(async {
        let world = World::start(dir.path()).await;
        world.until(id, |_, tasks| tasks[1].status == TaskStatus::Running).await;
        let (_, tasks) = world.engine.job(id).await.unwrap().unwrap();
        assert_eq!(tasks[0].status, TaskStatus::Unknown);
        assert!(tasks[0].message.contains("not known"));
        let log = world.log(id, vms[0]).await;
        assert!(log.starts_with(&shown), "{} of {} shown lines are there", log.len(), shown.len());
        assert_eq!(tasks[0].lines, log.len() as u64);
        world.engine.cancel_job(&crate::support::admin(), id, None).await.unwrap();
        world.runner.gate.notify_one();
        let (job, _) = world.finished(id).await;
        assert!(job.status.is_final());
    });
}

#[tokio::test]
async fn a_soft_stop_keeps_the_queue_and_is_honest_about_what_ran() {
    let dir = tempfile::tempdir().unwrap();
    let settings =
        Settings { health_interval: None, stop_grace: std::time::Duration::from_millis(50), ..Settings::default() };
    let world = World::start_with(dir.path(), settings).await;
    let vms = world.vms("web", 2).await;
    let id = world.request(JobRequest { parallelism: Some(1), ..request("gate 3", &vms) }).await;
    world.until(id, |_, tasks| tasks[0].status == TaskStatus::Running).await;
    world.engine.stop().await;
    let stored = corral_storage::StateStore::tasks(&*world.store, id).await.unwrap();
    assert_eq!([stored[0].status, stored[1].status], [TaskStatus::Unknown, TaskStatus::Queued]);

    let next = World::start(dir.path()).await;
    next.until(id, |_, tasks| tasks[1].status == TaskStatus::Running).await;
    next.runner.gate.notify_one();
    let (job, tasks) = next.finished(id).await;
    assert_eq!((job.status, tasks[1].status), (JobStatus::Unknown, TaskStatus::Succeeded));
}

#[tokio::test]
async fn events_are_numbered_without_a_gap_across_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::start(dir.path()).await;
    let vms = world.vms("web", 2).await;
    let id = world.job("lines 3", &vms).await;
    world.finished(id).await;
    world.engine.stop().await;
    let epoch = world.engine.epoch().to_owned();
    drop(world);
    let next = World::start(dir.path()).await;
    assert_eq!(next.engine.epoch(), epoch);
    next.vms("db", 1).await;
    let events = next.engine.events(0, 1_000).await.unwrap().events;
    let seqs: Vec<u64> = events.iter().map(|event| event.seq).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());
    assert_eq!(events.last().unwrap().kind.name(), "vm-added");
}
