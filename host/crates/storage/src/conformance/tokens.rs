//! What every [`TokenStore`] promises.

use corral_domain::Timestamp;

use super::sample::NOON;
use crate::{TokenRow, TokenStore};

const CALLERS: usize = 16;

fn token(hash: &str, kind: &str, age: i64, expires_in: Option<i64>) -> TokenRow {
    let after = |millis: i64| Timestamp::from_millis(NOON.as_millis() + millis);
    TokenRow {
        hash: hash.into(),
        kind: kind.into(),
        name: format!("name of {hash}"),
        role: "operator".into(),
        created_at: after(-age),
        expires_at: expires_in.map(after),
    }
}

/// Stored, found, removed.
pub async fn a_token_is_found_by_its_hash_until_it_is_removed(store: &dyn TokenStore) {
    let (api, login) = (token("aa", "api", 0, None), token("bb", "login", 0, Some(-5)));
    store.insert_token(&api).await.unwrap();
    store.insert_token(&login).await.unwrap();
    assert_eq!(store.token("aa").await.unwrap(), Some(api));
    assert_eq!(store.token("bb").await.unwrap(), Some(login), "an expired one is found too");
    assert_eq!(store.token("AA").await.unwrap(), None);
    assert_eq!(store.token("").await.unwrap(), None);
    assert!(store.remove_token("aa").await.unwrap());
    assert!(!store.remove_token("aa").await.unwrap());
    assert_eq!(store.token("aa").await.unwrap(), None);
}

/// A second token of the same hash is refused and does not replace the first.
pub async fn a_hash_is_stored_once(store: &dyn TokenStore) {
    let first = token("aa", "api", 0, None);
    store.insert_token(&first).await.unwrap();
    assert!(store.insert_token(&token("aa", "session", 5, Some(5))).await.is_err());
    assert_eq!(store.token("aa").await.unwrap(), Some(first));
}

/// A login link works once, however many follow it at once.
pub async fn of_many_removals_at_once_one_succeeds(store: &dyn TokenStore) {
    for round in 0..5 {
        let hash = format!("link-{round}");
        store.insert_token(&token(&hash, "login", 0, Some(60_000))).await.unwrap();
        let removals = (0..CALLERS).map(|_| store.remove_token(&hash));
        let mut removed = 0;
        for result in join_all(removals).await {
            removed += usize::from(result.unwrap());
        }
        assert_eq!(removed, 1);
    }
}

/// Lists are by kind and in the order of making.
pub async fn tokens_are_listed_by_kind_oldest_first(store: &dyn TokenStore) {
    for (hash, kind, age) in [("a", "api", 10), ("b", "session", 99), ("c", "api", 30), ("d", "api", 20)] {
        store.insert_token(&token(hash, kind, age, None)).await.unwrap();
    }
    let hashes: Vec<_> = store.tokens("api").await.unwrap().into_iter().map(|token| token.hash).collect();
    assert_eq!(hashes, ["c", "d", "a"]);
    assert!(store.tokens("login").await.unwrap().is_empty());
}

/// Only what has expired goes; what never expires stays.
pub async fn expired_tokens_are_removed_and_no_others(store: &dyn TokenStore) {
    for (hash, expires) in [("past", Some(-1)), ("long past", Some(-1_000_000)), ("soon", Some(1)), ("never", None)] {
        store.insert_token(&token(hash, "session", 0, expires)).await.unwrap();
    }
    assert_eq!(store.remove_expired(NOON).await.unwrap(), 2);
    assert_eq!(store.remove_expired(NOON).await.unwrap(), 0);
    let mut left: Vec<_> = store.tokens("session").await.unwrap().into_iter().map(|token| token.hash).collect();
    left.sort();
    assert_eq!(left, ["never", "soon"]);
}

/// Drives all futures at once on one task, each polled whenever any is woken: that is enough for them to overlap.
async fn join_all<F: Future>(futures: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures.into_iter().map(|future| (Box::pin(future), None)).collect();
    std::future::poll_fn(|cx| {
        for (future, output) in &mut running {
            if output.is_none()
                && let std::task::Poll::Ready(value) = future.as_mut().poll(cx)
            {
                *output = Some(value);
            }
        }
        if running.iter().all(|(_, output)| output.is_some()) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    running.into_iter().filter_map(|(_, output)| output).collect()
}
