//! Jobs from request to end, over the real store and a fake machine.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::support::{World, admin, follow, request};
use corral_domain::{JobStatus, Refusal, TaskKey, TaskStatus};
use corral_engine::{Actor, JobRequest, Role, Settings, Targets, UseCaseError};

#[tokio::test]
async fn a_job_runs_on_all_its_vms_and_every_line_is_there() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::start(dir.path()).await;
    let vms = world.vms("web", 5).await;
    let id = world.job("lines 1000", &vms).await;
    let (job, tasks) = world.finished(id).await;
    assert_eq!((job.status, job.counts.succeeded), (JobStatus::Succeeded, 5));
    assert!(job.started_at.is_some() && job.finished_at.is_some());
    let expected: Vec<_> = (0..1000).map(|i| format!("line {i}")).collect();
    for task in tasks {
        assert_eq!((task.lines, task.exit_code), (1000, Some(0)));
        assert_eq!(world.log(id, task.key.vm).await, expected);
    }
}

#[tokio::test]
async fn each_end_has_its_status_and_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::start(dir.path()).await;
    let vms = world.vms("web", 1).await;
    for (script, status, job_status) in [
        ("exit 3", TaskStatus::Failed, JobStatus::Failed),
        ("unreachable", TaskStatus::Unreachable, JobStatus::Failed),
        ("lost", TaskStatus::Unknown, JobStatus::Unknown),
        ("exit 0", TaskStatus::Succeeded, JobStatus::Succeeded),
    ] {
        let id = world.job(script, &vms).await;
        let (job, tasks) = world.finished(id).await;
        assert_eq!((tasks[0].status, job.status), (status, job_status), "{script}");
        let says_why = script.starts_with("exit") || !tasks[0].message.is_empty();
        assert!(says_why, "{script}");
    }
}

#[tokio::test]
async fn never_more_tasks_at_once_than_the_job_allows() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::start(dir.path()).await;
    let vms = world.vms("web", 12).await;
    let id = world.request(JobRequest { parallelism: Some(3), ..request("gate 1", &vms) }).await;
    // Each task takes one permit of the gate; more are handed out until all have ended.
    let release = async {
        loop {
            world.runner.gate.notify_waiters();
            world.runner.gate.notify_one();
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        (job, _) = world.finished(id) => assert_eq!(job.counts.succeeded, 12),
        () = release => {}
    }
    assert!(world.runner.most.load(Ordering::SeqCst) <= 3);
}

#[tokio::test]
async fn cancel_ends_queued_and_running_tasks_and_twice_is_once() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::start(dir.path()).await;
    let vms = world.vms("web", 3).await;
    let id = world.request(JobRequest { parallelism: Some(1), ..request("hang", &vms) }).await;
    world.until(id, |_, tasks| tasks[0].status == TaskStatus::Running).await;
    world.engine.cancel_job(&admin(), id, None).await.unwrap();
    let again = world.engine.cancel_job(&admin(), id, None).await;
    let ended_meanwhile = matches!(again, Err(UseCaseError::Refused(Refusal::Conflict(_))));
    assert!(again.is_ok() || ended_meanwhile);
    let (job, tasks) = world.finished(id).await;
    assert_eq!((job.status, job.counts.cancelled), (JobStatus::Cancelled, 3));
    assert!(tasks[0].message.contains("TERM") && tasks[1].message.contains("nothing was started"));
    assert_eq!(world.runner.started.load(Ordering::SeqCst), 1);
    let late = world.engine.cancel_job(&admin(), id, None).await.unwrap_err();
    assert!(late.to_string().contains("cancelled"), "{late}");
}

#[tokio::test]
async fn a_task_that_takes_too_long_is_ended() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::start(dir.path()).await;
    let vms = world.vms("web", 1).await;
    let id = world.request(JobRequest { timeout_seconds: Some(1), ..request("hang", &vms) }).await;
    let (job, tasks) = world.finished(id).await;
    assert_eq!((job.status, tasks[0].status), (JobStatus::Failed, TaskStatus::TimedOut));
    assert!(tasks[0].message.starts_with("took longer than 1 s"), "{}", tasks[0].message);
}

