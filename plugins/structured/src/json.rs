//! Lines that are, or end in, a JSON object: level and fields, without building a tree. What is not valid JSON to its
//! end says nothing.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::level::{Level, Words};

/// How far into a line its object may begin, in bytes: what containers and syslog write before it is shorter.
const PREFIX_MAX: usize = 160;

/// What is looked for.
pub struct Wanted<'a> {
    /// Names of fields, with dots.
    pub fields: &'a [&'a str],
    /// Whether and by which words a level is understood.
    pub words: Option<&'a Words>,
}

/// What was found.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The level.
    pub level: Option<Level>,
    /// Parallel to the names that were wanted.
    pub fields: Vec<Option<String>>,
}

/// The object at the end of a line.
pub fn object(line: &str) -> Option<&str> {
    let bytes = line.trim_ascii_end().as_bytes();
    if bytes.last() != Some(&b'}') {
        return None;
    }
    let head = &bytes[..bytes.len().min(PREFIX_MAX)];
    let mut from = 0;
    loop {
        let at = from + memchr::memchr(b'{', &head[from..])?;
        let next = bytes[at + 1..].iter().find(|byte| !byte.is_ascii_whitespace());
        let free = at == 0 || matches!(head[at - 1], b' ' | b'\t' | b':' | b'|');
        if next == Some(&b'"') && free {
            return line.get(at..bytes.len());
        }
        from = at + 1;
    }
}

/// Reads an object.
pub fn read(text: &str, wanted: &Wanted<'_>) -> Option<Found> {
    let mut state = State::default();
    state.found.fields.resize(wanted.fields.len(), None);
    let active = wanted.fields.iter().copied().enumerate().collect();
    let mut reader = serde_json::Deserializer::from_str(text);
    Place { wanted, active, naming: Naming::Top, found: &mut state }.deserialize(&mut reader).ok()?;
    reader.end().ok()?;
    let letter = state.letter.filter(|_| state.dated);
    Some(Found { level: state.found.level.or(letter), fields: state.found.fields })
}

/// What a value is to this line.
struct Place<'a, 'f> {
    wanted: &'a Wanted<'a>,
    /// Fields that this value is or holds: which, and what is left of its name; nothing is left where it is the field.
    active: Vec<(usize, &'a str)>,
    naming: Naming,
    found: &'f mut State,
}

/// What was found on the way.
#[derive(Default)]
struct State {
    found: Found,
    /// The level as a letter, which counts only beside a date as MongoDB writes it: other things are called `s`.
    letter: Option<Level>,
    dated: bool,
}

/// What a value has to do with the level.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Naming {
    /// Nothing.
    No,
    /// It is the line's object.
    Top,
    /// It is an object called `log`, as in the Elastic Common Schema.
    Log,
    /// It is the level.
    Level,
    /// It is the severity of journald.
    Severity,
    /// It is MongoDB's letter.
    Letter,
    /// It is MongoDB's date.
    Date,
}

impl Naming {
    /// What the value under a key is.
    fn below(self, key: &str) -> Self {
        match (self, key) {
            (Self::Log, "level") => Self::Level,
            (Self::Top, "PRIORITY") => Self::Severity,
            (Self::Top, "log") => Self::Log,
            (Self::Top, "s") => Self::Letter,
            (Self::Top, "t") => Self::Date,
            (Self::Top, key) if LEVEL_KEYS.contains(&key) => Self::Level,
            _ => Self::No,
        }
    }
}

/// What programs call the field of the level.
const LEVEL_KEYS: [&str; 18] = [
    "level",
    "Level",
    "LEVEL",
    "severity",
    "Severity",
    "SEVERITY",
    "lvl",
    "levelname",
    "level_name",
    "loglevel",
    "log_level",
    "logLevel",
    "LogLevel",
    "log.level",
    "@level",
    "@l",
    "severity_text",
    "severityText",
];

impl<'de> DeserializeSeed<'de> for Place<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.naming == Naming::No && self.active.is_empty() {
            return deserializer.deserialize_ignored_any(IgnoredAny).map(drop);
        }
        deserializer.deserialize_any(self)
    }
}

impl<'a> Place<'a, '_> {
    /// Keeps a value under the names that it has. Of two levels the first one counts.
    fn keep(&mut self, level: Option<Level>, value: impl Fn() -> String) {
        if self.naming == Naming::Letter {
            self.found.letter = self.found.letter.or(level);
        } else {
            self.found.found.level = self.found.found.level.or(level);
        }
        for (index, _) in self.active.iter().filter(|(_, left)| left.is_empty()) {
            self.found.found.fields[*index].get_or_insert_with(&value);
        }
    }

    fn number(&mut self, number: u64) -> Option<Level> {
        match self.naming {
            _ if self.wanted.words.is_none() => None,
            Naming::Level => Level::of_number(number),
            Naming::Severity => Level::of_severity(number),
            _ => None,
        }
    }

    /// The fields that the value under a key is or holds.
    fn active_below(&self, key: &str) -> Vec<(usize, &'a str)> {
        let below = |(index, left): &(usize, &'a str)| {
            let after = left.strip_prefix(key)?;
            let after =
                if after.is_empty() { Some("") } else { after.strip_prefix('.').filter(|left| !left.is_empty()) };
            after.map(|left| (*index, left))
        };
        self.active.iter().filter_map(below).collect()
    }
}

impl<'de> Visitor<'de> for Place<'_, '_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any value")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.found.dated |= self.naming == Naming::Date;
        while let Some(key) = map.next_key::<Key<'de>>()? {
            let naming = self.naming.below(&key.0);
            let active = if self.active.is_empty() { Vec::new() } else { self.active_below(&key.0) };
            map.next_value_seed(Place { wanted: self.wanted, active, naming, found: self.found })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(())
    }

    fn visit_str<E>(mut self, text: &str) -> Result<(), E> {
        let number = || text.trim().parse().ok();
        let level = self.wanted.words.and_then(|words| match self.naming {
            Naming::Level => {
                let word = words.find(text.trim().as_bytes()).map(|word| word.level);
                word.or_else(|| number().and_then(Level::of_number))
            }
            Naming::Severity => number().and_then(Level::of_severity),
            Naming::Letter => letter(text),
            _ => None,
        });
        self.keep(level, || text.to_owned());
        Ok(())
    }

    fn visit_u64<E>(mut self, number: u64) -> Result<(), E> {
        let level = self.number(number);
        self.keep(level, || number.to_string());
        Ok(())
    }

    fn visit_i64<E>(mut self, number: i64) -> Result<(), E> {
        self.keep(None, || number.to_string());
        Ok(())
    }

    fn visit_f64<E>(mut self, number: f64) -> Result<(), E> {
        self.keep(None, || number.to_string());
        Ok(())
    }

    fn visit_bool<E>(mut self, truth: bool) -> Result<(), E> {
        self.keep(None, || truth.to_string());
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

/// A key: only one with escapes in it is copied.
struct Key<'de>(Cow<'de, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> Visitor<'de> for Text {
            type Value = Key<'de>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("a key")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }

            fn visit_str<E>(self, text: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// MongoDB's letters; `D1` to `D5` are for those who look for a fault.
fn letter(text: &str) -> Option<Level> {
    match text.as_bytes() {
        [letter @ (b'F' | b'E' | b'W' | b'I' | b'D')] | [letter @ b'D', b'1'..=b'5'] => Level::of_letter(*letter),
        _ => None,
    }
}
