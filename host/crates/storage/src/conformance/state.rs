//! What every [`StateStore`] promises.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use corral_domain::{Facts, Job, JobId, TaskKey, TaskStatus, Timestamp};

use super::sample::{self, NOON, Numbers};
use crate::{Audit, Commit, JobFilter, StateStore, Write};

/// A store that was just made holds nothing, but its events have a name.
pub async fn a_new_store_is_empty_and_has_an_epoch(store: &dyn StateStore) {
    let loaded = store.load().await.expect("an empty store loads");
    assert!(!loaded.epoch.is_empty());
    assert_eq!(loaded.seq, 0);
    assert!(loaded.vms.is_empty() && loaded.jobs.is_empty() && loaded.tasks.is_empty());
    assert!(loaded.templates.is_empty() && loaded.settings.is_empty());
    let events = store.events(0, 10).await.unwrap();
    assert_eq!((events.events.len(), events.oldest), (0, 1));
    assert!(store.jobs(&JobFilter::default(), 10).await.unwrap().jobs.is_empty());
    assert_eq!(store.job(sample::job_id(NOON, 1)).await.unwrap(), None);
    assert_eq!(store.load().await.unwrap().epoch, loaded.epoch, "the epoch does not change by looking");
}

/// What a VM told of itself is kept, replaced, and goes with the VM.
pub async fn facts_live_as_long_as_their_vm(store: &dyn StateStore) {
    let vm = sample::vm(1);
    let mut facts = Facts { os: Some("Debian".into()), load_1: Some(0.25), gathered_at: NOON, ..Facts::default() };
    for cpus in [2, 4] {
        facts.cpus = Some(cpus);
        let writes = vec![Write::PutVm(Arc::new(vm.clone())), Write::PutFacts(vm.id, Arc::new(facts.clone()))];
        store.commit(&Commit { writes, ..Commit::default() }).await.unwrap();
        assert_eq!(store.load().await.unwrap().facts, [(vm.id, facts.clone())]);
    }
    store.commit(&Commit { writes: vec![Write::DeleteVm(vm.id)], ..Commit::default() }).await.unwrap();
    assert_eq!(store.load().await.unwrap().facts, []);
}

/// Every kind of row comes back as it was given.
pub async fn what_was_committed_is_there_whole(store: &dyn StateStore) {
    let (vm, template) = (sample::vm(1), sample::template("restart"));
    let (job, tasks) = sample::job(sample::job_id(NOON, 1), &[vm.id, sample::vm_id(2)], TaskStatus::Running);
    let value = Arc::new(serde_json::json!({"days": 30, "text": "\u{0} and \u{1F40E}"}));
    let mut writes = sample::put_job(job.clone(), tasks.clone());
    writes.push(Write::PutVm(Arc::new(vm.clone())));
    writes.push(Write::PutTemplate(Arc::new(template.clone())));
    writes.push(Write::PutSetting("logs.retention".into(), Arc::clone(&value)));
    let audit = Audit {
        at: NOON,
        actor: "user:admin".into(),
        action: "vm.add".into(),
        object: vm.id.to_string(),
        detail: String::new(),
    };
    let events = vec![sample::event(1), sample::event(2)];
    let commit = Commit { events: events.clone(), writes, audit: vec![audit.clone()], ..Commit::default() };
    store.commit(&commit).await.unwrap();
    store.audit(&audit).await.unwrap();

    let loaded = store.load().await.unwrap();
    assert_eq!(loaded.seq, 2);
    assert_eq!(loaded.vms, [vm]);
    assert_eq!(loaded.jobs, std::slice::from_ref(&job));
    assert_eq!(loaded.tasks, tasks);
    assert_eq!(loaded.templates, [template]);
    assert_eq!(loaded.settings, [("logs.retention".to_owned(), (*value).clone())]);
    assert_eq!(store.settings().await.unwrap(), loaded.settings);
    assert_eq!(store.events(0, 10).await.unwrap().events, events);
    assert_eq!(store.job(job.id).await.unwrap(), Some(job.clone()));
    assert_eq!(store.tasks(job.id).await.unwrap(), tasks);
    assert_eq!(store.task(tasks[1].key).await.unwrap(), Some(tasks[1].clone()));
    let stranger = TaskKey { job: job.id, vm: sample::vm_id(9) };
    assert_eq!(store.task(stranger).await.unwrap(), None);
}

