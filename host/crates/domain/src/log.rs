//! Lines of output, packed: one buffer of text for a whole batch, no allocation per line.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::Timestamp;

/// Which of a command's two outputs a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutputStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// How far a task's output was taken in, in bytes as the command wrote them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Position {
    /// Of standard output.
    pub stdout: u64,
    /// Of standard error.
    pub stderr: u64,
}

impl Position {
    /// The bytes of one of the two.
    pub fn of(&mut self, stream: OutputStream) -> &mut u64 {
        match stream {
            OutputStream::Stdout => &mut self.stdout,
            OutputStream::Stderr => &mut self.stderr,
        }
    }
}

/// What few lines have: facts that filters found, and which filters changed the text.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Extras {
    /// Facts about the line: `level` = `error`.
    #[serde(rename = "a", default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: BTreeMap<String, String>,
    /// Filters that changed the text, in order.
    #[serde(rename = "c", default, skip_serializing_if = "Vec::is_empty")]
    pub changed_by: Vec<String>,
}

impl Extras {
    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.annotations.is_empty() && self.changed_by.is_empty()
    }
}

/// What every line has besides its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineHead {
    /// When the host received it.
    pub at: Timestamp,
    /// Where it came from.
    pub stream: OutputStream,
    /// The line goes on in the next one: it was longer than a part may be.
    pub partial: bool,
}

/// A run of lines in order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lines {
    text: Vec<u8>,
    ends: Vec<u32>,
    heads: Vec<LineHead>,
    extras: BTreeMap<u32, Extras>,
}

/// One line of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineRef<'a> {
    /// Time, stream, whether it goes on.
    pub head: LineHead,
    /// The bytes without the newline. Not necessarily UTF-8.
    pub text: &'a [u8],
    /// Annotations and provenance, if it has any.
    pub extras: Option<&'a Extras>,
}

impl Lines {
    /// No lines, with room for some.
    pub fn with_capacity(lines: usize, bytes: usize) -> Self {
        Self {
            text: Vec::with_capacity(bytes),
            ends: Vec::with_capacity(lines),
            heads: Vec::with_capacity(lines),
            extras: BTreeMap::new(),
        }
    }

    /// Adds a line. A run holds at most 4 GiB of text; callers cut far below that.
    pub fn push(&mut self, head: LineHead, text: &[u8]) {
        self.text.extend_from_slice(text);
        self.ends.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
        self.heads.push(head);
    }

    /// Adds a line with what filters said of it.
    pub fn push_with(&mut self, head: LineHead, text: &[u8], extras: Extras) {
        if !extras.is_empty() {
            self.extras.insert(u32::try_from(self.ends.len()).unwrap_or(u32::MAX), extras);
        }
        self.push(head, text);
    }

    /// Adds a line of another run.
    pub fn push_line(&mut self, line: LineRef<'_>) {
        self.push_with(line.head, line.text, line.extras.cloned().unwrap_or_default());
    }

    /// Adds a range of another run's lines, at once.
    ///
    /// # Panics
    /// If the other run has no such lines.
    pub fn extend_from(&mut self, other: &Self, range: Range<usize>) {
        let start = |index: usize| if index == 0 { 0 } else { other.ends[index - 1] };
        let (from, to) = (start(range.start), start(range.end));
        let base = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
        let first = self.ends.len();
        self.text.extend_from_slice(&other.text[from as usize..to as usize]);
        self.ends.extend(other.ends[range.clone()].iter().map(|end| end - from + base));
        self.heads.extend_from_slice(&other.heads[range.clone()]);
        let place = |index: usize| u32::try_from(index).unwrap_or(u32::MAX);
        let extras = other.extras.range(place(range.start)..place(range.end));
        self.extras.extend(extras.map(|(line, extras)| (place(*line as usize - range.start + first), extras.clone())));
    }

    /// Adds all lines of another run, leaving it empty with its room kept.
    pub fn append(&mut self, other: &mut Self) {
        if self.is_empty() {
            std::mem::swap(self, other);
            return;
        }
        let base = u32::try_from(self.text.len()).unwrap_or(u32::MAX);
        let first = u32::try_from(self.ends.len()).unwrap_or(u32::MAX);
        self.text.append(&mut other.text);
        self.ends.extend(other.ends.drain(..).map(|end| end + base));
        self.heads.append(&mut other.heads);
        self.extras.extend(std::mem::take(&mut other.extras).into_iter().map(|(line, extras)| (line + first, extras)));
    }

    /// How many lines.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// All text end to end, without newlines.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Where each line's text ends in [`Self::text`].
    pub fn ends(&self) -> &[u32] {
        &self.ends
    }

    /// Bytes of text, a newline counted for every line that does not go on in the next.
    pub fn raw_len(&self) -> u64 {
        self.text.len() as u64 + self.heads.iter().filter(|head| !head.partial).count() as u64
    }

    /// The line at `index`, counted from 0.
    pub fn get(&self, index: usize) -> Option<LineRef<'_>> {
        let head = *self.heads.get(index)?;
        let from = if index == 0 { 0 } else { self.ends[index - 1] as usize };
        let text = &self.text[from..self.ends[index] as usize];
        Some(LineRef { head, text, extras: self.extras.get(&u32::try_from(index).unwrap_or(u32::MAX)) })
    }

    /// All lines in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = LineRef<'_>> {
        (0..self.len()).map(|index| self.get(index).unwrap_or_else(|| unreachable!("index is below len")))
    }

    /// Forgets all lines and keeps the room.
    pub fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
        self.heads.clear();
        self.extras.clear();
    }
}

impl<'a> FromIterator<LineRef<'a>> for Lines {
    fn from_iter<I: IntoIterator<Item = LineRef<'a>>>(lines: I) -> Self {
        let mut all = Self::default();
        for line in lines {
            all.push_line(line);
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_that_is_added_at_once_is_what_its_lines_are_one_by_one() {
        let mut all = Lines::default();
        for n in 0..6_i64 {
            let head = LineHead { at: Timestamp::from_millis(n), stream: OutputStream::Stderr, partial: n == 4 };
            let changed_by = if n % 2 == 0 { Vec::new() } else { vec![format!("filter-{n}")] };
            let extras = Extras { changed_by, ..Extras::default() };
            all.push_with(head, "x".repeat(usize::try_from(n).unwrap()).as_bytes(), extras);
        }
        for (from, to) in (0..=6).flat_map(|from| (from..=6).map(move |to| (from, to))) {
            let (mut at_once, mut one_by_one) = (all.clone(), all.clone());
            at_once.extend_from(&all, from..to);
            all.iter().skip(from).take(to - from).for_each(|line| one_by_one.push_line(line));
            assert_eq!(at_once, one_by_one, "{from}..{to}");
        }
    }
}
