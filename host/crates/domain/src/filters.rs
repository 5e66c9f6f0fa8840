//! Which log filters a job asks for, beside those that every job has.

use serde::{Deserialize, Serialize};

use crate::FieldError;

/// Filters that a job names at most, in each of its two lists.
const NAMED_MAX: usize = 32;

/// Filters by the ids of their plugins.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilterChoice {
    /// These too. Their place in the chain is their own, not that in this list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub with: Vec<String>,
    /// Not these. Has precedence.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<String>,
}

impl FilterChoice {
    /// Whether it asks for nothing.
    pub fn is_empty(&self) -> bool {
        self.with.is_empty() && self.without.is_empty()
    }

    /// Everything that is wrong with it; empty if nothing is.
    pub fn problems(&self) -> Vec<FieldError> {
        let mut errors = Vec::new();
        for (field, ids) in [("filters.with", &self.with), ("filters.without", &self.without)] {
            if ids.len() > NAMED_MAX {
                errors.push(FieldError::new(field, format!("names at most {NAMED_MAX} filters")));
            }
        }
        if let Some(both) = self.with.iter().find(|id| self.without.contains(id)) {
            errors.push(FieldError::new("filters.without", format!("names `{both}`, which `with` names too")));
        }
        errors
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_filter_is_asked_for_or_left_out_and_not_both() {
        let choice = |with: &[&str], without: &[&str]| FilterChoice {
            with: with.iter().map(ToString::to_string).collect(),
            without: without.iter().map(ToString::to_string).collect(),
        };
        assert!(choice(&["a"], &["b"]).problems().is_empty());
        let both = choice(&["a", "b"], &["b"]).problems();
        assert!(both.len() == 1 && both[0].message.contains("`b`"), "{both:?}");
        assert_eq!(choice(&["a"; NAMED_MAX + 1], &[]).problems()[0].field, "filters.with");
    }
}
