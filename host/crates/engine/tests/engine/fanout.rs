//! How a job goes over its VMs: waves, limits, timeouts, restarts in the middle; and what can be done with it afterwards.

use std::sync::atomic::Ordering;
use std::time::Duration;

use corral_domain::{Batch, JobStatus, Mode, Refusal, RunAs, Share, Strategy, TaskStatus};
use corral_engine::ports::SecretText;
use corral_engine::{GroupStream, JobRequest, Settings, Targets, UseCaseError, Which};

use crate::support::{World, admin, request};

fn strategy(strategy: Strategy, request: JobRequest) -> JobRequest {
    JobRequest { strategy, parallelism: Some(1), ..request }
}

fn conflict<T: std::fmt::Debug>(result: Result<T, UseCaseError>) -> String {
    match result {
        Err(UseCaseError::Refused(Refusal::Conflict(text))) => text,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn after_a_canary_that_fails_nothing_more_begins() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::start(dir.path()).await;
    let vms = world.vms("web", 4).await;
    let canary = Strategy { canary: Some(Share::Count(1)), ..Strategy::default() };
    let id = world.request(strategy(canary, request("exit 3", &vms))).await;
    let (job, tasks) = world.finished(id).await;
    assert_eq!((job.status, job.counts.failed, job.counts.cancelled), (JobStatus::Failed, 1, 3));
    assert_eq!(tasks[3].message, "not started: 1 of 1 canary did not succeed (1 failed)");
    assert_eq!(world.runner.started.load(Ordering::SeqCst), 1);
    let id = world.request(strategy(canary, request("exit 0", &vms))).await;
    assert_eq!(world.finished(id).await.0.counts.succeeded, 4);
}

#[tokio::test]
async fn a_job_stops_at_its_limit_and_what_runs_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::start(dir.path()).await;
    let vms = world.vms("web", 6).await;
    let limit = Strategy { max_failures: Some(Share::Percent(30)), ..Strategy::default() };
    let id = world.request(strategy(limit, request("unreachable", &vms))).await;
    let (job, tasks) = world.finished(id).await;
    assert_eq!((job.counts.unreachable, job.counts.cancelled), (2, 4));
    assert_eq!(tasks[5].message, "not started: 2 of 6 VMs went wrong (2 unreachable), and the job stops at 2");
    assert!(tasks[5].started_at.is_none());
}

#[tokio::test]
async fn a_batch_waits_for_the_one_before_it_and_for_the_pause_which_a_cancel_ends() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::start(dir.path()).await;
    let vms = world.vms("web", 4).await;
    let rolling =
        |pause_seconds| Strategy { batch: Some(Batch { size: Share::Count(2), pause_seconds }), ..Strategy::default() };
    let id = world.request(JobRequest { strategy: rolling(1), ..request("exit 0", &vms) }).await;
    let (_, tasks) = world.finished(id).await;
    let ended = tasks[..2].iter().filter_map(|task| task.finished_at).max().unwrap();
    let began = tasks[2..].iter().filter_map(|task| task.started_at).min().unwrap();
    assert!(began.millis_since(ended) >= 900, "{} ms between the batches", began.millis_since(ended));

    let id = world.request(JobRequest { strategy: rolling(3600), ..request("exit 0", &vms) }).await;
    world.until(id, |job, _| job.counts.succeeded == 2).await;
    world.engine.cancel_job(&admin(), id, None).await.unwrap();
    let (job, _) = world.finished(id).await;
    assert_eq!((job.counts.succeeded, job.counts.cancelled), (2, 2));
}

#[tokio::test]
async fn a_job_that_takes_too_long_ends_what_runs_and_begins_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::start(dir.path()).await;
    let vms = world.vms("web", 3).await;
    let short = Strategy { job_timeout_seconds: Some(1), ..Strategy::default() };
    let id = world.request(strategy(short, request("hang", &vms))).await;
    let (job, tasks) = world.finished(id).await;
    assert_eq!((job.counts.timed_out, job.counts.cancelled), (1, 2));
    assert!(tasks[0].message.starts_with("the job took longer than 1 s"), "{}", tasks[0].message);
    assert!(tasks[0].receipt.as_ref().is_some_and(corral_domain::Receipt::is_clean));
    assert_eq!(tasks[2].message, "not started: the job took longer than 1 s; 1 of 3 VMs had their turn by then");
}

