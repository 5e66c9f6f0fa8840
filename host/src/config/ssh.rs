//! `[ssh]`: connections to the machines.

use std::time::Duration;

use corral_ssh::SshConfig;
use serde::{Deserialize, Serialize};

use crate::cli::exit::{Exit, Failure};

/// Connections to the machines. A VM's own options go before them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ssh {
    /// Seconds for a name to resolve and a TCP connection to open.
    pub connect_timeout_seconds: u64,
    /// Seconds for the key exchange, the host key check included.
    pub handshake_timeout_seconds: u64,
    /// Seconds for the authentication.
    pub auth_timeout_seconds: u64,
    /// Seconds of silence after which a machine is asked for a sign of life.
    pub keepalive_interval_seconds: u64,
    /// Unanswered questions after which a connection counts as dead.
    pub keepalive_misses: usize,
    /// Seconds after which a connection that nobody uses is closed.
    pub idle_close_seconds: u64,
    /// Connections being made at once, over all machines.
    pub max_handshakes: usize,
    /// Connections being made at once to one address; sshd's `MaxStartups` is 10.
    pub max_handshakes_per_address: usize,
    /// Failures in a row after which a machine is left alone for a while; a refused login counts as two.
    pub breaker_failures: u32,
    /// Seconds of the first such pause; it doubles with each further failure.
    pub breaker_pause_seconds: u64,
    /// Seconds of the longest such pause.
    pub breaker_pause_max_seconds: u64,
}

const SECONDS_MAX: u64 = 3_600;
const DAY_SECONDS: u64 = 86_400;
const MISSES_MAX: usize = 100;
const HANDSHAKES_MAX: usize = 1_000;
const FAILURES_MAX: u32 = 1_000;

impl Default for Ssh {
    fn default() -> Self {
        let usual = SshConfig::default();
        Self {
            connect_timeout_seconds: usual.connect_timeout.as_secs(),
            handshake_timeout_seconds: usual.handshake_timeout.as_secs(),
            auth_timeout_seconds: usual.auth_timeout.as_secs(),
            keepalive_interval_seconds: usual.keepalive_interval.as_secs(),
            keepalive_misses: usual.keepalive_misses,
            idle_close_seconds: usual.idle_close.as_secs(),
            max_handshakes: usual.max_handshakes,
            max_handshakes_per_address: usual.max_handshakes_per_address,
            breaker_failures: usual.breaker.failures,
            breaker_pause_seconds: usual.breaker.pause.as_secs(),
            breaker_pause_max_seconds: usual.breaker.pause_max.as_secs(),
        }
    }
}

impl Ssh {
    /// The settings of connections with these in place.
    pub fn to_ssh(&self) -> SshConfig {
        let seconds = Duration::from_secs;
        let usual = SshConfig::default();
        SshConfig {
            connect_timeout: seconds(self.connect_timeout_seconds),
            handshake_timeout: seconds(self.handshake_timeout_seconds),
            auth_timeout: seconds(self.auth_timeout_seconds),
            keepalive_interval: seconds(self.keepalive_interval_seconds),
            keepalive_misses: self.keepalive_misses,
            idle_close: seconds(self.idle_close_seconds),
            max_handshakes: self.max_handshakes,
            max_handshakes_per_address: self.max_handshakes_per_address,
            breaker: corral_ssh::BreakerConfig {
                failures: self.breaker_failures,
                pause: seconds(self.breaker_pause_seconds),
                pause_max: seconds(self.breaker_pause_max_seconds),
            },
            ..usual
        }
    }

    pub(super) fn check(&self) -> Result<(), Failure> {
        let numbers = [
            ("connect_timeout_seconds", self.connect_timeout_seconds, SECONDS_MAX),
            ("handshake_timeout_seconds", self.handshake_timeout_seconds, SECONDS_MAX),
            ("auth_timeout_seconds", self.auth_timeout_seconds, SECONDS_MAX),
            ("keepalive_interval_seconds", self.keepalive_interval_seconds, SECONDS_MAX),
            ("keepalive_misses", self.keepalive_misses as u64, MISSES_MAX as u64),
            ("idle_close_seconds", self.idle_close_seconds, DAY_SECONDS),
            ("max_handshakes", self.max_handshakes as u64, HANDSHAKES_MAX as u64),
            ("max_handshakes_per_address", self.max_handshakes_per_address as u64, HANDSHAKES_MAX as u64),
            ("breaker_failures", u64::from(self.breaker_failures), u64::from(FAILURES_MAX)),
            ("breaker_pause_seconds", self.breaker_pause_seconds, SECONDS_MAX),
            ("breaker_pause_max_seconds", self.breaker_pause_max_seconds, DAY_SECONDS),
        ];
        for (key, value, max) in numbers {
            if value == 0 || value > max {
                return Err(Failure::new(Exit::Usage, format!("ssh.{key} is {value}; it is between 1 and {max}")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_set_is_as_usual_and_each_key_reaches_the_connections() {
        assert_eq!(Ssh::default().check(), Ok(()));
        let set = Ssh { keepalive_interval_seconds: 1, keepalive_misses: 2, max_handshakes: 3, ..Ssh::default() };
        let ssh = set.to_ssh();
        assert_eq!(ssh.keepalive_interval, Duration::from_secs(1));
        assert_eq!((ssh.keepalive_misses, ssh.max_handshakes), (2, 3));
        assert_eq!(ssh.connect_timeout, SshConfig::default().connect_timeout);
    }

    #[test]
    fn a_number_without_sense_is_refused_by_its_key() {
        let failure = Ssh { keepalive_misses: 0, ..Ssh::default() }.check().unwrap_err();
        assert!(failure.message.contains("ssh.keepalive_misses is 0"), "{}", failure.message);
        let failure = Ssh { connect_timeout_seconds: 4_000, ..Ssh::default() }.check().unwrap_err();
        assert!(failure.message.contains("between 1 and 3600"), "{}", failure.message);
    }
}
