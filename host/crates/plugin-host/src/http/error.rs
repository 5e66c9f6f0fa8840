//! Why a fetch gave no answer. Texts are for people: what happened, and what to do.

use std::time::Duration;

use crate::units::{show_size, show_time};

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FetchError {
    /// The URL is none that can be fetched.
    #[error("{0}")]
    Url(String),
    /// The request is none that can be sent.
    #[error("{0}")]
    Request(String),
    /// No grant admits the host.
    #[error("{asked} must not be fetched")]
    NotGranted {
        /// The URL, and which one redirected there.
        asked: String,
        /// The grant that would admit it.
        grant: String,
    },
    /// The host is admitted, but not where it is.
    #[error("{asked} must not be fetched: {place}; only a grant that names it goes there")]
    NotThere {
        /// The URL, and which one redirected there.
        asked: String,
        /// Where its host is.
        place: String,
        /// The grant that would admit it.
        grant: String,
    },
    /// Its name has no address.
    #[error("the name `{host}` could not be resolved: {problem}")]
    Unresolved {
        /// The name.
        host: String,
        /// What the system said.
        problem: String,
    },
    /// No connection, or one that broke.
    #[error("{asked} could not be fetched: {problem}")]
    Broken {
        /// The URL.
        asked: String,
        /// What happened.
        problem: String,
    },
    /// It took too long.
    #[error("{asked} did not answer within {}; try again later, or ask for less at once", show_time(*.limit))]
    Time {
        /// The URL that was asked for at first.
        asked: String,
        /// The limit.
        limit: Duration,
    },
    /// There was no time left to ask.
    #[error("{asked} was not asked: the call has lasted as long as it may, {}; ask for less in one call", show_time(*.limit))]
    Over {
        /// The URL.
        asked: String,
        /// How long a call may last.
        limit: Duration,
    },
    /// More was answered than is read.
    #[error("the {what} of {asked} is larger than {}, which is the most that is read; ask for less at once, in pages", show_size(*.limit as u64))]
    Large {
        /// Body or headers.
        what: &'static str,
        /// The URL.
        asked: String,
        /// The bound, in bytes.
        limit: usize,
    },
    /// A redirect that is not followed.
    #[error("{asked} {problem}")]
    Redirect {
        /// Who redirects.
        asked: String,
        /// Why it is not followed.
        problem: String,
    },
}

impl FetchError {
    /// The grant that is missing, if that is what is wrong.
    pub fn missing_grant(&self) -> Option<&str> {
        match self {
            Self::NotGranted { grant, .. } | Self::NotThere { grant, .. } => Some(grant),
            _ => None,
        }
    }
}
