//! Labels: short key=value facts about a VM, by which VMs are chosen.

use std::collections::BTreeMap;

/// A VM's labels, sorted by key.
pub type Labels = BTreeMap<String, String>;

/// How many labels a VM may have.
pub const LABELS_MAX: usize = 64;
const KEY_MAX: usize = 63;
const VALUE_MAX: usize = 255;

/// A label that cannot be kept.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("label `{key}`: {problem}")]
pub struct InvalidLabel {
    /// The key as given.
    pub key: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

/// Checks one label: key of 1 to 63 characters from `A-Z a-z 0-9 . _ / -`, value of at most 255 characters without
/// control characters and without `,` (which separates the parts of a selector).
pub fn validate_label(key: &str, value: &str) -> Result<(), InvalidLabel> {
    let fail = |problem| Err(InvalidLabel { key: key.chars().take(80).collect(), problem });
    if key.is_empty() || key.len() > KEY_MAX {
        return fail("a key has 1 to 63 characters");
    }
    if !key.chars().all(|c| c.is_ascii_alphanumeric() || "._/-".contains(c)) {
        return fail("a key is made of letters, digits, `.`, `_`, `/` and `-`");
    }
    if value.len() > VALUE_MAX {
        return fail("a value has at most 255 bytes");
    }
    if value.chars().any(|c| c.is_control() || c == ',') {
        return fail("a value has no commas and no control characters");
    }
    Ok(())
}
