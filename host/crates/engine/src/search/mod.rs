//! Searching stored output: a literal or a regular expression, streams, annotations, times; over one task, a job, everything.
//!
//! There is no full-text index: chunks are unpacked and scanned, newest job first, and what is found is sent as it is found.
//! Memory does not depend on how much is searched. A search ends when nobody takes its results any more.
//!
//! A match within a line that is longer than a part may be ([`corral_storage::chunk::LINE_PART_MAX`]) is found in each part
//! for itself, not across the seam of two.

mod matcher;
mod query;
mod run;

pub use query::{AnnotationTerm, InvalidQuery, Pattern, Scope, SearchQuery};
pub use run::{Cut, Hit, SearchEvent};

pub(crate) use matcher::Matcher;
