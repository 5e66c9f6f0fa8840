//! Keys by which a request that is sent twice makes one job.
//!
//! What a key made is stored with the job, in one transaction, so that it holds across restarts. Of the request only a digest
//! is kept: it may have had standard input.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use corral_domain::{JobId, Timestamp};
use corral_storage::{IDEMPOTENCY_KEPT, IdempotencyKey};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::jobs::{JobRequest, Targets, What, hex};
use crate::{Actor, Engine, UseCaseError};

/// Keys whose first request is at work.
#[derive(Debug, Default)]
pub(crate) struct IdempotencyKeys {
    held: Mutex<HashMap<String, Weak<tokio::sync::Mutex<()>>>>,
}

/// A key that nobody else works with until this is dropped.
pub(crate) struct Held {
    key: String,
    _lock: tokio::sync::OwnedMutexGuard<()>,
}

/// What is known of a key.
pub(crate) enum Remembered {
    /// It made this job from the same request.
    As(JobId),
    /// It was used for another request.
    Other,
    /// Nothing; the digest of the request is this.
    No(String),
}

impl IdempotencyKeys {
    /// Waits until nobody else works with the key. Keys of different actors are different keys.
    pub(crate) async fn hold(&self, actor: &Actor, key: &str) -> Held {
        let key = format!("{}\n{key}", actor.name);
        let lock = {
            let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
            held.retain(|_, lock| lock.strong_count() > 0);
            held.get(&key).and_then(Weak::upgrade).unwrap_or_else(|| {
                let lock = Arc::default();
                held.insert(key.clone(), Arc::downgrade(&lock));
                lock
            })
        };
        Held { key, _lock: lock.lock_owned().await }
    }
}

impl Held {
    /// What is stored once the key has made a job.
    pub(crate) fn row(&self, digest: String, job: JobId, created_at: Timestamp) -> IdempotencyKey {
        IdempotencyKey { key: self.key.clone(), digest, job, created_at }
    }
}

impl Engine {
    /// What is known of a key with regard to a request.
    pub(crate) async fn remembered(&self, held: &Held, request: &JobRequest) -> Result<Remembered, UseCaseError> {
        let digest = digest(request);
        let known = self.inner.deps.state.idempotency_key(&held.key).await?;
        let now = self.inner.deps.clock.now();
        let young =
            |known: &IdempotencyKey| u128::from(now.millis_since(known.created_at)) < IDEMPOTENCY_KEPT.as_millis();
        Ok(match known.filter(young) {
            None => Remembered::No(digest),
            Some(known) if known.digest == digest => Remembered::As(known.job),
            Some(_) => Remembered::Other,
        })
    }
}

/// SHA-256 in hex over everything that was asked for.
fn digest(request: &JobRequest) -> String {
    let JobRequest {
        what,
        targets,
        mode,
        parallelism,
        timeout_seconds,
        env,
        workdir,
        stdin,
        strategy,
        run_as,
        filters,
        expect_hash,
        idempotency_key: _,
    } = request;
    let what = match what {
        What::Command(command) => json!({ "command": command }),
        What::Template { id, args } => json!({ "template": id, "args": args }),
    };
    let targets = match targets {
        Targets::Vms(vms) => json!({ "vms": vms }),
        Targets::Selector(text) => json!({ "selector": text }),
    };
    let head = json!([
        what,
        targets,
        mode,
        parallelism,
        timeout_seconds,
        env,
        workdir,
        strategy,
        run_as,
        expect_hash,
        stdin.is_some()
    ]);
    let mut hash = Sha256::new();
    hash.update(head.to_string());
    // Requests from before there were filters keep their digests.
    if !filters.is_empty() {
        hash.update(json!(filters).to_string());
    }
    hash.update(stdin.as_deref().unwrap_or_default());
    hex(&hash.finalize())
}

#[cfg(test)]
mod tests {
    use corral_domain::CommandLine;

    use super::*;

    #[test]
    fn any_difference_of_two_requests_shows_in_the_digest() {
        let request = |script: &str| {
            JobRequest::command(CommandLine::Script(script.to_owned()), Targets::Selector("all".to_owned()))
        };
        let all = [
            request("true"),
            request("false"),
            JobRequest { stdin: Some(vec![]), ..request("true") },
            JobRequest { stdin: Some(b"x".to_vec()), ..request("true") },
            JobRequest { targets: Targets::Vms(vec![]), ..request("true") },
            JobRequest { parallelism: Some(1), ..request("true") },
            JobRequest { timeout_seconds: Some(1), ..request("true") },
            JobRequest { env: vec![("A".into(), "1".into())], ..request("true") },
        ];
        for (n, one) in all.iter().enumerate() {
            assert_eq!(digest(one), digest(&one.clone()));
            assert!(all[..n].iter().all(|other| digest(other) != digest(one)), "{one:?}");
        }
        let keyed = JobRequest { idempotency_key: Some("k".into()), ..request("true") };
        assert_eq!(digest(&keyed), digest(&request("true")));
    }

    #[tokio::test]
    async fn a_key_is_held_by_one_at_a_time_and_leaves_nothing_behind() {
        let keys = IdempotencyKeys::default();
        let actor = |name: &str| Actor { name: name.to_owned(), role: crate::Role::Operator };
        let same = actor("a");
        let first = keys.hold(&same, "k").await;
        let mut second = std::pin::pin!(keys.hold(&same, "k"));
        assert!(futures::poll!(second.as_mut()).is_pending());
        keys.hold(&actor("b"), "k").await;
        drop(first);
        drop(second.await);
        keys.hold(&actor("c"), "other").await;
        assert_eq!(keys.held.lock().unwrap().len(), 1);
    }
}
