//! What is searched for, and where.

use std::str::FromStr;

use corral_domain::{JobId, OutputStream, Timestamp, VmId};

/// Longest pattern, in bytes.
pub const PATTERN_MAX: usize = 4_096;
/// Most lines of context on each side of a hit.
pub const CONTEXT_MAX: u32 = 50;
/// Most hits of one search.
pub const HITS_MAX: u32 = 100_000;

/// A search.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SearchQuery {
    /// What a line's text must hold; none: any text.
    pub pattern: Option<Pattern>,
    /// Upper and lower case are the same.
    pub ignore_case: bool,
    /// Only lines of this output.
    pub stream: Option<OutputStream>,
    /// What filters must have found out about the line; all must hold.
    pub annotations: Vec<AnnotationTerm>,
    /// Only lines received at or after.
    pub since: Option<Timestamp>,
    /// Only lines received before.
    pub until: Option<Timestamp>,
    /// Lines shown before and after each hit, at most [`CONTEXT_MAX`].
    pub context: u32,
    /// Hits after which it ends, at most [`HITS_MAX`].
    pub limit: u32,
    /// Where.
    pub scope: Scope,
}

/// What a text must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pattern {
    /// These characters.
    Literal(String),
    /// A match of this expression; matching takes time linear in the text, whatever the expression.
    Regex(String),
}

/// Which logs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Of this job.
    pub job: Option<JobId>,
    /// Of this VM.
    pub vm: Option<VmId>,
    /// Of jobs made from this template.
    pub template: Option<String>,
}

/// A query that cannot be searched for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct InvalidQuery {
    /// Which part.
    pub field: &'static str,
    /// What is wrong with it.
    pub problem: String,
}

/// `level=error`, `level!=debug`, `level>=warn`, `level`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnotationTerm {
    key: String,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    Present,
    Equals(String),
    Differs(String),
    AtLeast(String),
}

/// Severities, mildest first; several names for one stand together.
const LEVELS: [&[&str]; 7] = [
    &["trace"],
    &["debug"],
    &["info", "information"],
    &["notice"],
    &["warn", "warning"],
    &["error", "err"],
    &["critical", "crit", "fatal", "alert", "emergency", "emerg"],
];

fn level(name: &str) -> Option<usize> {
    let name = name.to_ascii_lowercase();
    LEVELS.iter().position(|names| names.contains(&name.as_str()))
}

impl AnnotationTerm {
    /// Whether a line with this value under the key is meant.
    pub(crate) fn admits(&self, value: Option<&str>) -> bool {
        match (&self.test, value) {
            (Test::Present, value) => value.is_some(),
            (Test::Differs(unwanted), value) => value != Some(unwanted),
            (_, None) => false,
            (Test::Equals(wanted), Some(value)) => value == wanted,
            (Test::AtLeast(least), Some(value)) => match (level(value), level(least)) {
                (Some(value), Some(least)) => value >= least,
                _ => match (value.parse::<f64>(), least.parse::<f64>()) {
                    (Ok(value), Ok(least)) => value >= least,
                    _ => false,
                },
            },
        }
    }

    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// A line without annotations may be meant.
    pub(crate) fn admits_none(&self) -> bool {
        matches!(self.test, Test::Differs(_))
    }
}

impl FromStr for AnnotationTerm {
    type Err = InvalidQuery;

    fn from_str(text: &str) -> Result<Self, InvalidQuery> {
        let invalid = |problem: &str| InvalidQuery { field: "annotation", problem: format!("`{text}` {problem}") };
        let (key, test) = if let Some((key, value)) = text.split_once(">=") {
            if level(value).is_none() && value.parse::<f64>().is_err() {
                return Err(invalid(
                    "compares with a level (trace, debug, info, notice, warn, error, critical) or a number",
                ));
            }
            (key, Test::AtLeast(value.to_owned()))
        } else if let Some((key, value)) = text.split_once("!=") {
            (key, Test::Differs(value.to_owned()))
        } else if let Some((key, value)) = text.split_once('=') {
            (key, Test::Equals(value.to_owned()))
        } else {
            (text, Test::Present)
        };
        if key.is_empty() {
            return Err(invalid("has no key; write `level=error`, `level!=debug`, `level>=warn` or `level`"));
        }
        Ok(Self { key: key.to_owned(), test })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(term: &str, value: Option<&str>) -> bool {
        term.parse::<AnnotationTerm>().unwrap().admits(value)
    }

    #[test]
    fn annotations_are_compared_as_levels_numbers_or_text() {
        assert!(admits("level>=warn", Some("ERROR")));
        assert!(admits("level>=warn", Some("warning")));
        assert!(!admits("level>=warn", Some("info")));
        assert!(!admits("level>=warn", None));
        assert!(admits("status>=500", Some("503")));
        assert!(!admits("status>=500", Some("x")));
        assert!(admits("level!=debug", None));
        assert!(admits("user", Some("")));
        assert!(admits("user=ann", Some("ann")));
        assert!("level>=loud".parse::<AnnotationTerm>().is_err());
        assert!("=x".parse::<AnnotationTerm>().is_err());
    }
}
