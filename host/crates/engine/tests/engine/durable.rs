//! Tasks in capsules: what survives a broken connection, a dead host, a machine that went away.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use corral_domain::{JobId, JobStatus, Mode, TaskStatus, VmId};
use corral_engine::{JobRequest, Settings};

use crate::machine::Machine;
use crate::support::{World, admin, request};

fn settings() -> Settings {
    Settings { health_interval: None, ..Settings::default() }
}

fn durable(vms: &[VmId]) -> JobRequest {
    JobRequest { mode: Some(Mode::Durable), ..request("anything", vms) }
}

struct Case {
    dir: tempfile::TempDir,
    machine: Arc<Machine>,
    world: World,
    vm: VmId,
    job: JobId,
}

/// A task that runs.
async fn running() -> Case {
    running_with(settings()).await
}

async fn running_with(settings: Settings) -> Case {
    let dir = tempfile::tempdir().unwrap();
    let machine = Machine::new();
    let world = World::start_on(dir.path(), settings, Some(machine.clone())).await;
    let vms = world.vms("web", 1).await;
    let job = world.request(durable(&vms)).await;
    world.until(job, |_, tasks| tasks[0].status == TaskStatus::Running).await;
    Case { dir, machine, world, vm: vms[0], job }
}

/// `line 0` to `line N-1`.
fn lines(n: usize) -> Vec<String> {
    (0..n).map(|i| format!("line {i}")).collect()
}

fn text(lines: &[String]) -> String {
    lines.join("\n") + "\n"
}

#[tokio::test]
async fn connections_that_break_anywhere_lose_nothing_and_start_nothing_twice() {
    let case = running().await;
    case.machine.bytes_per_connection.store(23, Ordering::SeqCst);
    case.machine.away(true);
    case.world.until(case.job, |_, tasks| tasks[0].contact_lost_at.is_some()).await;
    case.machine.away(false);
    let expected = lines(40);
    case.machine.write(&text(&expected));
    case.machine.write("no newline");
    case.machine.exit(3);
    let (_, tasks) = case.world.finished(case.job).await;
    assert_eq!((tasks[0].status, tasks[0].exit_code), (TaskStatus::Failed, Some(3)));
    assert_eq!(tasks[0].contact_lost_at, None);
    assert_eq!(case.world.log(case.job, case.vm).await, [expected, vec!["no newline".to_owned()]].concat());
    assert!(case.machine.connections.load(Ordering::SeqCst) > 10);
    case.world.engine.stop().await;
}

#[test]
fn a_host_that_dies_goes_on_where_its_log_ends() {
    let dir = tempfile::tempdir().unwrap();
    let machine = Machine::new();
    let first = tokio::runtime::Runtime::new().unwrap();
    let (job, vm) = first.block_on(async {
        let world = World::start_on(dir.path(), settings(), Some(machine.clone())).await;
        let vms = world.vms("web", 1).await;
        let job = world.request(durable(&vms)).await;
        world.until(job, |_, tasks| tasks[0].status == TaskStatus::Running).await;
        machine.write(&text(&lines(300)));
        machine.write("BEGIN\nkey 1\nhal");
        world.until(job, |_, tasks| tasks[0].lines >= 302).await;
        while world.log(job, vms[0]).await.len() < 302 {
            tokio::task::yield_now().await;
        }
        std::mem::forget(world);
        (job, vms[0])
    });
    // Everything stops in the middle, as by `kill -9`.
    first.shutdown_timeout(Duration::from_secs(60));

    machine.write("f a key\nEND\nafter\n");
    machine.exit(0);
    let second = tokio::runtime::Runtime::new().unwrap();
    second.block_on(async {
        let world = World::start_on(dir.path(), settings(), Some(machine.clone())).await;
        let (_, tasks) = world.finished(job).await;
        assert_eq!((tasks[0].status, tasks[0].exit_code), (TaskStatus::Succeeded, Some(0)));
        // The filter still knows that a key had begun before.
        let rest = ["BEGIN", "hidden", "hidden", "END", "after"].map(str::to_owned);
        assert_eq!(world.log(job, vm).await, [lines(300), rest.to_vec()].concat());
        let released = async {
            while machine.released.lock().unwrap().is_empty() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), released).await.expect("the machine may forget it");
    });
}

#[tokio::test]
async fn a_soft_stop_lets_go_of_a_task_and_the_next_start_follows_it() {
    let case = running().await;
    case.machine.write("one\ntw");
    case.world.until(case.job, |_, tasks| tasks[0].lines == 1).await;
    case.world.engine.stop().await;
    case.machine.write("o\n");
    case.machine.exit(0);
    let next = World::start_on(case.dir.path(), settings(), Some(case.machine.clone())).await;
    let (job, tasks) = next.finished(case.job).await;
    assert_eq!(job.status, JobStatus::Succeeded, "{tasks:?}");
    assert_eq!(next.log(case.job, case.vm).await, ["one", "two"]);
}

