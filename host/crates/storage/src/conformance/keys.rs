//! What every [`StateStore`] promises of idempotency keys.

use std::sync::Arc;
use std::time::Duration;

use corral_domain::{TaskStatus, Timestamp};

use super::sample::{self, NOON};
use crate::{Commit, IDEMPOTENCY_KEPT, IDEMPOTENCY_KEYS_MAX, IdempotencyKey, StateStore, Write};

fn later(by: Duration) -> Timestamp {
    Timestamp::from_millis(NOON.as_millis() + by.as_millis() as i64)
}

fn key(name: &str, n: u64, created_at: Timestamp) -> IdempotencyKey {
    let digest = format!("digest of {name}");
    IdempotencyKey { key: name.to_owned(), digest, job: sample::job_id(NOON, n), created_at }
}

/// Commits a key with its job.
async fn commit(store: &dyn StateStore, key: &IdempotencyKey) {
    let mut job = sample::job(key.job, &[sample::vm_id(1)], TaskStatus::Queued).0;
    job.created_at = key.created_at;
    let commit = Commit { writes: vec![Write::PutJob(Arc::new(job))], keys: vec![key.clone()], ..Commit::default() };
    store.commit(&commit).await.unwrap();
}

/// A key comes back as it was given, and only after what it made was written.
pub async fn a_key_is_stored_with_what_it_made(store: &dyn StateStore) {
    assert_eq!(store.idempotency_key("a").await.unwrap(), None);
    let one = key("token:x\na", 1, NOON);
    commit(store, &one).await;
    assert_eq!(store.idempotency_key("token:x\na").await.unwrap(), Some(one.clone()));
    assert_eq!(store.idempotency_key("a").await.unwrap(), None);
    let refused = Commit { keys: vec![key("b", 1, NOON)], events: vec![sample::event(7)], ..Commit::default() };
    assert!(store.commit(&refused).await.is_err());
    assert_eq!(store.idempotency_key("b").await.unwrap(), None, "a commit that is refused keeps no key");
}

/// A key is stored once, until it is old enough to be forgotten.
pub async fn a_key_is_forgotten_after_its_time(store: &dyn StateStore) {
    commit(store, &key("old", 1, NOON)).await;
    let again = Commit { keys: vec![key("old", 1, later(Duration::from_secs(1)))], ..Commit::default() };
    assert!(store.commit(&again).await.is_err(), "a key makes one thing");
    let almost = Timestamp::from_millis(later(IDEMPOTENCY_KEPT).as_millis() - 1);
    commit(store, &key("young", 2, almost)).await;
    assert!(store.idempotency_key("old").await.unwrap().is_some());
    let new = key("old", 3, later(IDEMPOTENCY_KEPT));
    commit(store, &new).await;
    assert_eq!(store.idempotency_key("old").await.unwrap(), Some(new));
    assert!(store.idempotency_key("young").await.unwrap().is_some());
}

/// However many keys are used, a bounded number is kept: the newest.
pub async fn the_newest_keys_are_kept(store: &dyn StateStore) {
    commit(store, &key("first", 1, NOON)).await;
    let max = u64::from(IDEMPOTENCY_KEYS_MAX);
    for from in (1..=max).step_by(1_000) {
        let keys = (from..from + 1_000).map(|n| key(&format!("k{n}"), 1, later(Duration::from_millis(n)))).collect();
        store.commit(&Commit { keys, ..Commit::default() }).await.unwrap();
    }
    assert_eq!(store.idempotency_key("first").await.unwrap(), None);
    for kept in ["k1", "k5000", "k10000"] {
        assert!(store.idempotency_key(kept).await.unwrap().is_some(), "{kept}");
    }
}
