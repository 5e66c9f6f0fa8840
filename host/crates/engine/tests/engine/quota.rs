//! How much output is kept, and for how long.

use corral_domain::{TaskKey, TaskStatus};
use corral_engine::{GroupStream, Retention, SearchEvent, Settings, UseCaseError, end_without_log};
use corral_storage::{LogAppend, LogStore as _};

use crate::search::query;
use crate::support::{World, admin};

#[tokio::test]
async fn at_its_quota_a_task_stops_being_stored_with_a_line_that_says_so_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { health_interval: None, output_task_bytes_max: Some(1_003), ..Settings::default() };
    let world = World::start_with(dir.path(), settings).await;
    let vms = world.vms("web", 2).await;
    let job = world.job("lines 5000", &vms).await;
    let (_, tasks) = world.finished(job).await;
    for task in tasks {
        assert_eq!((task.status, task.exit_code), (TaskStatus::Succeeded, Some(0)));
        let lines = world.log(job, task.key.vm).await;
        // 10 lines of 7 bytes, 90 of 8, 23 of 9 make 997; the next one is cut.
        assert_eq!((lines.len(), lines[122].as_str(), lines[123].as_str()), (125, "line 122", "line "));
        assert!(lines[124].starts_with("[corral: the output of this task reached 1003 bytes"), "{}", lines[124]);
        assert_eq!(task.lines, 125);
    }
}

#[tokio::test]
async fn tasks_of_a_job_share_its_quota() {
    let dir = tempfile::tempdir().unwrap();
    let settings = Settings { health_interval: None, output_job_bytes_max: Some(20_000), ..Settings::default() };
    let world = World::start_with(dir.path(), settings).await;
    let vms = world.vms("web", 3).await;
    let job = world.job("lines 5000", &vms).await;
    let (_, tasks) = world.finished(job).await;
    let mut bytes = 0;
    for task in &tasks {
        assert_eq!(task.status, TaskStatus::Succeeded);
        bytes += task.bytes;
        let last = world.log(job, task.key.vm).await.pop().unwrap();
        assert!(last.starts_with("[corral: the output of this job reached 20000 bytes"), "{last}");
    }
    // Each says it in a line of its own.
    assert!((20_000..20_000 + 3 * 150).contains(&bytes), "{bytes}");
}

#[tokio::test]
async fn output_that_was_removed_is_told_apart_from_none() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::start(dir.path()).await;
    let vms = world.vms("web", 2).await;
    let silent = world.job("lines 0", &vms).await;
    let job = world.job("lines 100", &vms).await;
    world.finished(silent).await;
    let (_, tasks) = world.finished(job).await;
    world.store.remove_file(&world.store.file_of(job)).await.unwrap();
    assert!(world.engine.read_log(tasks[0].key, 0, 10).await.unwrap().is_none());
    assert!(matches!(end_without_log(&tasks[0]), Err(UseCaseError::OutputRemoved)));
    let admin = admin();
    let groups = |job| world.engine.job_groups(&admin, job, GroupStream::Both);
    assert!(matches!(groups(job).await, Err(UseCaseError::OutputRemoved)));
    assert_eq!(groups(silent).await.unwrap().unwrap().groups.len(), 1, "who wrote nothing lost nothing");
    let mut events = world.engine.search(&admin, &query("line")).unwrap();
    let end = loop {
        if let SearchEvent::End { removed, hits, error, .. } = events.recv().await.unwrap() {
            break (removed, hits, error);
        }
    };
    assert_eq!(end, (2, 0, None));
}

#[tokio::test]
async fn a_log_that_cannot_be_written_disturbs_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::start(dir.path()).await;
    let vms = world.vms("web", 2).await;
    let stuck = world.job("gate 100", &vms[..1]).await;
    world.until(stuck, |_, tasks| tasks[0].lines == 100).await;
    *world.logs.refused.lock().unwrap() = Some(TaskKey { job: stuck, vm: vms[0] });
    world.runner.gate.notify_one();
    let job = world.job("lines 5000", &vms[1..]).await;
    world.finished(job).await;
    assert_eq!(world.log(job, vms[1]).await.len(), 5_000);
    assert!(!world.engine.job(stuck).await.unwrap().unwrap().0.status.is_final(), "its last line waits");
    *world.logs.refused.lock().unwrap() = None;
    world.finished(stuck).await;
    assert_eq!(world.log(stuck, vms[0]).await.len(), 101);
}

#[tokio::test]
async fn old_files_go_by_age_and_a_job_that_runs_keeps_its_own() {
    let dir = tempfile::tempdir().unwrap();
    let retention = Retention { days: Some(3), bytes: None };
    let settings = Settings { health_interval: None, retention, ..Settings::default() };
    let world = World::start_with(dir.path(), settings).await;
    let vms = world.vms("web", 1).await;
    let old: TaskKey = TaskKey { job: "018cc251-f3ff-7000-8000-000000000000".parse().unwrap(), vm: vms[0] };
    let append = LogAppend {
        key: old,
        first_line: 0,
        n_lines: 0,
        first_byte: 0,
        raw_len: 0,
        data: bytes::Bytes::new(),
        position: None,
        complete: true,
    };
    world.store.append(&[append]).await.unwrap();
    let file = dir.path().join("logs/2023-12-31.db");
    assert!(file.exists() && world.store.end(old).await.unwrap().is_some());
    let job = world.job("gate 100", &vms).await;
    world.until(job, |_, tasks| tasks[0].lines == 100).await;
    assert_eq!(world.engine.remove_old_output().await.unwrap(), ["2023-12-31"]);
    let left = |end: &str| {
        std::fs::read_dir(dir.path().join("logs"))
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().contains(end))
            .count()
    };
    assert_eq!((left("2023-12-31"), left(".db") > 0), (0, true));
    assert_eq!(world.store.end(old).await.unwrap(), None, "it is as if nothing had been written");
    world.runner.gate.notify_one();
    world.finished(job).await;
    assert_eq!(world.log(job, vms[0]).await.len(), 101);
}
