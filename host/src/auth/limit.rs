//! Failed logins are counted by where they come from. Tokens cannot be guessed; this keeps attempts from filling the
//! log and the disk's time.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use corral_domain::Timestamp;

/// Failures that are free.
const BURST: u32 = 10;
/// Each further one after this long.
const REFILL_MILLIS: u64 = 6_000;
/// Addresses that are remembered; beyond that the oldest is forgotten.
const PEERS_MAX: usize = 1_024;

#[derive(Debug, Default)]
pub(super) struct Attempts {
    peers: Mutex<HashMap<IpAddr, Bucket>>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    failures: u32,
    at: Timestamp,
}

impl Bucket {
    /// Failures that still count.
    fn counted(self, now: Timestamp) -> u32 {
        let forgiven = now.millis_since(self.at) / REFILL_MILLIS;
        self.failures.saturating_sub(u32::try_from(forgiven).unwrap_or(u32::MAX))
    }
}

impl Attempts {
    /// Refuses with the seconds to wait.
    pub(super) fn check(&self, peer: IpAddr, now: Timestamp) -> Result<(), u64> {
        let peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        match peers.get(&peer) {
            Some(bucket) if bucket.counted(now) >= BURST => Err(REFILL_MILLIS.div_ceil(1000)),
            _ => Ok(()),
        }
    }

    /// Counts a failure.
    pub(super) fn failed(&self, peer: IpAddr, now: Timestamp) {
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        if peers.len() >= PEERS_MAX
            && !peers.contains_key(&peer)
            && let Some(oldest) = peers.iter().min_by_key(|(_, bucket)| bucket.at).map(|(peer, _)| *peer)
        {
            peers.remove(&oldest);
        }
        let failures = peers.get(&peer).map_or(0, |bucket| bucket.counted(now)).saturating_add(1);
        peers.insert(peer, Bucket { failures, at: now });
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn after_ten_failures_one_waits_and_others_do_not() {
        let attempts = Attempts::default();
        let (here, there) = (IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)));
        let now = Timestamp::from_millis(1_000_000);
        for _ in 0..BURST {
            assert_eq!(attempts.check(here, now), Ok(()));
            attempts.failed(here, now);
        }
        assert_eq!(attempts.check(here, now), Err(6));
        assert_eq!(attempts.check(there, now), Ok(()));
        assert_eq!(attempts.check(here, Timestamp::from_millis(1_006_000)), Ok(()));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let attempts = Attempts::default();
        for n in 0..5_000_u32 {
            attempts.failed(IpAddr::V4(Ipv4Addr::from(n)), Timestamp::from_millis(i64::from(n)));
        }
        assert_eq!(attempts.peers.lock().unwrap().len(), PEERS_MAX);
    }
}
