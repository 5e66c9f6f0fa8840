//! Identifiers: UUIDv7, so that they sort by the time of their making and name the day a log file belongs to.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::{Builder, Uuid};

use crate::{Clock, Timestamp};

/// The text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an id; ids look like 0190163d-8694-739b-aea5-966c26f8ad91")]
pub struct InvalidId(pub String);

/// Fills a buffer with random bytes. A parameter, so that tests are repeatable.
pub trait RandomBytes: Send + Sync {
    /// Fills all of `buffer`.
    fn fill(&self, buffer: &mut [u8]);
}

/// Makes ids from a clock and randomness.
pub struct IdSource<'a> {
    /// Gives the time that is part of an id.
    pub clock: &'a dyn Clock,
    /// Gives the rest of it.
    pub random: &'a dyn RandomBytes,
}

impl IdSource<'_> {
    fn uuid(&self) -> Uuid {
        let mut random = [0; 10];
        self.random.fill(&mut random);
        let millis = u64::try_from(self.clock.now().as_millis()).unwrap_or(0);
        Builder::from_unix_timestamp_millis(millis, &random).into_uuid()
    }

    /// A new id of a VM.
    pub fn vm(&self) -> VmId {
        VmId(self.uuid())
    }

    /// A new id of a job.
    pub fn job(&self) -> JobId {
        JobId(self.uuid())
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// From a UUID that was stored.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID within.
            pub const fn as_uuid(&self) -> &Uuid {
                &self.0
            }

            /// When the id was made, to the millisecond; the epoch if it is not a UUIDv7.
            pub fn made_at(&self) -> Timestamp {
                let bytes = self.0.as_bytes();
                let millis = bytes[..6].iter().fold(0_i64, |sum, byte| (sum << 8) | i64::from(*byte));
                if self.0.get_version_num() == 7 { Timestamp::from_millis(millis) } else { Timestamp::default() }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}", self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::try_parse(text).map(Self).map_err(|_| InvalidId(text.chars().take(64).collect()))
            }
        }
    };
}

id! {
    /// Names a VM.
    VmId
}
id! {
    /// Names a job.
    JobId
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ManualClock;

    struct Sevens;
    impl RandomBytes for Sevens {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(7);
        }
    }

    #[test]
    fn an_id_keeps_the_time_of_its_making_and_survives_text() {
        let clock = ManualClock::new(Timestamp::from_millis(1_700_000_000_123));
        let id = IdSource { clock: &clock, random: &Sevens }.job();
        assert_eq!(id.made_at(), clock.now());
        assert_eq!(id.to_string().parse::<JobId>().unwrap(), id);
    }

    #[test]
    fn text_that_is_no_id_is_refused_and_shortened_in_the_message() {
        let error = "x".repeat(5000).parse::<VmId>().unwrap_err();
        assert!(error.to_string().len() < 200);
    }
}