#[tokio::test]
async fn a_machine_that_was_never_reached_is_unreachable_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let machine = Machine::new();
    machine.away(true);
    let world = World::start_on(dir.path(), settings(), Some(machine.clone())).await;
    let vms = world.vms("web", 1).await;
    let job = world.request(durable(&vms)).await;
    let (_, tasks) = world.finished(job).await;
    assert_eq!(tasks[0].status, TaskStatus::Unreachable);
    assert!(tasks[0].message.contains("no route to host"), "{}", tasks[0].message);
}

#[tokio::test]
async fn what_is_out_of_contact_for_too_long_is_unknown_and_a_check_finds_out() {
    let case = running_with(Settings { reattach_for: Duration::from_millis(300), ..settings() }).await;
    case.machine.write("before\n");
    case.world.until(case.job, |_, tasks| tasks[0].lines == 1).await;
    case.machine.away(true);
    let (job, tasks) = case.world.finished(case.job).await;
    assert_eq!((job.status, tasks[0].status), (JobStatus::Unknown, TaskStatus::Unknown));
    assert!(tasks[0].message.contains("no route to host"), "{}", tasks[0].message);
    assert_eq!(tasks[0].contact_lost_at, None, "a task that has ended is not looked for");

    // Still away: a look says so again.
    case.world.engine.check_job(&admin(), case.job, None).await.unwrap();
    let (_, tasks) = case.world.finished(case.job).await;
    assert_eq!(tasks[0].status, TaskStatus::Unknown);

    case.machine.away(false);
    case.machine.write("after\nno newline");
    case.machine.exit(0);
    case.world.engine.check_job(&admin(), case.job, Some(vec![case.vm])).await.unwrap();
    let (job, tasks) = case.world.until(case.job, |job, _| job.status == JobStatus::Succeeded).await;
    assert_eq!((job.counts.succeeded, tasks[0].message.as_str()), (1, ""));
    assert_eq!(case.world.log(case.job, case.vm).await, ["before", "after", "no newline"]);
    let again = case.world.engine.check_job(&admin(), case.job, None).await.unwrap_err();
    assert!(again.to_string().contains("known of all"), "{again}");
    case.machine.with(|all| assert!(all.values().all(|capsule| capsule.starts == 1)));
}

#[tokio::test]
async fn a_cancel_while_the_machine_is_away_is_carried_out_when_it_is_back() {
    let case = running().await;
    case.machine.away(true);
    case.world.until(case.job, |_, tasks| tasks[0].contact_lost_at.is_some()).await;
    for _twice in 0..2 {
        case.world.engine.cancel_job(&admin(), case.job, None).await.unwrap();
    }
    let (_, tasks) = case.world.engine.job(case.job).await.unwrap().unwrap();
    assert_eq!(tasks[0].status, TaskStatus::Running, "nobody has ended it yet");
    case.machine.away(false);
    let (_, tasks) = case.world.finished(case.job).await;
    assert_eq!((tasks[0].status, tasks[0].exit_code), (TaskStatus::Cancelled, Some(143)));
    let receipt = tasks[0].receipt.clone().unwrap();
    assert!(receipt.signalled == 1 && receipt.gone == 1 && receipt.is_clean(), "{receipt:?}");
}

#[tokio::test]
async fn a_cancel_whose_answer_was_lost_is_one_all_the_same_and_an_end_before_it_is_none() {
    for (code, status) in [(143, TaskStatus::Cancelled), (137, TaskStatus::Cancelled), (3, TaskStatus::Failed)] {
        let case = running().await;
        case.machine.away(true);
        case.world.until(case.job, |_, tasks| tasks[0].contact_lost_at.is_some()).await;
        case.world.engine.cancel_job(&admin(), case.job, None).await.unwrap();
        case.machine.exit(code);
        case.machine.away(false);
        let (_, tasks) = case.world.finished(case.job).await;
        assert_eq!((tasks[0].status, tasks[0].exit_code), (status, Some(code)));
        assert_eq!(tasks[0].receipt.as_ref().map(|receipt| receipt.signalled), Some(0));
    }
}

#[test]
fn a_cancel_that_a_dead_host_could_not_carry_out_is_carried_out_by_the_next() {
    cancelled_and_killed(|_| None);
}

#[test]
fn a_cancel_of_one_task_that_a_dead_host_could_not_carry_out_is_carried_out_by_the_next() {
    cancelled_and_killed(|vms| Some(vms.to_vec()));
}

