//! What an operator may change.

use std::collections::BTreeMap;

use corral_plugin_sdk::{Error, Result};
use serde::Deserialize;

use crate::level::Level;

/// The most fields that are kept of a line; with the level these are the annotations that the host takes.
pub const FIELDS_MAX: usize = 15;

/// The longest name of an annotation, in bytes.
const KEY_MAX: usize = 63;

/// Bytes of a value that may be kept. The host takes 1,024, and the mark of the cut needs some.
const VALUE_RANGE: std::ops::RangeInclusive<usize> = 8..=1000;

/// The longest word that can stand for a level, in bytes.
pub const WORD_MAX: usize = 16;

/// The plugin's configuration; `config.schema.json` says the same to the dashboard.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Whether levels are looked for.
    pub level: bool,
    /// Whether JSON is read.
    pub json: bool,
    /// Whether logfmt is read.
    pub logfmt: bool,
    /// Whether plain text is looked at.
    pub text: bool,
    /// Fields that are kept.
    pub fields: Vec<Field>,
    /// Bytes of a value that are kept.
    pub value_max: usize,
    /// Words of one's own that stand for a level.
    pub words: BTreeMap<String, Level>,
}

/// A field that is kept.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Field {
    /// Its name, with dots between the names of objects inside objects.
    pub from: String,
    /// What it is kept as.
    #[serde(rename = "as")]
    pub name: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            level: true,
            json: true,
            logfmt: true,
            text: true,
            fields: Vec::new(),
            value_max: 200,
            words: BTreeMap::new(),
        }
    }
}

impl Field {
    /// What it is kept as.
    pub fn name(&self) -> &str {
        self.name.as_deref().unwrap_or(&self.from)
    }
}

impl Config {
    /// Refuses what the host would refuse line by line.
    pub fn check(mut self) -> Result<Self> {
        let wrong = |problem: String| Err(Error::InvalidInput(problem));
        if self.fields.len() > FIELDS_MAX {
            return wrong(format!("`fields` has {} entries; at most {FIELDS_MAX}", self.fields.len()));
        }
        for (at, field) in self.fields.iter().enumerate() {
            let name = field.name();
            let fits = |c: char| c.is_ascii_alphanumeric() || "._/-".contains(c);
            if name.is_empty() || name.len() > KEY_MAX || !name.chars().all(fits) {
                return wrong(format!(
                    "`fields`: `{}` cannot be kept as `{name}`; give `as`, 1 to {KEY_MAX} characters of A-Z a-z 0-9 . _ / -",
                    field.from
                ));
            }
            let taken = name == "level" && self.level;
            if taken || self.fields[..at].iter().any(|other| other.name() == name) {
                return wrong(format!("`fields`: two things would be kept as `{name}`; choose another with `as`"));
            }
        }
        if !VALUE_RANGE.contains(&self.value_max) {
            let (least, most) = (VALUE_RANGE.start(), VALUE_RANGE.end());
            return wrong(format!("`value_max` is {}; it is {least} to {most}", self.value_max));
        }
        for word in self.words.keys() {
            if word.is_empty() || word.len() > WORD_MAX || !word.bytes().all(|byte| byte.is_ascii_alphabetic()) {
                return wrong(format!("`words`: `{word}` does not fit; 1 to {WORD_MAX} letters"));
            }
        }
        self.words = self.words.into_iter().map(|(word, level)| (word.to_ascii_lowercase(), level)).collect();
        Ok(self)
    }
}
