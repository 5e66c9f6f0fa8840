//! What a line says of itself.

use std::borrow::Cow;

use corral_plugin_sdk::Result;

use crate::config::Config;
use crate::level::{Level, Words};
use crate::{json, logfmt, text};

/// Names that logfmt has for the level.
const LEVEL_KEYS: [&str; 6] = ["level", "lvl", "severity", "loglevel", "log.level", "levelname"];

/// Stands where a value was cut off.
const CUT: char = '…';

/// The configuration, ready to be used.
pub struct Reader {
    config: Config,
    words: Words,
}

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// The level.
    pub level: Option<Level>,
    /// Names and values of fields.
    pub fields: Vec<(String, String)>,
}

impl Reader {
    /// Checks the configuration.
    pub fn new(config: Config) -> Result<Self> {
        let config = config.check()?;
        Ok(Self { words: Words::new(config.words.clone()), config })
    }

    /// Looks at a line. JSON is looked for first, then pairs, then words at the beginning.
    pub fn look(&self, line: &str) -> Facts {
        let mut facts = Facts::default();
        if self.config.json
            && let Some(found) = json::object(line).and_then(|object| self.json(object))
        {
            facts = found;
        } else if self.config.logfmt
            && (self.config.level || !self.config.fields.is_empty())
            && let Some(pairs) = logfmt::pairs(line)
        {
            facts = self.pairs(&pairs);
        }
        if facts.level.is_none() && self.config.level && self.config.text {
            facts.level = text::level(line, &self.words);
        }
        facts
    }

    fn json(&self, object: &str) -> Option<Facts> {
        let names: Vec<&str> = self.config.fields.iter().map(|field| field.from.as_str()).collect();
        let words = self.config.level.then_some(&self.words);
        let found = json::read(object, &json::Wanted { fields: &names, words })?;
        let values = self.config.fields.iter().zip(found.fields);
        let fields =
            values.filter_map(|(field, value)| Some((field.name().to_owned(), self.clean(&value?).into_owned())));
        Some(Facts { level: found.level, fields: fields.collect() })
    }

    fn pairs(&self, pairs: &[logfmt::Pair<'_>]) -> Facts {
        let level = pairs
            .iter()
            .filter(|(key, _)| self.config.level && LEVEL_KEYS.contains(key))
            .find_map(|(_, value)| self.words.find(value.as_bytes()));
        let value_of = |name: &str| pairs.iter().find(|(key, _)| *key == name).map(|(_, value)| self.clean(value));
        let fields = self.config.fields.iter().filter_map(|field| {
            let value = value_of(&field.from)?;
            Some((field.name().to_owned(), value.into_owned()))
        });
        Facts { level: level.map(|word| word.level), fields: fields.collect() }
    }

    /// A value as the host keeps it: without control characters, and not too long.
    fn clean<'v>(&self, value: &'v str) -> Cow<'v, str> {
        let fits = value.len() <= self.config.value_max;
        if fits && !value.chars().any(char::is_control) {
            return Cow::Borrowed(value);
        }
        let end = value.floor_char_boundary(self.config.value_max);
        let plain = value[..end].chars().map(|c| if c.is_control() { ' ' } else { c });
        Cow::Owned(if fits { plain.collect() } else { plain.chain([CUT]).collect() })
    }
}