fn cancelled_and_killed(which: impl Fn(&[VmId]) -> Option<Vec<VmId>>) {
    let dir = tempfile::tempdir().unwrap();
    let machine = Machine::new();
    let first = tokio::runtime::Runtime::new().unwrap();
    let job = first.block_on(async {
        let world = World::start_on(dir.path(), settings(), Some(machine.clone())).await;
        let vms = world.vms("web", 1).await;
        let job = world.request(durable(&vms)).await;
        world.until(job, |_, tasks| tasks[0].status == TaskStatus::Running).await;
        machine.away(true);
        world.until(job, |_, tasks| tasks[0].contact_lost_at.is_some()).await;
        world.engine.cancel_job(&admin(), job, which(&vms)).await.unwrap();
        std::mem::forget(world);
        job
    });
    first.shutdown_timeout(Duration::from_secs(60));
    machine.away(false);
    let second = tokio::runtime::Runtime::new().unwrap();
    second.block_on(async {
        let world = World::start_on(dir.path(), settings(), Some(machine.clone())).await;
        let (_, tasks) = world.finished(job).await;
        assert_eq!(tasks[0].status, TaskStatus::Cancelled);
        assert_eq!(tasks[0].receipt.as_ref().unwrap().signalled, 1);
    });
}

#[tokio::test]
async fn giving_up_on_a_job_is_not_its_cancel_and_what_is_met_later_is_followed() {
    let case = running().await;
    case.machine.write("one\n");
    case.world.until(case.job, |_, tasks| tasks[0].lines == 1).await;
    case.world.engine.close_job(&admin(), case.job).await.unwrap();
    case.world.engine.check_job(&admin(), case.job, None).await.unwrap();
    let (_, tasks) = case.world.until(case.job, |_, tasks| tasks[0].status == TaskStatus::Running).await;
    assert_eq!(tasks[0].message, "", "it is being looked for");
    case.machine.write("two\n");
    case.machine.exit(0);
    let (job, tasks) = case.world.finished(case.job).await;
    assert_eq!((job.cancel_requested_at, tasks[0].status), (None, TaskStatus::Succeeded));
    assert_eq!(tasks[0].receipt, None);
    assert_eq!(case.world.log(case.job, case.vm).await, ["one", "two"]);
}

#[tokio::test]
async fn a_folder_that_is_gone_and_a_capsule_that_lost_its_command_are_unknown() {
    let case = running().await;
    case.machine.write("said\n");
    case.world.until(case.job, |_, tasks| tasks[0].lines == 1).await;
    case.machine.with(HashMap::clear);
    let (_, tasks) = case.world.finished(case.job).await;
    assert_eq!(tasks[0].status, TaskStatus::Unknown);
    assert!(tasks[0].message.contains("folder on the machine is gone"), "{}", tasks[0].message);
    case.world.engine.check_job(&admin(), case.job, None).await.unwrap();
    let (_, tasks) = case.world.finished(case.job).await;
    assert_eq!(tasks[0].status, TaskStatus::Unknown, "nothing is started by looking");

    let case = running().await;
    case.machine.only(|capsule| {
        capsule.out.extend_from_slice(b"last words");
        capsule.lost = Some("the machine was rebooted while it ran".to_owned());
    });
    let (_, tasks) = case.world.finished(case.job).await;
    assert_eq!(tasks[0].status, TaskStatus::Unknown);
    assert!(tasks[0].message.contains("rebooted"), "{}", tasks[0].message);
    assert_eq!(case.world.log(case.job, case.vm).await, ["last words"]);
}

#[tokio::test]
async fn a_filter_that_fails_ends_the_command_and_lets_nothing_by() {
    let case = running().await;
    case.machine.write("fine\nSECRET\nmore\n");
    let (_, tasks) = case.world.finished(case.job).await;
    assert_eq!(tasks[0].status, TaskStatus::Failed);
    assert!(tasks[0].message.contains("trapped"), "{}", tasks[0].message);
    assert_eq!(tasks[0].receipt.as_ref().unwrap().signalled, 1);
    let log = case.world.log(case.job, case.vm).await;
    assert!(!log.iter().any(|line| line.contains("SECRET")), "{log:?}");
}

#[tokio::test]
async fn a_task_that_takes_too_long_is_ended_with_a_receipt() {
    let dir = tempfile::tempdir().unwrap();
    let machine = Machine::new();
    let world = World::start_on(dir.path(), settings(), Some(machine.clone())).await;
    let vms = world.vms("web", 1).await;
    let job = world.request(JobRequest { timeout_seconds: Some(1), ..durable(&vms) }).await;
    let (_, tasks) = world.finished(job).await;
    assert_eq!(tasks[0].status, TaskStatus::TimedOut);
    assert_eq!(tasks[0].receipt.as_ref().unwrap().gone, 1);
}