#[tokio::test]
async fn single_tasks_are_cancelled_and_the_others_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::start(dir.path()).await;
    let vms = world.vms("web", 3).await;
    let id = world.request(JobRequest { parallelism: Some(1), ..request("hang", &vms) }).await;
    world.until(id, |_, tasks| tasks[0].status == TaskStatus::Running).await;
    let some = |n: usize| Some(vec![vms[n]]);
    world.engine.cancel_job(&admin(), id, some(1)).await.unwrap();
    world.engine.cancel_job(&admin(), id, some(1)).await.unwrap();
    let (_, tasks) = world.until(id, |_, tasks| tasks[1].status == TaskStatus::Cancelled).await;
    assert_eq!([tasks[0].status, tasks[2].status], [TaskStatus::Running, TaskStatus::Queued]);
    world.engine.cancel_job(&admin(), id, some(0)).await.unwrap();
    world.until(id, |_, tasks| tasks[2].status == TaskStatus::Running).await;
    world.engine.cancel_job(&admin(), id, some(2)).await.unwrap();
    let (job, tasks) = world.finished(id).await;
    assert_eq!((job.status, job.cancel_requested_at), (JobStatus::Cancelled, None));
    assert!(tasks[0].receipt.is_some() && tasks[1].receipt.is_none());
    assert!(conflict(world.engine.cancel_job(&admin(), id, some(0)).await).contains("ended already"));
    let nobody = world.engine.cancel_job(&admin(), id, Some(vec![])).await;
    assert!(matches!(nobody, Err(UseCaseError::Refused(Refusal::Invalid(_)))));
}

#[tokio::test]
async fn a_job_that_is_closed_has_ended_at_once_and_its_tasks_are_let_go_of() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::start(dir.path()).await;
    let vms = world.vms("web", 2).await;
    let id = world.request(JobRequest { parallelism: Some(1), ..request("gate 5", &vms) }).await;
    world.until(id, |_, tasks| tasks[0].lines == 5).await;
    let job = world.engine.close_job(&admin(), id).await.unwrap();
    assert_eq!((job.status, job.counts.unknown, job.counts.cancelled), (JobStatus::Unknown, 1, 1));
    let (_, tasks) = world.engine.job(id).await.unwrap().unwrap();
    assert_eq!((tasks[0].status, tasks[0].lines), (TaskStatus::Unknown, 5));
    assert!(
        tasks[0].message.starts_with("the job was closed by user:test while it was running"),
        "{}",
        tasks[0].message
    );
    assert!(tasks[1].message.starts_with("the job was closed by user:test before it began"), "{}", tasks[1].message);
    assert!(conflict(world.engine.close_job(&admin(), id).await).contains("ended already: unknown"));
    // The log ends for whoever follows it, though the machine never said a word more.
    let lines = crate::support::follow(&world.engine, tasks[0].key).await;
    assert_eq!(lines.len(), 5);
}

/// The host dies in the first batch; after the start the second batch waits for what is left of the first, and is not begun
/// because the limit is reached.
#[test]
fn waves_and_limits_hold_across_a_kill_of_the_host() {
    let dir = tempfile::tempdir().unwrap();
    let first = tokio::runtime::Runtime::new().unwrap();
    let strategy = Strategy {
        batch: Some(Batch { size: Share::Count(2), pause_seconds: 0 }),
        max_failures: Some(Share::Count(2)),
        ..Strategy::default()
    };
    let id = first.block_on(async {
        let world = World::start(dir.path()).await;
        let vms = world.vms("web", 5).await;
        let id = world.request(JobRequest { strategy, parallelism: Some(1), ..request("gate 1", &vms) }).await;
        world.until(id, |_, tasks| tasks[0].lines == 1).await;
        std::mem::forget(world);
        id
    });
    first.shutdown_timeout(Duration::from_secs(60));
    let second = tokio::runtime::Runtime::new().unwrap();
    second.block_on(async {
        let world = World::start(dir.path()).await;
        // In mode `direct` what ran is unknown; one more that is, and the limit is reached.
        let (_, tasks) = world.until(id, |_, tasks| tasks[1].status == TaskStatus::Running).await;
        assert_eq!(tasks[0].status, TaskStatus::Unknown);
        assert!(tasks[2..].iter().all(|task| task.status == TaskStatus::Queued), "the next batch waits");
        world.engine.close_job(&admin(), id).await.unwrap();
        let (job, _) = world.finished(id).await;
        assert_eq!((job.counts.unknown, job.counts.cancelled), (2, 3));
        assert_eq!(world.runner.started.load(Ordering::SeqCst), 1, "nothing of the second batch began");
    });
}