/// An event that does not follow the last one takes everything that came with it along.
pub async fn a_commit_is_all_or_nothing(store: &dyn StateStore) {
    let good = Commit { events: vec![sample::event(1)], ..Commit::default() };
    store.commit(&good).await.unwrap();
    for seqs in [vec![1], vec![3], vec![2, 4], vec![2, 2], vec![0]] {
        let writes = vec![Write::PutVm(Arc::new(sample::vm(1)))];
        let events = seqs.iter().map(|seq| sample::event(*seq)).collect();
        let bad = Commit { events, writes, ..Commit::default() };
        assert!(store.commit(&bad).await.is_err(), "events {seqs:?} after 1 are refused");
        let loaded = store.load().await.unwrap();
        assert_eq!((loaded.seq, loaded.vms.len()), (1, 0), "nothing of {seqs:?} is left");
    }
    let next = Commit { events: vec![sample::event(2)], ..Commit::default() };
    store.commit(&next).await.expect("the store goes on after refusals");
}

/// Events are read in pages, in order, from any place.
pub async fn events_are_gapless_and_paged(store: &dyn StateStore) {
    for first in (1..=250_u64).step_by(25) {
        let events = (first..first + 25).map(sample::event).collect();
        store.commit(&Commit { events, ..Commit::default() }).await.unwrap();
    }
    let mut since = 0;
    let mut seen = Vec::new();
    loop {
        let page = store.events(since, 17).await.unwrap();
        assert_eq!(page.oldest, 1);
        assert!(page.events.len() <= 17);
        let Some(last) = page.events.last() else { break };
        since = last.seq;
        seen.extend(page.events);
    }
    assert_eq!(seen, (1..=250).map(sample::event).collect::<Vec<_>>());
    assert!(store.events(250, 10).await.unwrap().events.is_empty());
    assert!(store.events(u64::MAX, 10).await.unwrap().events.is_empty());
}

/// Removing old events tells readers that they are gone and does not disturb the numbering, even when none is left.
pub async fn pruned_events_stay_counted(store: &dyn StateStore) {
    let events = (1..=10).map(sample::event).collect();
    store.commit(&Commit { events, ..Commit::default() }).await.unwrap();
    assert_eq!(store.prune_events(4).await.unwrap(), 3);
    assert_eq!(store.prune_events(2).await.unwrap(), 0);
    let page = store.events(0, 100).await.unwrap();
    assert_eq!((page.oldest, page.events.first().map(|event| event.seq)), (4, Some(4)));
    assert_eq!(store.prune_events(1000).await.unwrap(), 7);
    let page = store.events(0, 100).await.unwrap();
    assert_eq!((page.oldest, page.events.len()), (11, 0));
    assert_eq!(store.load().await.unwrap().seq, 10);
    let stale = Commit { events: vec![sample::event(1)], ..Commit::default() };
    assert!(store.commit(&stale).await.is_err());
    let next = Commit { events: vec![sample::event(11)], ..Commit::default() };
    store.commit(&next).await.unwrap();
    assert_eq!(store.load().await.unwrap().seq, 11);
}

/// A start needs the jobs that have not ended, with their ended tasks too, and no others.
pub async fn load_gives_unfinished_jobs_with_all_their_tasks(store: &dyn StateStore) {
    let vms = [sample::vm_id(1), sample::vm_id(2), sample::vm_id(3)];
    let mut expected = Vec::new();
    for (n, (task_status, job_status)) in sample::STATUSES.into_iter().enumerate() {
        let (job, mut tasks) = sample::job(sample::job_id(NOON, n as u64), &vms, task_status);
        if !job_status.is_final() {
            tasks[0].status = TaskStatus::Succeeded;
            expected.push((job.clone(), tasks.clone()));
        }
        sample::write(store, sample::put_job(job, tasks)).await;
    }
    expected.sort_by_key(|(job, _)| job.id);
    let loaded = store.load().await.unwrap();
    let mut jobs = loaded.jobs;
    jobs.sort_by_key(|job| job.id);
    assert_eq!(jobs, expected.iter().map(|(job, _)| job.clone()).collect::<Vec<_>>());
    for (job, tasks) in expected {
        let loaded: Vec<_> = loaded.tasks.iter().filter(|task| task.key.job == job.id).cloned().collect();
        assert_eq!(loaded, tasks);
    }
    assert_eq!(loaded.tasks.len(), 6);
}

