//! The extension point for log filters: packed batches in, sparse edits out.

use crate::{Error, Label, OutputStream, Result, Vm};

/// What a filter is told about the stream that it sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamInfo {
    /// The job.
    pub job: String,
    /// Its template, if it has one.
    pub template: Option<String>,
    /// The machine.
    pub vm: Vm,
    /// Which output.
    pub source: OutputStream,
}

/// Lines packed end to end, without their newlines: line `i` is `text[ends[i - 1]..ends[i]]`.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// Number of the first line in its stream.
    pub first_line: u64,
    /// All lines, one after the other.
    pub text: &'a str,
    /// Where each ends.
    pub ends: &'a [u32],
}

/// One line of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// Its place in the batch: what edits name.
    pub index: u32,
    /// Its number in the stream.
    pub number: u64,
    /// Its text.
    pub text: &'a str,
}

impl<'a> Batch<'a> {
    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Where line `index` begins and ends in `text`.
    pub fn bounds(&self, index: usize) -> (usize, usize) {
        let start = if index == 0 { 0 } else { self.ends[index - 1] as usize };
        (start, self.ends[index] as usize)
    }

    /// One line. An offset that the host got wrong gives an empty line rather than a trap.
    pub fn line(&self, index: usize) -> Line<'a> {
        let (start, end) = self.bounds(index);
        let text = self.text.get(start..end).unwrap_or_default();
        Line { index: index as u32, number: self.first_line + index as u64, text }
    }

    /// All lines in order; `for line in batch` is the same.
    pub fn iter(&self) -> Lines<'a> {
        self.lines()
    }

    /// All lines in order.
    pub fn lines(&self) -> Lines<'a> {
        Lines { batch: *self, next: 0, start: 0 }
    }
}

impl<'a> IntoIterator for &Batch<'a> {
    type Item = Line<'a>;
    type IntoIter = Lines<'a>;

    fn into_iter(self) -> Lines<'a> {
        self.lines()
    }
}

/// The lines of a batch in order.
#[derive(Debug, Clone)]
pub struct Lines<'a> {
    batch: Batch<'a>,
    next: usize,
    /// Where the next line begins.
    start: usize,
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        let (index, start) = (self.next, self.start);
        self.start = *self.batch.ends.get(index)? as usize;
        self.next += 1;
        // An offset that the host got wrong gives an empty line rather than a trap.
        let text = self.batch.text.get(start..self.start).unwrap_or_default();
        Some(Line { index: index as u32, number: self.batch.first_line + index as u64, text })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.batch.len() - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Lines<'_> {}

/// What becomes of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It is neither stored nor shown.
    Drop,
    /// Another text takes its place.
    Replace(String),
    /// Facts are kept beside it.
    Annotate(Vec<Label>),
    /// Both at once.
    Rewrite(String, Vec<Label>),
}

/// A change of one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// Which line of the batch.
    pub index: u32,
    /// What becomes of it.
    pub change: Change,
}

/// Collects the edits of one batch. A line may be named more than once: texts replace each other, annotations add up
/// and a dropped line stays dropped. The host is told of each line once.
///
/// ```
/// use corral_plugin_sdk::{Change, Edits};
///
/// let mut edits = Edits::new();
/// edits.annotate(0, "level", "error");
/// edits.replace(0, "password=***");
/// edits.drop(1);
/// let edits = edits.into_vec();
/// assert!(matches!(&edits[0].change, Change::Rewrite(text, labels) if text == "password=***" && labels.len() == 1));
/// assert_eq!(edits[1].change, Change::Drop);
/// ```
#[derive(Debug, Default)]
pub struct Edits {
    edits: Vec<Edit>,
}

impl Edits {
    /// No edits.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the line out.
    pub fn drop(&mut self, index: u32) {
        *self.change_of(index) = Change::Drop;
    }

    /// Puts another text in its place.
    pub fn replace(&mut self, index: u32, text: impl Into<String>) {
        let text = text.into();
        let change = self.change_of(index);
        *change = match std::mem::replace(change, Change::Drop) {
            Change::Drop => Change::Drop,
            Change::Annotate(labels) if !labels.is_empty() => Change::Rewrite(text, labels),
            Change::Replace(_) | Change::Annotate(_) => Change::Replace(text),
            Change::Rewrite(_, labels) => Change::Rewrite(text, labels),
        };
    }

    /// Keeps a fact beside the line.
    pub fn annotate(&mut self, index: u32, key: impl Into<String>, value: impl Into<String>) {
        let label = Label::new(key, value);
        let change = self.change_of(index);
        match change {
            Change::Drop => {}
            Change::Replace(text) => *change = Change::Rewrite(std::mem::take(text), vec![label]),
            Change::Annotate(labels) | Change::Rewrite(_, labels) => labels.push(label),
        }
    }

    /// What was collected.
    pub fn into_vec(self) -> Vec<Edit> {
        self.edits
    }