#[tokio::test]
async fn only_what_did_not_go_well_runs_again_with_the_same_command_and_settings() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::start(dir.path()).await;
    let vms = world.vms("web", 3).await;
    let dressed = JobRequest {
        env: vec![("A".to_owned(), "1".to_owned())],
        workdir: Some("/srv".to_owned()),
        timeout_seconds: Some(60),
        strategy: Strategy { canary: Some(Share::Count(1)), ..Strategy::default() },
        ..request("exit 3", &vms)
    };
    let id = world.request(dressed).await;
    let (old, old_tasks) = world.finished(id).await;
    let (job, tasks) = world.engine.retry_job(&admin(), id, Which::NotStarted).await.unwrap();
    assert_eq!(job.targets, vms[1..]);
    assert_eq!((job.retry_of, job.timeout_seconds, job.strategy), (Some(id), Some(60), old.strategy));
    assert_eq!(tasks[0].rendered, old_tasks[1].rendered);
    world.finished(job.id).await;
    let (all, _) = world.engine.retry_job(&admin(), id, Which::All).await.unwrap();
    assert_eq!((all.targets, all.command_hash), (old.targets, old.command_hash));
    world.finished(all.id).await;
    let none = conflict(world.engine.retry_job(&admin(), id, Which::Unreachable).await);
    assert!(none.contains("no task is `unreachable`"), "{none}");
    world.engine.remove_vm(&admin(), vms[0]).await.unwrap();
    let gone = conflict(world.engine.retry_job(&admin(), id, Which::Failed).await);
    assert!(gone.contains("none of the VMs"), "{gone}");
}

#[tokio::test]
async fn a_job_with_standard_input_is_not_run_again_without_it() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::start(dir.path()).await;
    let vms = world.vms("web", 2).await;
    let id = world.request(JobRequest { stdin: Some(b"hush".to_vec()), ..request("exit 1", &vms) }).await;
    let (_, tasks) = world.finished(id).await;
    assert!(tasks.iter().all(|task| task.has_stdin));
    let text = conflict(world.engine.retry_job(&admin(), id, Which::All).await);
    assert!(text.contains("standard input") && text.contains("start it anew"), "{text}");
    let running = world.request(request("hang", &vms)).await;
    let text = conflict(world.engine.retry_job(&admin(), running, Which::All).await);
    assert!(text.contains("still at work"), "{text}");
    world.engine.cancel_job(&admin(), running, None).await.unwrap();
    world.finished(running).await;
}

#[tokio::test]
async fn a_preview_tells_what_the_job_does_and_the_hash_notices_when_that_has_changed() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::start(dir.path()).await;
    let vms = world.vms("web", 3).await;
    let wanted = JobRequest {
        targets: Targets::Selector("web-*".to_owned()),
        env: vec![("A".to_owned(), "it's".to_owned())],
        stdin: Some(b"hush".to_vec()),
        strategy: Strategy { canary: Some(Share::Count(1)), ..Strategy::default() },
        ..request("exit 0", &[])
    };
    let preview = world.engine.preview_job(&admin(), wanted.clone()).await.unwrap();
    assert_eq!((preview.total, preview.mode), (3, Mode::Direct));
    let waves: Vec<_> = preview.waves.iter().map(|(name, vms)| (name.as_str(), vms.clone())).collect();
    assert_eq!(waves, [("canary", vms[..1].to_vec()), ("rest", vms[1..].to_vec())]);
    assert_eq!(preview.items[2].shell, "export A='it'\\''s'\nexit 0");
    assert!(preview.items.iter().all(|item| item.rendered.stdin.is_none()));
    assert!(world.engine.state().jobs.is_empty() && world.runner.started.load(Ordering::SeqCst) == 0);

    let expecting = JobRequest { expect_hash: Some(preview.command_hash.clone()), ..wanted.clone() };
    let id = world.request(expecting.clone()).await;
    assert_eq!(world.finished(id).await.0.command_hash, preview.command_hash);
    let other = [
        JobRequest { env: vec![], ..expecting.clone() },
        JobRequest { workdir: Some("/".to_owned()), ..expecting.clone() },
        JobRequest { run_as: Some(RunAs { user: "root".to_owned(), secret: None }), ..expecting.clone() },
        JobRequest { targets: Targets::Vms(vms[1..].to_vec()), ..expecting.clone() },
    ];
    for request in other {
        let text = conflict(world.engine.create_job(&admin(), request.clone()).await);
        assert!(text.contains("no longer what was previewed"), "{request:?}: {text}");
    }
    let same = JobRequest { stdin: Some(b"other".to_vec()), ..expecting };
    let id = world.request(same).await;
    world.finished(id).await;
}

