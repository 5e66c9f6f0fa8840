//! Bytes become lines.

use corral_domain::{LineHead, Lines, OutputStream, Timestamp};
use corral_storage::chunk::LINE_PART_MAX;

/// Cuts one stream at newlines. Bytes are kept as they came, carriage returns among them; a line longer than
/// [`LINE_PART_MAX`] comes out in parts, each but the last marked `partial`.
#[derive(Debug)]
pub struct LineSplitter {
    stream: OutputStream,
    rest: Vec<u8>,
    rest_at: Timestamp,
}

impl LineSplitter {
    /// A splitter with nothing in it.
    pub fn new(stream: OutputStream) -> Self {
        Self { stream, rest: Vec::new(), rest_at: Timestamp::default() }
    }

    /// Takes bytes and gives the lines that they complete.
    pub fn push(&mut self, bytes: &[u8], at: Timestamp) -> Lines {
        let mut lines = Lines::with_capacity(bytes.len() / 64 + 1, bytes.len() + self.rest.len());
        let mut from = 0;
        for newline in memchr::memchr_iter(b'\n', bytes) {
            self.line(&mut lines, &bytes[from..newline], at);
            from = newline + 1;
        }
        self.keep(&mut lines, &bytes[from..], at);
        lines
    }

    /// Bytes that wait for the end of their line.
    pub fn rest_len(&self) -> usize {
        self.rest.len()
    }

    /// The stream ended: what stands after the last newline is a line that has none.
    pub fn finish(&mut self) -> Lines {
        let mut lines = Lines::default();
        if !self.rest.is_empty() {
            lines.push(self.head(self.rest_at, true), &self.rest);
            self.rest = Vec::new();
        }
        lines
    }

    fn head(&self, at: Timestamp, partial: bool) -> LineHead {
        LineHead { at, stream: self.stream, partial }
    }

    /// A whole line, of which the beginning may have been kept.
    fn line(&mut self, lines: &mut Lines, end: &[u8], at: Timestamp) {
        if self.rest.is_empty() && end.len() <= LINE_PART_MAX {
            lines.push(self.head(at, false), end);
            return;
        }
        self.keep(lines, end, at);
        lines.push(self.head(at, false), &self.rest);
        self.rest.clear();
    }

    /// Part of a line whose end has not come; gives full parts away so that little is ever kept.
    fn keep(&mut self, lines: &mut Lines, mut bytes: &[u8], at: Timestamp) {
        while self.rest.len() + bytes.len() > LINE_PART_MAX {
            let (part, later) = bytes.split_at(LINE_PART_MAX - self.rest.len());
            self.rest.extend_from_slice(part);
            lines.push(self.head(at, true), &self.rest);
            self.rest.clear();
            bytes = later;
        }
        self.rest.extend_from_slice(bytes);
        self.rest_at = at;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What was split, put together again: a newline after each line that is not partial.
    fn joined(all: &[Lines]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for line in all.iter().flat_map(Lines::iter) {
            bytes.extend_from_slice(line.text);
            if !line.head.partial {
                bytes.push(b'\n');
            }
        }
        bytes
    }

    proptest! {
        #[test]
        fn no_byte_is_lost_wherever_the_input_is_cut(
            pieces in proptest::collection::vec(proptest::collection::vec(prop_oneof![Just(b'\n'), any::<u8>()], 0..50), 0..20),
        ) {
            let mut splitter = LineSplitter::new(OutputStream::Stdout);
            let mut all: Vec<_> = pieces.iter().map(|piece| splitter.push(piece, Timestamp::default())).collect();
            all.push(splitter.finish());
            prop_assert_eq!(joined(&all), pieces.concat());
            for line in all.iter().flat_map(Lines::iter) {
                prop_assert!(!line.text.contains(&b'\n'));
            }
        }
    }

    #[test]
    fn a_line_without_end_comes_out_in_bounded_parts() {
        let mut splitter = LineSplitter::new(OutputStream::Stderr);
        let piece = vec![b'x'; 100_000];
        let mut all: Vec<_> = (0..10).map(|_| splitter.push(&piece, Timestamp::default())).collect();
        all.push(splitter.push(b"end\nnext\n", Timestamp::default()));
        assert!(all.iter().flat_map(Lines::iter).all(|line| line.text.len() <= LINE_PART_MAX));
        let bytes = joined(&all);
        assert_eq!(bytes.len(), 1_000_009);
        assert!(bytes.ends_with(b"end\nnext\n"));
    }
}
