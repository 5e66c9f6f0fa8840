//! How a job goes over its VMs: canary, rolling batches, when to stop; and as whom the command runs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::FieldError;

/// Longest name of an account, in bytes.
const USER_MAX: usize = 64;
/// Longest pause between two batches, in seconds.
pub const PAUSE_SECONDS_MAX: u32 = 24 * 3600;

/// So many of a job's VMs, or so many of a hundred. Written `5` or `"20%"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Share {
    /// This many.
    Count(u32),
    /// This part of them, in percent: 1 to 100.
    Percent(u32),
}

impl Share {
    /// How many of `total` it comes to: rounded up, and at least one.
    pub fn of(self, total: u32) -> u32 {
        match self {
            Self::Count(count) => count.max(1),
            Self::Percent(percent) => {
                let exact = (u64::from(total) * u64::from(percent)).div_ceil(100);
                u32::try_from(exact).unwrap_or(u32::MAX).max(1)
            }
        }
    }

    /// What is wrong with it, if anything.
    pub fn problem(self) -> Option<&'static str> {
        match self {
            Self::Count(0) => Some("is at least 1"),
            Self::Percent(percent) if !(1..=100).contains(&percent) => Some("is between 1% and 100%"),
            _ => None,
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.trim().parse::<u32>();
        let share = match text.trim().strip_suffix('%') {
            Some(percent) => number(percent).map(Self::Percent),
            None => number(text).map(Self::Count),
        };
        let share = share.map_err(|_| "is a number of VMs, as in `5`, or a part of them, as in `20%`".to_owned())?;
        share.problem().map_or(Ok(share), |problem| Err(problem.to_owned()))
    }
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Count(count) => serializer.serialize_u32(*count),
            Self::Percent(_) => serializer.collect_str(self),
        }
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Count(u32),
            Text(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Count(count) => Ok(Self::Count(count)),
            Written::Text(text) => text.parse().map_err(de::Error::custom),
        }
    }
}

/// Rolling batches: the next one begins when all tasks of the last have ended and the pause is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Batch {
    /// VMs of one batch.
    pub size: Share,
    /// Pause before the next one, in seconds; at most [`PAUSE_SECONDS_MAX`].
    #[serde(default)]
    pub pause_seconds: u32,
}

/// How a job goes over its VMs. The default: all at once, as far as the parallelism allows, to the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Strategy {
    /// So many VMs go first, alone; the others only if all of these succeed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canary: Option<Share>,
    /// One batch after the other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<Batch>,
    /// No task begins any more once so many have failed, timed out, were unreachable or ended unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_failures: Option<Share>,
    /// What the whole job is given, in seconds; then what runs is ended and what has not begun never does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job_timeout_seconds: Option<u32>,
}

impl Strategy {
    /// Everything that is wrong with it; empty if nothing is.
    pub fn problems(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let shares = [
            ("canary", self.canary),
            ("batch.size", self.batch.map(|batch| batch.size)),
            ("max_failures", self.max_failures),
        ];
        for (field, share) in shares {
            errors.extend(share.and_then(Share::problem).map(|problem| FieldError::new(field, problem)));
        }
        if self.batch.is_some_and(|batch| batch.pause_seconds > PAUSE_SECONDS_MAX) {
            errors.push(FieldError::new("batch.pause_seconds", format!("is at most {PAUSE_SECONDS_MAX}")));
        }
        if self.job_timeout_seconds == Some(0) {
            errors.push(FieldError::new("job_timeout_seconds", "is at least 1; leave it out for no limit"));
        }
        errors
    }
}

/// As whom the command runs, by sudo.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunAs {
    /// The account: `root`, `postgres`.
    pub user: String,
    /// Name of the secret that holds the password that sudo asks for; none: `sudo -n`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
}

impl RunAs {
    /// Everything that is wrong with it; empty if nothing is.
    pub fn problems(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        let user = &self.user;
        if user.is_empty() || user.len() > USER_MAX {
            errors.push(FieldError::new("run_as.user", format!("is the name of an account: 1 to {USER_MAX} bytes")));
        } else if user.starts_with('-') || user.chars().any(|c| c.is_control() || c.is_whitespace()) {
            errors.push(FieldError::new("run_as.user", "does not begin with `-` and has no blanks"));
        }
        if self.secret.as_ref().is_some_and(String::is_empty) {
            errors.push(FieldError::new("run_as.secret", "is the name of a secret; leave it out if sudo does not ask"));
        }
        errors
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_named_by_its_field() {
        let batch = Some(Batch { size: Share::Percent(101), pause_seconds: PAUSE_SECONDS_MAX + 1 });
        let strategy =
            Strategy { canary: Some(Share::Count(0)), batch, max_failures: None, job_timeout_seconds: Some(0) };
        let fields: Vec<_> = strategy.problems().into_iter().map(|error| error.field).collect();
        assert_eq!(fields, ["canary", "batch.size", "batch.pause_seconds", "job_timeout_seconds"]);
        for (user, fine) in [("root", true), ("www-data", true), ("", false), ("-u", false), ("a b", false)] {
            let run_as = RunAs { user: user.to_owned(), secret: None };
            assert_eq!(run_as.problems().is_empty(), fine, "{user}");
        }
    }

    #[test]
    fn a_share_is_a_count_or_a_percentage_and_never_nothing() {
        assert_eq!("5".parse(), Ok(Share::Count(5)));
        assert_eq!("20%".parse(), Ok(Share::Percent(20)));
        for wrong in ["", "0", "0%", "101%", "-1", "x", "1.5%"] {
            assert!(wrong.parse::<Share>().is_err(), "{wrong}");
        }
        assert_eq!(Share::Percent(1).of(10), 1);
        assert_eq!(Share::Percent(25).of(10), 3);
        assert_eq!(Share::Percent(100).of(10), 10);
    }

    #[test]
    fn json_has_numbers_for_counts_and_text_for_percentages() {
        assert_eq!(serde_json::to_string(&Share::Count(5)).unwrap(), "5");
        assert_eq!(serde_json::to_string(&Share::Percent(5)).unwrap(), "\"5%\"");
        assert_eq!(serde_json::from_str::<Share>("\"7%\"").unwrap(), Share::Percent(7));
        assert!(serde_json::from_str::<Share>("\"700%\"").is_err());
    }
}
