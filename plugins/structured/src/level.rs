//! Levels, and the many words and numbers for them.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::config::WORD_MAX;

/// How much a line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Every step.
    Trace,
    /// For those who look for a fault.
    Debug,
    /// As it should be.
    Info,
    /// Not as it should be.
    Warn,
    /// Something failed.
    Error,
    /// The whole failed.
    Fatal,
}

impl Level {
    /// As it is kept beside a line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
    }

    /// A severity of syslog, 0 to 7.
    pub fn of_severity(number: u64) -> Option<Self> {
        Some(match number {
            0..=2 => Self::Fatal,
            3 => Self::Error,
            4 => Self::Warn,
            5 | 6 => Self::Info,
            7 => Self::Debug,
            _ => return None,
        })
    }

    /// A number in a field for levels: of syslog, of pino and bunyan (10 to 60), of Java (10,000 to 50,000).
    pub fn of_number(number: u64) -> Option<Self> {
        let tens = match number {
            0..=7 => return Self::of_severity(number),
            10..=60 if number.is_multiple_of(10) => number / 10,
            10_000..=50_000 if number.is_multiple_of(10_000) => number / 10_000 + 1,
            5_000 => 1,
            _ => return None,
        };
        Some(match tens {
            1 => Self::Trace,
            2 => Self::Debug,
            3 => Self::Info,
            4 => Self::Warn,
            5 => Self::Error,
            _ => Self::Fatal,
        })
    }

    /// The one letter that klog, Ruby and Android write.
    pub fn of_letter(letter: u8) -> Option<Self> {
        Some(match letter {
            b'V' => Self::Trace,
            b'D' => Self::Debug,
            b'I' | b'N' => Self::Info,
            b'W' => Self::Warn,
            b'E' => Self::Error,
            b'F' | b'C' | b'A' => Self::Fatal,
            _ => return None,
        })
    }
}

/// A word that stands for a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Word {
    /// Which.
    pub level: Level,
    /// Whether it hardly means anything else. Other words count only where a level is to be expected.
    pub plain: bool,
}

/// The words that are known.
#[derive(Debug, Default)]
pub struct Words {
    own: BTreeMap<String, Level>,
}

impl Words {
    /// The usual words and some in lower case of one's own, which come first.
    pub fn new(own: BTreeMap<String, Level>) -> Self {
        Self { own }
    }

    /// What a word stands for, whatever its case.
    pub fn find(&self, word: &[u8]) -> Option<Word> {
        if word.len() > WORD_MAX || word.is_empty() || (self.own.is_empty() && !can_begin(word[0])) {
            return None;
        }
        let mut lower = [0; WORD_MAX];
        let lower = &mut lower[..word.len()];
        lower.copy_from_slice(word);
        lower.make_ascii_lowercase();
        if self.own.is_empty() {
            return usual(lower);
        }
        let own = std::str::from_utf8(lower).ok().and_then(|text| self.own.get(text));
        own.map(|level| Word { level: *level, plain: true }).or_else(|| usual(lower))
    }
}

/// Whether one of the usual words begins so. Most words of a log do not, and cost nothing more.
fn can_begin(letter: u8) -> bool {
    matches!(letter.to_ascii_lowercase(), b'a' | b'c'..=b'f' | b'i' | b'l' | b'n' | b'p' | b's' | b't' | b'v' | b'w')
}

fn usual(lower: &[u8]) -> Option<Word> {
    let plain = |level| Some(Word { level, plain: true });
    let rare = |level| Some(Word { level, plain: false });
    match lower {
        b"trace" | b"trc" => plain(Level::Trace),
        b"trac" | b"trce" | b"finest" | b"finer" => rare(Level::Trace),
        b"debug" | b"dbg" => plain(Level::Debug),
        b"debu" | b"dbug" | b"fine" | b"verbose" => rare(Level::Debug),
        b"info" | b"notice" => plain(Level::Info),
        b"inf" | b"information" | b"informational" | b"note" | b"log" => rare(Level::Info),
        b"warn" | b"warning" | b"wrn" => plain(Level::Warn),
        b"error" | b"err" | b"severe" => plain(Level::Error),
        b"erro" | b"fail" => rare(Level::Error),
        b"fatal" | b"critical" => plain(Level::Fatal),
        b"ftl" | b"fata" | b"crit" | b"emerg" | b"emergency" | b"alert" | b"panic" | b"pani" | b"pnc" => {
            rare(Level::Fatal)
        }
        _ => None,
    }
}
