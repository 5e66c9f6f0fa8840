//! What was done, when: printed with a failure, so that a person sees what led to it.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Entries that are kept; older ones are of no interest to a failure now.
const ENTRIES_MAX: usize = 400;

/// Entries in the order in which they came, from all parts of a run.
#[derive(Debug)]
pub struct Timeline {
    begun: Instant,
    entries: Mutex<Vec<Entry>>,
}

#[derive(Debug, Clone)]
struct Entry {
    at: Duration,
    /// Which part did it; what concerns all is of none.
    part: Option<String>,
    text: String,
}

impl Default for Timeline {
    fn default() -> Self {
        Self { begun: Instant::now(), entries: Mutex::default() }
    }
}

impl Timeline {
    /// Since the beginning.
    pub fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Notes what a part did.
    pub fn note(&self, part: &str, text: impl fmt::Display) {
        self.push(Some(part.to_owned()), text.to_string());
    }

    /// Notes what concerns all parts.
    pub fn note_all(&self, text: impl fmt::Display) {
        self.push(None, text.to_string());
    }

    fn push(&self, part: Option<String>, text: String) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.len() == ENTRIES_MAX {
            entries.remove(0);
        }
        entries.push(Entry { at: self.now(), part, text });
    }

    /// What concerns one part, from a moment on.
    pub fn of(&self, part: &str, since: Duration) -> String {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let mine = entries.iter().filter(|entry| entry.at >= since);
        let mine = mine.filter(|entry| entry.part.as_deref().is_none_or(|of| of == part));
        let lines = mine.map(|entry| {
            format!(
                "  {:>8.3} s  {:<10} {}\n",
                entry.at.as_secs_f64(),
                entry.part.as_deref().unwrap_or("all"),
                entry.text
            )
        });
        lines.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_sees_its_own_and_what_concerns_all() {
        let timeline = Timeline::default();
        timeline.note("a", "one");
        timeline.note("b", "two");
        timeline.note_all("three");
        let text = timeline.of("a", Duration::ZERO);
        assert!(text.contains("one") && text.contains("three") && !text.contains("two"), "{text}");
        assert_eq!(timeline.of("a", Duration::from_secs(60)), "");
    }
}