/// The last write of a row is the one that counts.
pub async fn rows_are_replaced_and_removed(store: &dyn StateStore) {
    let (mut vm, mut other) = (sample::vm(1), sample::vm(2));
    let (mut job, mut tasks) = sample::job(sample::job_id(NOON, 1), &[vm.id], TaskStatus::Running);
    let mut writes = sample::put_job(job.clone(), tasks.clone());
    writes.push(Write::PutVm(Arc::new(vm.clone())));
    writes.push(Write::PutVm(Arc::new(other.clone())));
    writes.push(Write::PutTemplate(Arc::new(sample::template("a"))));
    writes.push(Write::PutSetting("k".into(), Arc::new(1.into())));
    sample::write(store, writes).await;

    // Two VMs may exchange their names within one commit.
    std::mem::swap(&mut vm.name, &mut other.name);
    (job, tasks[0].status) = (sample::job(job.id, &[vm.id], TaskStatus::Failed).0, TaskStatus::Failed);
    let mut writes = sample::put_job(job.clone(), tasks.clone());
    writes.push(Write::PutVm(Arc::new(vm.clone())));
    writes.push(Write::PutVm(Arc::new(other.clone())));
    writes.push(Write::PutSetting("k".into(), Arc::new(2.into())));
    sample::write(store, writes).await;
    let loaded = store.load().await.unwrap();
    let names: BTreeSet<_> = loaded.vms.iter().map(|vm| (vm.id, vm.name.clone())).collect();
    assert_eq!(names, BTreeSet::from([(vm.id, vm.name.clone()), (other.id, other.name.clone())]));
    assert_eq!(loaded.settings, [("k".to_owned(), 2.into())]);
    assert!(loaded.jobs.is_empty());
    assert_eq!(store.job(job.id).await.unwrap(), Some(job.clone()));
    assert_eq!(store.tasks(job.id).await.unwrap(), tasks);

    let writes = vec![Write::DeleteVm(vm.id), Write::DeleteTemplate("a".into()), Write::DeleteSetting("k".into())];
    sample::write(store, writes).await;
    let loaded = store.load().await.unwrap();
    assert_eq!(loaded.vms, [other]);
    assert!(loaded.templates.is_empty() && loaded.settings.is_empty());
    assert_eq!(store.job(job.id).await.unwrap(), Some(job), "a job outlives its VM");
}

/// A reader who goes from page to page meets each of 1,000 jobs once, newest first, though more are added meanwhile.
pub async fn pages_of_jobs_have_no_gap_and_no_double(store: &dyn StateStore) {
    let mut ids = Vec::new();
    let mut writes = Vec::new();
    for n in 0..1000 {
        // Several are made in one millisecond.
        let id = sample::job_id(Timestamp::from_millis(NOON.as_millis() + (n / 7) as i64), n);
        let (job, tasks) = sample::job(id, &[sample::vm_id(1)], TaskStatus::Succeeded);
        ids.push(id);
        writes.extend(sample::put_job(job, tasks));
    }
    sample::write(store, writes).await;
    ids.sort_by(|a, b| b.cmp(a));
    let mut seen = Vec::new();
    let mut filter = JobFilter::default();
    loop {
        let page = store.jobs(&filter, 64).await.unwrap();
        assert!(page.jobs.len() <= 64);
        seen.extend(page.jobs.iter().map(|job| job.id));
        let later = sample::job_id(Timestamp::from_millis(NOON.as_millis() + 10_000), seen.len() as u64);
        let (job, tasks) = sample::job(later, &[sample::vm_id(1)], TaskStatus::Succeeded);
        sample::write(store, sample::put_job(job, tasks)).await;
        let Some(next) = page.next else { break };
        filter.before = Some(next);
    }
    assert_eq!(seen, ids);
}