    /// Filters go through a batch in order, so the line is the last one named or a new one; anything else is a search.
    fn change_of(&mut self, index: u32) -> &mut Change {
        let known = match self.edits.last() {
            Some(last) if last.index == index => Some(self.edits.len() - 1),
            Some(last) if last.index < index => None,
            _ => self.edits.iter().position(|edit| edit.index == index),
        };
        let at = known.unwrap_or_else(|| {
            // Kept sorted, so that the rule above holds.
            let at = self.edits.partition_point(|edit| edit.index < index);
            self.edits.insert(at, Edit { index, change: Change::Annotate(Vec::new()) });
            at
        });
        &mut self.edits[at].change
    }
}

/// A filter over one stream of one machine of one job. Export it with
/// [`export_log_filter!`](crate::export_log_filter).
///
/// Calls never overlap. What is kept in `self` lives as long as the stream, unless the filter traps: then a fresh one is opened,
/// from the last saved state where it can load that.
///
/// A filter that keeps state between lines, and hands it over when the plugin is replaced while a job runs:
///
/// ```
/// use corral_plugin_sdk::prelude::*;
///
/// /// Numbers the lines that speak of errors.
/// struct Errors {
///     seen: u64,
/// }
///
/// impl LogFilter for Errors {
///     fn open(_stream: &StreamInfo) -> Result<Self> {
///         Ok(Self { seen: 0 })
///     }
///
///     fn process(&mut self, batch: &Batch<'_>, edits: &mut Edits) -> Result<()> {
///         for line in batch.into_iter().filter(|line| line.text.contains("ERROR")) {
///             self.seen += 1;
///             edits.annotate(line.index, "error", self.seen.to_string());
///         }
///         Ok(())
///     }
///
///     fn save(&self) -> Vec<u8> {
///         self.seen.to_le_bytes().to_vec()
///     }
///
///     fn load(_stream: &StreamInfo, state: &[u8]) -> Result<Self> {
///         let seen = state.try_into().map_err(|_| Error::Internal("a state of another kind".into()))?;
///         Ok(Self { seen: u64::from_le_bytes(seen) })
///     }
/// }
///
/// # use corral_plugin_sdk::testing;
/// let mut old = Errors::open(&testing::stream())?;
/// testing::run(&mut old, &["ERROR", "ok"])?;
/// let mut new = Errors::load(&testing::stream(), &old.save())?;
/// assert_eq!(testing::run(&mut new, &["ERROR"])?.lines[0].annotations[0].value, "2");
/// # Ok::<(), Error>(())
/// ```
pub trait LogFilter: Sized + 'static {
    /// A stream begins. Configuration is read here, so that an error says at once what is wrong with it.
    ///
    /// # Errors
    ///
    /// The stream cannot be filtered; what happens to its lines then is the manifest's `failure.policy`.
    fn open(stream: &StreamInfo) -> Result<Self>;
    /// Looks at some lines. Lines that no edit names stay as they are.
    ///
    /// # Errors
    ///
    /// None of the batch's edits are used, and the batch is given again later: an error is for what may pass.
    fn process(&mut self, batch: &Batch<'_>, edits: &mut Edits) -> Result<()>;
    /// The stream ended: lines to add.
    ///
    /// # Errors
    ///
    /// What was to be added is lost.
    fn finish(&mut self) -> Result<Vec<String>> {
        Ok(Vec::new())
    }
    /// The state for the next version of the plugin, in a form that it can still read.
    fn save(&self) -> Vec<u8> {
        Vec::new()
    }
    /// Goes on from a state that another version saved. An error, which is the default, leaves the running session on
    /// the version that it runs on until its stream ends.
    ///
    /// # Errors
    ///
    /// It cannot go on from that state.
    fn load(stream: &StreamInfo, state: &[u8]) -> Result<Self> {
        let _ = (stream, state);
        Err(Error::Unavailable("this filter does not hand over its sessions".into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_gives_back_its_lines_with_their_numbers() {
        let batch = Batch { first_line: 10, text: "aböc", ends: &[1, 1, 4, 5] };
        let lines: Vec<_> = batch.lines().map(|line| (line.number, line.text)).collect();
        assert_eq!(lines, [(10, "a"), (11, ""), (12, "bö"), (13, "c")]);
        assert_eq!(batch.lines().len(), 4);
    }

    #[test]
    fn an_offset_inside_a_character_gives_an_empty_line() {
        let batch = Batch { first_line: 0, text: "ö", ends: &[1, 2] };
        assert_eq!(batch.lines().map(|line| line.text).collect::<Vec<_>>(), ["", ""]);
    }

    #[test]
    fn edits_name_each_line_once_whatever_the_order() {
        let mut edits = Edits::new();
        edits.annotate(5, "a", "1");
        edits.replace(2, "two");
        edits.annotate(2, "b", "2");
        edits.replace(5, "five");
        edits.replace(5, "FIVE");
        edits.drop(9);
        edits.annotate(9, "c", "3");
        edits.replace(9, "nine");
        assert_eq!(
            edits.into_vec(),
            [
                Edit { index: 2, change: Change::Rewrite("two".into(), vec![Label::new("b", "2")]) },
                Edit { index: 5, change: Change::Rewrite("FIVE".into(), vec![Label::new("a", "1")]) },
                Edit { index: 9, change: Change::Drop },
            ]
        );
    }
}