#[tokio::test]
async fn a_line_that_could_not_be_filtered_is_never_stored() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::start(dir.path()).await;
    let vms = world.vms("web", 1).await;
    let id = world.job("say my SECRET", &vms).await;
    let (_, tasks) = world.finished(id).await;
    assert_eq!(tasks[0].status, TaskStatus::Failed);
    assert!(tasks[0].message.contains("fake"));
    assert_eq!(world.log(id, vms[0]).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_viewer_sees_every_line_once_while_it_is_written() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings {
        health_interval: None,
        flush_interval: Duration::from_millis(1),
        tail_bytes_max: 4_096,
        ..Settings::default()
    };
    let world = World::start_with(dir.path(), settings).await;
    let vms = world.vms("web", 1).await;
    let id = world.job("lines 20000", &vms).await;
    let lines = follow(&world.engine, TaskKey { job: id, vm: vms[0] }).await;
    assert_eq!(lines, (0..20_000).map(|i| format!("line {i}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn while_the_disk_is_full_lines_wait_and_none_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { health_interval: None, pending_bytes_max: 10_000, ..Settings::default() };
    let world = World::start_with(dir.path(), settings).await;
    let vms = world.vms("web", 1).await;
    world.logs.full.store(true, Ordering::SeqCst);
    let id = world.job("lines 5000", &vms).await;
    world.until(id, |_, tasks| tasks[0].status == TaskStatus::Running).await;
    let key = TaskKey { job: id, vm: vms[0] };
    let window = world.engine.read_log(key, 0, 10).await.unwrap().unwrap();
    assert_eq!(window.total, 0, "nothing is shown before it is durable");
    world.logs.full.store(false, Ordering::SeqCst);
    let (_, tasks) = world.finished(id).await;
    assert_eq!((tasks[0].status, tasks[0].lines), (TaskStatus::Succeeded, 5000));
    assert_eq!(world.log(id, vms[0]).await.len(), 5000);
}

#[tokio::test]
async fn output_of_which_much_waits_is_written_before_the_interval_is_over() {
    let dir = tempfile::tempdir().unwrap();
    let never = Duration::from_hours(1);
    let settings =
        Settings { health_interval: None, flush_interval: never, pending_bytes_max: 10_000, ..Settings::default() };
    let world = World::start_with(dir.path(), settings).await;
    let vms = world.vms("web", 1).await;
    let id = world.job("lines 20000", &vms).await;
    let (_, tasks) = world.finished(id).await;
    assert_eq!((tasks[0].status, tasks[0].lines), (TaskStatus::Succeeded, 20_000));
    assert_eq!(world.log(id, vms[0]).await, (0..20_000).map(|i| format!("line {i}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn what_was_written_although_the_answer_was_an_error_is_not_written_twice() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::start(dir.path()).await;
    let vms = world.vms("web", 1).await;
    world.logs.lies.store(true, Ordering::SeqCst);
    let id = world.job("lines 3000", &vms).await;
    let (_, tasks) = world.finished(id).await;
    assert_eq!((tasks[0].status, tasks[0].lines), (TaskStatus::Succeeded, 3000));
    assert_eq!(world.log(id, vms[0]).await, (0..3000).map(|i| format!("line {i}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_same_key_makes_one_job_and_another_request_with_it_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::start(dir.path()).await;
    let vms = world.vms("web", 2).await;
    let keyed = |script: &str| JobRequest { idempotency_key: Some("k".to_owned()), ..request(script, &vms) };
    let first = world.request(keyed("exit 0")).await;
    assert_eq!(world.request(keyed("exit 0")).await, first);
    let other = world.engine.create_job(&admin(), keyed("exit 1")).await.unwrap_err();
    assert!(matches!(other, UseCaseError::Refused(Refusal::Conflict(_))));
}

#[tokio::test]
async fn nothing_chosen_is_refused_and_never_means_everything() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::start(dir.path()).await;
    world.vms("web", 2).await;
    for targets in [Targets::Vms(vec![]), Targets::Selector(String::new()), Targets::Selector("role=db".to_owned())] {
        let request = JobRequest { targets: targets.clone(), ..request("exit 0", &[]) };
        let error = world.engine.create_job(&admin(), request).await.unwrap_err();
        assert!(matches!(error, UseCaseError::Refused(Refusal::Invalid(_))), "{targets:?}");
    }
    let all = JobRequest { targets: Targets::Selector("all".to_owned()), ..request("exit 0", &[]) };
    assert_eq!(world.engine.create_job(&admin(), all).await.unwrap().1.len(), 2);
}

#[tokio::test]
async fn a_viewer_may_not_run_and_an_operator_may_not_edit() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::start(dir.path()).await;
    let vms = world.vms("web", 1).await;
    let actor = |role| Actor { name: "token:x".to_owned(), role };
    let run = world.engine.create_job(&actor(Role::Viewer), request("exit 0", &vms)).await;
    assert!(matches!(run, Err(UseCaseError::Forbidden { needs: Role::Operator })));
    let edit = world.engine.remove_vm(&actor(Role::Operator), vms[0]).await;
    assert!(matches!(edit, Err(UseCaseError::Forbidden { needs: Role::Admin })));
}

#[tokio::test]
async fn an_import_takes_hops_first_and_reports_what_it_could_not_take() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::start(dir.path()).await;
    let wanted = ["behind".to_owned(), "broken".to_owned()];
    let imported = world.engine.import(&admin(), "fake", Some(&wanted)).await.unwrap();
    assert_eq!((imported.added.len(), imported.problems.len()), (2, 2));
    let state = world.engine.state();
    let by_name = |name: &str| state.vms.values().find(|vm| vm.name == name).unwrap();
    assert_eq!(by_name("behind").jump, [by_name("bastion").id]);
    let again = world.engine.import(&admin(), "fake", Some(&wanted[..1])).await.unwrap();
    assert_eq!((again.added.len(), again.updated.len(), again.unchanged), (0, 0, 2));
}