#[tokio::test]
async fn identical_output_is_one_group_and_the_others_are_told_apart_by_a_diff() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::start(dir.path()).await;
    let vms = world.vms("web", 4).await;
    let id = world.request(request("lines 5000", &vms)).await;
    world.finished(id).await;
    let groups = world.engine.job_groups(&admin(), id, GroupStream::Stdout).await.unwrap().unwrap();
    assert_eq!((groups.total, groups.pending, groups.groups.len()), (4, 0, 1));
    let group = &groups.groups[0];
    assert_eq!((group.lines, group.vms.len(), group.exit_code, group.truncated), (5000, 4, Some(0), true));
    assert_eq!((group.text.lines().count(), group.diff.as_ref()), (2000, None));

    let id = world.request(request("name", &vms)).await;
    world.finished(id).await;
    let groups = world.engine.job_groups(&admin(), id, GroupStream::Both).await.unwrap().unwrap();
    let sizes: Vec<_> = groups.groups.iter().map(|group| group.vms.len()).collect();
    assert_eq!(sizes, [1, 1, 1, 1]);
    assert_eq!(groups.groups[1].diff.as_deref(), Some("--- web-0\n+++ web-1\n@@ -1 +1 @@\n-I am web-0\n+I am web-1\n"));
    let silent = world.engine.job_groups(&admin(), id, GroupStream::Stderr).await.unwrap().unwrap();
    assert_eq!((silent.groups.len(), silent.groups[0].bytes), (1, 0));
}

#[tokio::test]
async fn a_command_runs_as_another_account_with_the_password_on_its_standard_input_alone() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::start(dir.path()).await;
    let vms = world.vms("web", 1).await;
    let as_root = |secret: Option<&str>| JobRequest {
        run_as: Some(RunAs { user: "root".to_owned(), secret: secret.map(str::to_owned) }),
        stdin: Some(b"own input".to_vec()),
        ..request("whoami", &vms)
    };
    let missing = world.engine.create_job(&admin(), as_root(Some("sudo"))).await.unwrap_err();
    assert!(missing.to_string().contains("run_as.secret: there is no secret `sudo`"), "{missing}");
    world.secret("sudo", SecretText::new("pa55".to_owned()));
    let id = world.request(as_root(Some("sudo"))).await;
    world.finished(id).await;
    let sent = world.runner.last_command();
    let shell = sent.to_shell();
    assert!(shell.starts_with("exec sudo -S -p '' -H -u root -- ") && !shell.contains("pa55"), "{shell}");
    let stdin = String::from_utf8(sent.stdin.unwrap()).unwrap();
    assert!(stdin.starts_with("pa55\n") && stdin.ends_with("\nown input"), "{stdin}");
    let id = world.request(as_root(None)).await;
    world.finished(id).await;
    assert!(world.runner.last_command().to_shell().starts_with("exec sudo -n -H -u root -- "));
}

#[tokio::test]
async fn a_key_makes_one_job_also_at_the_same_time_and_after_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::start(dir.path()).await;
    let vms = world.vms("web", 1).await;
    let keyed = |script: &str| JobRequest { idempotency_key: Some("k".to_owned()), ..request(script, &vms) };
    let admin = admin();
    let both = tokio::join!(
        world.engine.create_job(&admin, keyed("exit 0")),
        world.engine.create_job(&admin, keyed("exit 0"))
    );
    let id = both.0.unwrap().0.id;
    assert_eq!(both.1.unwrap().0.id, id);
    world.finished(id).await;
    world.engine.stop().await;
    drop(world);

    let settings = Settings { health_interval: None, stop_grace: Duration::from_millis(10), ..Settings::default() };
    let next = World::start_with(dir.path(), settings).await;
    assert_eq!(next.request(keyed("exit 0")).await, id);
    assert!(conflict(next.engine.create_job(&admin, keyed("exit 1")).await).contains("another request"));
    assert_eq!(next.runner.started.load(Ordering::SeqCst), 0);
    let refused =
        JobRequest { targets: Targets::Vms(vec![]), idempotency_key: Some("n".to_owned()), ..keyed("exit 0") };
    next.engine.create_job(&admin, refused).await.unwrap_err();
    let used = JobRequest { idempotency_key: Some("n".to_owned()), ..keyed("exit 0") };
    assert_ne!(next.request(used).await, id, "a request that was refused leaves its key free");
}
