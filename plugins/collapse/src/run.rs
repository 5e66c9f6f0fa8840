//! A run of lines that are the same.

use serde::{Deserialize, Serialize};

/// The longest line that can be one of a run, in bytes. Longer ones are seldom repeated, and are kept in memory.
pub const KEY_MAX: usize = 4096;

/// So many lines must wait before a line of a run that goes on says how many there were; after that, as many as there
/// were before. A run of a million lines so takes twenty.
pub const REPORT_FIRST: u64 = 8;

/// The run that is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// What its lines are, without numbers if they make no difference.
    key: String,
    /// Lines of it that were shown or of which was said how many there were.
    told: u64,
    /// Lines of which nothing was said yet.
    waiting: u64,
}

impl Run {
    /// A run of one line, unless that is blank or too long.
    pub fn begin(text: &str, numbers: bool) -> Option<Self> {
        let good = text.len() <= KEY_MAX && !text.trim_ascii().is_empty();
        good.then(|| Self { key: if numbers { without_numbers(text) } else { text.to_owned() }, told: 1, waiting: 0 })
    }

    /// Whether a line is one more of it; if so, it waits.
    pub fn goes_on(&mut self, text: &str, numbers: bool) -> bool {
        let same = if numbers { is_but_for_numbers(&self.key, text) } else { self.key == text };
        self.waiting += u64::from(same);
        same
    }

    /// Whether the line that waits is one of the first ones, which stay as they are.
    pub fn is_kept(&mut self, keep: u64) -> bool {
        let kept = self.waiting == 1 && self.told < keep;
        if kept {
            self.take_waiting();
        }
        kept
    }

    /// Whether so many wait that a line should say it.
    pub fn is_worth_a_line(&self) -> bool {
        self.waiting >= self.told.max(REPORT_FIRST)
    }

    /// How many wait; from now on they are told.
    pub fn take_waiting(&mut self) -> u64 {
        let waiting = std::mem::take(&mut self.waiting);
        self.told += waiting;
        waiting
    }
}

/// `repeated 3 times`
pub fn times(count: u64) -> String {
    if count == 1 { "repeated once".to_owned() } else { format!("repeated {count} times") }
}

/// The text with one `0` for every row of digits.
fn without_numbers(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut in_number = false;
    for c in text.chars() {
        let digit = c.is_ascii_digit();
        match (digit, in_number) {
            (true, true) => {}
            (true, false) => plain.push('0'),
            (false, _) => plain.push(c),
        }
        in_number = digit;
    }
    plain
}

/// Whether a text without its numbers is `key`; nothing is copied for it.
fn is_but_for_numbers(key: &str, text: &str) -> bool {
    let mut key = key.bytes();
    let mut in_number = false;
    for byte in text.bytes() {
        let digit = byte.is_ascii_digit();
        let expected = if digit { b'0' } else { byte };
        if !(digit && in_number) && key.next() != Some(expected) {
            return false;
        }
        in_number = digit;
    }
    key.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_left_out_however_long_they_are() {
        assert_eq!(without_numbers("a1b22.333%"), "a0b0.0%");
        for (text, same) in [("a9b8.7%", true), ("a1b2.3", false), ("a1b2.3%%", false), ("ab2.3%", false), ("", false)]
        {
            assert_eq!(is_but_for_numbers("a0b0.0%", text), same, "{text}");
        }
    }
}