/// Any combination of conditions gives what filtering by hand gives.
pub async fn filters_of_jobs_agree_with_a_model(store: &dyn StateStore) {
    let numbers = Numbers::new(7);
    let mut jobs: Vec<Job> = Vec::new();
    let mut writes = Vec::new();
    for n in 0..200 {
        let id = sample::job_id(Timestamp::from_millis(NOON.as_millis() + n as i64 * 1000), n);
        let vms: Vec<_> = (0..4).filter(|_| numbers.below(2) == 0).map(sample::vm_id).collect();
        let vms = if vms.is_empty() { vec![sample::vm_id(0)] } else { vms };
        let template = ["templates/disk", "saved/restart"].get(numbers.below(3) as usize).copied();
        let (status, _) = sample::STATUSES[numbers.below(5) as usize];
        let (job, tasks) = sample::job_of(id, &vms, status, template);
        jobs.push(job.clone());
        writes.extend(sample::put_job(job, tasks));
    }
    sample::write(store, writes).await;
    for _ in 0..200 {
        let some = || numbers.below(2) == 0;
        let filter = JobFilter {
            status: some().then(|| sample::STATUSES[numbers.below(5) as usize].1),
            vm: some().then(|| sample::vm_id(numbers.below(5))),
            template: some().then(|| "saved/restart".to_owned()),
            since: some().then(|| Timestamp::from_millis(NOON.as_millis() + numbers.below(200_000) as i64)),
            before: some().then(|| jobs[numbers.below(200) as usize].id),
        };
        let limit = 1 + numbers.below(30) as u32;
        let expected = model(&jobs, &filter);
        let page = store.jobs(&filter, limit).await.unwrap();
        let got: Vec<_> = page.jobs.iter().map(|job| job.id).collect();
        let first: Vec<_> = expected.iter().copied().take(limit as usize).collect();
        assert_eq!(got, first, "{filter:?}");
        assert_eq!(page.next.is_some(), expected.len() > limit as usize, "{filter:?}");
    }
}

/// Jobs counted by time and status are those that counting by hand gives, whatever the step.
pub async fn tallies_of_jobs_agree_with_a_model(store: &dyn StateStore) {
    let numbers = Numbers::new(11);
    let mut jobs: Vec<Job> = Vec::new();
    let mut writes = Vec::new();
    for n in 0..200 {
        let id = sample::job_id(Timestamp::from_millis(NOON.as_millis() + numbers.below(100_000) as i64), n);
        let (status, _) = sample::STATUSES[numbers.below(5) as usize];
        let (job, tasks) = sample::job_of(id, &[sample::vm_id(1)], status, None);
        jobs.push(job.clone());
        writes.extend(sample::put_job(job, tasks));
    }
    sample::write(store, writes).await;
    for _ in 0..50 {
        let since = Timestamp::from_millis(NOON.as_millis() + numbers.below(120_000) as i64 - 10_000);
        let step = 1 + numbers.below(40_000);
        let mut expected: BTreeMap<(u64, &str), u64> = BTreeMap::new();
        for job in jobs.iter().filter(|job| job.created_at >= since) {
            let at = job.created_at.millis_since(since) / step;
            *expected.entry((at, job.status.as_str())).or_default() += 1;
        }
        let got = store.job_tallies(since, Duration::from_millis(step)).await.unwrap();
        let got: Vec<_> = got.iter().map(|tally| ((tally.step, tally.status.as_str()), tally.jobs)).collect();
        assert_eq!(got, expected.into_iter().collect::<Vec<_>>(), "since {since} in steps of {step} ms");
    }
}

fn model(jobs: &[Job], filter: &JobFilter) -> Vec<JobId> {
    jobs.iter()
        .rev()
        .filter(|job| filter.status.is_none_or(|status| job.status == status))
        .filter(|job| filter.vm.is_none_or(|vm| job.targets.contains(&vm)))
        .filter(|job| {
            filter.template.is_none() || filter.template.as_deref() == job.template.as_ref().map(|used| &*used.id)
        })
        .filter(|job| filter.since.is_none_or(|since| job.created_at >= since))
        .filter(|job| filter.before.is_none_or(|before| job.id < before))
        .map(|job| job.id)
        .collect()
}

/// A reader never sees half a commit.
pub async fn commits_from_many_callers_are_each_whole(store: &dyn StateStore) {
    let writers = async {
        for seq in 1..=50 {
            let value = Arc::new(serde_json::Value::from(seq));
            let settings = ["a", "b"].map(|key| Write::PutSetting(key.into(), Arc::clone(&value)));
            let commit = Commit { events: vec![sample::event(seq)], writes: settings.into(), ..Commit::default() };
            store.commit(&commit).await.unwrap();
        }
    };
    let readers = async {
        loop {
            let loaded = store.load().await.unwrap();
            let expected = serde_json::Value::from(loaded.seq);
            assert!(loaded.settings.iter().all(|(_, value)| *value == expected), "{loaded:?}");
            if loaded.seq == 50 {
                break;
            }
        }
    };
    tokio::join!(writers, readers);
}
