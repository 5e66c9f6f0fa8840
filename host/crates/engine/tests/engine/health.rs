//! Whether machines answer, and what they tell of themselves.

use std::sync::atomic::Ordering;
use std::time::Duration;

use corral_domain::{Event, EventKind, VmId};
use corral_engine::{Settings, Subscription};

use crate::support::{World, admin};

/// Waits for the next event that is wanted.
async fn next(events: &mut Subscription, wanted: impl Fn(&EventKind) -> bool) {
    let wait = async { while !events.next().await.unwrap().unwrap().iter().any(|event| wanted(&event.kind)) {} };
    tokio::time::timeout(Duration::from_secs(30), wait).await.expect("the event comes");
}

fn told_of(vm: VmId) -> impl Fn(&EventKind) -> bool {
    move |kind| matches!(kind, EventKind::VmFactsChanged { id, .. } if *id == vm)
}

#[tokio::test]
async fn what_is_seen_of_a_machine_many_times_at_once_is_told_at_most_every_250_ms_and_the_latest_wins() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::start(dir.path()).await;
    let vm = world.vms("web", 1).await[0];
    futures::future::join_all((0..20).map(|_| async { world.engine.test_vm(&admin(), vm).await.unwrap() })).await;
    assert_eq!(world.engine.state().health[&vm].latency_ms, Some(2_000), "the latest of them");
    world.runner.probed.store(99, Ordering::SeqCst);
    world.engine.test_vm(&admin(), vm).await.unwrap();
    assert_eq!(world.engine.state().health[&vm].latency_ms, Some(10_000), "it is there when a test returns");

    let events = world.engine.events(0, 1_000).await.unwrap().events;
    let told: Vec<&Event> =
        events.iter().filter(|event| matches!(event.kind, EventKind::VmStatusChanged { .. })).collect();
    assert_eq!(told.len(), 3, "the first at once, the latest of the others, and the one after them");
    for pair in told.windows(2) {
        let apart = pair[1].at.as_millis() - pair[0].at.as_millis();
        assert!(apart >= 250, "{apart} ms");
    }
}

#[tokio::test]
async fn a_machine_is_asked_what_it_is_once_after_it_is_there_again_when_it_was_edited_and_not_by_every_look() {
    let dir = tempfile::tempdir().unwrap();
    let settings = || Settings { health_interval: Some(Duration::from_secs(3_600)), ..Settings::default() };
    let world = World::start_with(dir.path(), settings()).await;
    let mut events = world.engine.subscribe(None);
    let vm = world.vms("web", 1).await[0];
    next(&mut events, told_of(vm)).await;
    let facts = world.engine.state().facts[&vm].clone();
    assert_eq!((facts.cpus, facts.load_1), (Some(2), Some(0.25)));
    world.engine.test_vm(&admin(), vm).await.unwrap();
    let edit = |world: &World, user: &str| {
        let mut new = world.engine.state().vms[&vm].to_new();
        new.user = user.to_owned();
        let engine = world.engine.clone();
        async move { engine.replace_vm(&admin(), vm, new, None).await.unwrap() }
    };
    edit(&world, "other").await;
    next(&mut events, told_of(vm)).await;
    assert_eq!(world.runner.asked.load(Ordering::SeqCst), 2, "once it was there, and once it was edited");
    let facts = world.engine.state().facts[&vm].clone();
    world.engine.stop().await;

    let world = World::start_with(dir.path(), settings()).await;
    assert_eq!(world.engine.state().facts[&vm], facts, "kept over the restart");
    let mut events = world.engine.subscribe(None);
    if world.engine.state().health.is_empty() {
        next(&mut events, |kind| matches!(kind, EventKind::VmStatusChanged { .. })).await;
    }
    edit(&world, "third").await;
    next(&mut events, told_of(vm)).await;
    assert_eq!(
        world.runner.asked.load(Ordering::SeqCst),
        1,
        "what was told a moment ago is not asked for at the start"
    );
    world.engine.gather_facts(&admin(), vm).await.unwrap();
    assert_eq!(world.runner.asked.load(Ordering::SeqCst), 2, "whoever asks is answered");
    world.engine.remove_vm(&admin(), vm).await.unwrap();
    assert!(world.engine.state().facts.is_empty());
}
