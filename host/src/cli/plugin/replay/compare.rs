//! What became of lines in a filter.

use std::collections::BTreeMap;
use std::fmt;

use corral_domain::Lines;
use serde_json::{Value, json};

use crate::cli::output::safe;

/// A line as the filter was given it.
#[derive(Debug, Clone)]
pub struct Given {
    /// Its number in the log.
    pub number: i64,
    /// Its text.
    pub text: String,
    /// What was kept beside it.
    pub annotations: BTreeMap<String, String>,
}

/// What became of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    /// Nothing.
    Same,
    /// Another text, and perhaps facts.
    Changed {
        /// Its number.
        number: i64,
        /// Its text before.
        before: String,
        /// Its text now.
        after: String,
        /// Facts that are new.
        facts: BTreeMap<String, String>,
    },
    /// Facts.
    Annotated {
        /// Its number.
        number: i64,
        /// Its text.
        text: String,
        /// Facts that are new.
        facts: BTreeMap<String, String>,
    },
    /// It is left out.
    Dropped {
        /// Its number.
        number: i64,
        /// Its text.
        text: String,
    },
    /// It was not there before.
    Added(String),
}

impl Fate {
    /// The line's number; lines that are added come last.
    pub fn number(&self) -> i64 {
        match self {
            Self::Same => i64::MIN,
            Self::Changed { number, .. } | Self::Annotated { number, .. } | Self::Dropped { number, .. } => *number,
            Self::Added(_) => i64::MAX,
        }
    }

    /// As JSON.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Same => Value::Null,
            Self::Changed { number, before, after, facts } => {
                json!({ "n": number, "what": "changed", "before": before, "after": after, "annotations": facts })
            }
            Self::Annotated { number, text, facts } => {
                json!({ "n": number, "what": "annotated", "before": text, "annotations": facts })
            }
            Self::Dropped { number, text } => json!({ "n": number, "what": "dropped", "before": text }),
            Self::Added(text) => json!({ "what": "added", "after": text }),
        }
    }
}

/// What became of each line. What came back is in order, and carries the numbers of the lines in its times.
pub fn compare(given: Vec<Given>, came: &Lines) -> Vec<Fate> {
    let mut came = came.iter().peekable();
    let one = |line: Given| {
        let Some(now) = came.next_if(|now| now.head.at.as_millis() == line.number) else {
            return Fate::Dropped { number: line.number, text: line.text };
        };
        let after = String::from_utf8_lossy(now.text).into_owned();
        let all = now.extras.map(|extras| &extras.annotations);
        let new = |(key, value): &(&String, &String)| line.annotations.get(*key) != Some(*value);
        let facts: BTreeMap<_, _> =
            all.into_iter().flatten().filter(new).map(|(k, v)| (k.clone(), v.clone())).collect();
        if after != line.text {
            Fate::Changed { number: line.number, before: line.text, after, facts }
        } else if facts.is_empty() {
            Fate::Same
        } else {
            Fate::Annotated { number: line.number, text: line.text, facts }
        }
    };
    given.into_iter().map(one).collect()
}

/// Facts as they stand behind a line.
pub fn shown(facts: &BTreeMap<String, String>) -> String {
    let facts: Vec<_> = facts.iter().map(|(key, value)| format!("{key}={}", safe(value))).collect();
    if facts.is_empty() { String::new() } else { format!("  {{{}}}", facts.join(" ")) }
}

/// How many lines had which fate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    lines: u64,
    changed: u64,
    annotated: u64,
    dropped: u64,
    added: u64,
}

impl Counts {
    /// Counts one.
    pub fn count(&mut self, fate: &Fate) {
        self.lines += u64::from(!matches!(fate, Fate::Added(_)));
        match fate {
            Fate::Same => {}
            Fate::Changed { facts, .. } => {
                self.changed += 1;
                self.annotated += u64::from(!facts.is_empty());
            }
            Fate::Annotated { .. } => self.annotated += 1,
            Fate::Dropped { .. } => self.dropped += 1,
            Fate::Added(_) => self.added += 1,
        }
    }

    /// Takes others in.
    pub fn add(&mut self, other: &Self) {
        self.lines += other.lines;
        self.changed += other.changed;
        self.annotated += other.annotated;
        self.dropped += other.dropped;
        self.added += other.added;
    }

    /// As JSON.
    pub fn to_json(self) -> Value {
        let Self { lines, changed, annotated, dropped, added } = self;
        json!({ "seen": lines, "changed": changed, "annotated": annotated, "dropped": dropped, "added": added })
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { lines, changed, annotated, dropped, added } = self;
        write!(f, "{lines} lines: {changed} changed, {annotated} annotated, {dropped} left out, {added} added")
    }
}

#[cfg(test)]
mod tests {
    use corral_domain::{Extras, LineHead, OutputStream, Timestamp};

    use super::*;

    #[test]
    fn every_line_has_one_fate_and_facts_that_were_there_are_not_new() {
        let old = BTreeMap::from([("level".to_owned(), "info".to_owned())]);
        let give = |number, text: &str| Given { number, text: text.to_owned(), annotations: old.clone() };
        let mut came = Lines::default();
        let mut back = |number: i64, text: &str, facts: &[(&str, &str)]| {
            let head = LineHead { at: Timestamp::from_millis(number), stream: OutputStream::Stdout, partial: false };
            let mut annotations = old.clone();
            annotations.extend(facts.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())));
            came.push_with(head, text.as_bytes(), Extras { annotations, changed_by: Vec::new() });
        };
        back(1, "same", &[]);
        back(3, "after", &[("level", "warn")]);
        back(4, "d", &[("x", "1")]);
        let given = vec![give(1, "same"), give(2, "gone"), give(3, "before"), give(4, "d"), give(5, "gone, too")];
        let fates = compare(given, &came);
        let mut counts = Counts::default();
        for fate in &fates {
            counts.count(fate);
        }
        assert_eq!(counts.to_string(), "5 lines: 1 changed, 2 annotated, 2 left out, 0 added");
        assert_eq!(fates[0], Fate::Same);
        assert_eq!(fates[1], Fate::Dropped { number: 2, text: "gone".into() });
        let Fate::Changed { before, after, facts, .. } = &fates[2] else { panic!("{:?}", fates[2]) };
        assert_eq!((before.as_str(), after.as_str(), shown(facts).as_str()), ("before", "after", "  {level=warn}"));
        let Fate::Annotated { facts, .. } = &fates[3] else { panic!("{:?}", fates[3]) };
        assert_eq!(shown(facts), "  {x=1}");
    }
}
