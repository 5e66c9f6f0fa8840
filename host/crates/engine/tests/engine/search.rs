//! Searching what jobs wrote.

use corral_domain::{JobId, VmId};
use corral_engine::{Actor, Pattern, Role, Scope, SearchEvent, SearchQuery};

use crate::support::{World, admin};

pub fn query(pattern: &str) -> SearchQuery {
    SearchQuery {
        pattern: Some(Pattern::Literal(pattern.to_owned())),
        ignore_case: false,
        stream: None,
        annotations: Vec::new(),
        since: None,
        until: None,
        context: 0,
        limit: 1_000,
        scope: Scope::default(),
    }
}

/// Hits as job, VM, number and text with context; and whether it ended at its limit.
async fn search(world: &World, query: &SearchQuery) -> (Vec<(JobId, VmId, u64, Vec<String>)>, bool) {
    let viewer = Actor { name: "user:viewer".to_owned(), role: Role::Viewer };
    let mut events = world.engine.search(&viewer, query).unwrap();
    let mut hits = Vec::new();
    while let Some(event) = events.recv().await {
        match event {
            SearchEvent::Hit(hit) => {
                let texts = hit.lines.iter().map(|line| String::from_utf8_lossy(line.text).into_owned()).collect();
                hits.push((hit.task.job, hit.task.vm, hit.n, texts));
            }
            SearchEvent::End { limited, error, .. } => {
                assert_eq!(error, None);
                return (hits, limited);
            }
            SearchEvent::Progress { .. } => {}
            SearchEvent::Damaged { .. } => panic!("nothing is damaged"),
        }
    }
    panic!("the search broke off");
}

#[tokio::test]
async fn lines_are_found_in_all_jobs_newest_first_with_their_context() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::start(dir.path()).await;
    let vms = world.vms("web", 2).await;
    let older = world.job("lines 20000", &vms).await;
    world.finished(older).await;
    let newer = world.job("say one line 19999 more", &vms[..1]).await;
    world.finished(newer).await;

    let (hits, limited) = search(&world, &query("line 19999")).await;
    let found: Vec<_> = hits.iter().map(|(job, vm, n, _)| (*job, *vm, *n)).collect();
    assert_eq!(found, [(newer, vms[0], 0), (older, vms[0], 19_999), (older, vms[1], 19_999)]);
    assert!(!limited);

    // Numbers on both sides of a chunk's seam have their neighbours.
    let around = SearchQuery {
        context: 2,
        pattern: Some(Pattern::Regex(r"^line 1638[34]$".to_owned())),
        scope: Scope { job: Some(older), vm: Some(vms[1]), template: None },
        ..query("")
    };
    let (hits, _) = search(&world, &around).await;
    assert_eq!(hits.len(), 2);
    for (_, vm, n, texts) in hits {
        assert_eq!(vm, vms[1]);
        assert_eq!(texts, (n - 2..=n + 2).map(|n| format!("line {n}")).collect::<Vec<_>>());
    }

    let (hits, limited) = search(&world, &SearchQuery { limit: 7, ..query("line") }).await;
    assert_eq!((hits.len(), limited), (7, true));
    let (hits, _) = search(&world, &SearchQuery { ignore_case: true, ..query("ONE LINE") }).await;
    assert_eq!(hits.len(), 1);
    let long_ago = Some(corral_domain::Timestamp::from_millis(1_000));
    assert!(search(&world, &SearchQuery { until: long_ago, ..query("line") }).await.0.is_empty());
}

#[tokio::test]
async fn a_search_that_nobody_takes_ends_and_too_many_at_once_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let world = World::start(dir.path()).await;
    let vms = world.vms("web", 1).await;
    let job = world.job("lines 50000", &vms).await;
    world.finished(job).await;
    let endless = SearchQuery { limit: 50_000, ..query("line") };
    let held: Vec<_> = (0..8).map(|_| world.engine.search(&admin(), &endless).unwrap()).collect();
    let refused = world.engine.search(&admin(), &endless).unwrap_err();
    assert!(refused.to_string().contains("searches"), "{refused}");
    drop(held);
    let again = async {
        while world.engine.search(&admin(), &endless).is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), again).await.expect("their places are free again");
}
