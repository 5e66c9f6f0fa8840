//! Compares what is stored with what was written, and tells what is wrong so that a person sees it.

use std::fmt;

use corral_domain::OutputStream;

/// Bytes shown before and after the first that differs.
const SHOWN_BYTES: usize = 60;

/// How much of what was written must be stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    Whole,
    /// The beginning of it, at least so many bytes: the command was ended on its way.
    AtLeast(usize),
}

/// The first difference between what was written and what is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    stream: OutputStream,
    /// Offset of the first byte that is not as it should be.
    pub offset: usize,
    /// Number of its line, from 1.
    pub line: usize,
    /// What kind of fault it looks like.
    pub kind: Kind,
    lengths: (usize, usize),
    wanted: String,
    found: String,
}

/// What became of the bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The end is missing.
    Short,
    /// There is more than was written.
    Long,
    /// What stands there was stored before.
    Doubled,
    /// What stands there comes later; what should stand there is nowhere.
    Lost,
    /// What stands there comes later, and what should stand there comes after it.
    Reordered,
    /// It was never written.
    Changed,
}

/// Compares one output.
pub fn compare(stream: OutputStream, written: &[u8], stored: &[u8], extent: Extent) -> Result<(), Difference> {
    let same = written.iter().zip(stored).take_while(|(a, b)| a == b).count();
    let enough = match extent {
        Extent::Whole => written.len(),
        Extent::AtLeast(bytes) => bytes.min(written.len()),
    };
    if same == stored.len() && same >= enough {
        return Ok(());
    }
    let kind = if same == stored.len() {
        Kind::Short
    } else if same == written.len() {
        Kind::Long
    } else {
        kind(written, stored, same)
    };
    Err(Difference {
        stream,
        offset: same,
        line: written[..same].split(|byte| *byte == b'\n').count(),
        kind,
        lengths: (written.len(), stored.len()),
        wanted: around(written, same),
        found: around(stored, same),
    })
}

/// What it looks like, from the line in which the difference lies.
fn kind(written: &[u8], stored: &[u8], at: usize) -> Kind {
    let begin = written[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |newline| newline + 1);
    let (wanted, found) = (line_at(written, begin), line_at(stored, begin));
    // A rest without a newline may be part of anything.
    if !found.ends_with(b"\n") || found.len() < 2 {
        return Kind::Changed;
    }
    match (begin_of(written, found), begin_of(&stored[begin..], wanted)) {
        (Some(place), _) if place < begin => Kind::Doubled,
        (Some(_), Some(_)) => Kind::Reordered,
        (Some(_), None) => Kind::Lost,
        (None, _) => Kind::Changed,
    }
}

fn line_at(bytes: &[u8], begin: usize) -> &[u8] {
    let rest = &bytes[begin..];
    let end = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |newline| newline + 1);
    &rest[..end]
}

/// Where a line begins in a text.
fn begin_of(text: &[u8], line: &[u8]) -> Option<usize> {
    let mut begin = 0;
    while begin < text.len() {
        let this = line_at(text, begin);
        if this == line {
            return Some(begin);
        }
        begin += this.len();
    }
    None
}

fn around(bytes: &[u8], at: usize) -> String {
    let part = |from: usize, to: usize| bytes[from.min(bytes.len())..to.min(bytes.len())].escape_ascii().to_string();
    format!("{}▶{}", part(at.saturating_sub(SHOWN_BYTES), at), part(at, at + SHOWN_BYTES))
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.kind {
            Kind::Short => "the end is missing",
            Kind::Long => "there is more than was written",
            Kind::Doubled => "a line stands there a second time",
            Kind::Lost => "a line is lost",
            Kind::Reordered => "lines are in another order",
            Kind::Changed => "something stands there that was not written",
        };
        let (written, stored) = self.lengths;
        writeln!(f, "{:?}: {what}, at byte {} in line {}", self.stream, self.offset, self.line)?;
        writeln!(f, "  written ({written} bytes): {}", self.wanted)?;
        write!(f, "  stored  ({stored} bytes): {}", self.found)
    }
}

impl std::error::Error for Difference {}

#[cfg(test)]
mod tests {
    use super::super::workload::Workload;
    use super::*;

    fn written() -> Vec<u8> {
        Workload { seed: 5, millis: 1_500 }.outputs().stdout
    }

    fn kind_of(stored: &[u8]) -> Kind {
        compare(OutputStream::Stdout, &written(), stored, Extent::Whole).unwrap_err().kind
    }

    fn lines(bytes: &[u8]) -> Vec<Vec<u8>> {
        bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
    }

    #[test]
    fn the_same_is_the_same() {
        assert_eq!(compare(OutputStream::Stdout, &written(), &written(), Extent::Whole), Ok(()));
        assert_eq!(compare(OutputStream::Stderr, b"", b"", Extent::Whole), Ok(()));
    }

    #[test]
    fn a_flipped_byte_is_found_wherever_it_is() {
        let good = written();
        for at in [0, 1, good.len() / 2, good.len() - 1] {
            let mut bad = good.clone();
            bad[at] ^= 0x20;
            let found = compare(OutputStream::Stdout, &good, &bad, Extent::Whole).unwrap_err();
            assert_eq!((found.offset, found.kind), (at, Kind::Changed), "{found}");
        }
    }

    #[test]
    fn a_doubled_a_lost_and_a_reordered_line_are_told_apart() {
        let all = lines(&written());
        let mut doubled = all.clone();
        doubled.insert(7, all[6].clone());
        assert_eq!(kind_of(&doubled.concat()), Kind::Doubled);
        let mut lost = all.clone();
        lost.remove(7);
        assert_eq!(kind_of(&lost.concat()), Kind::Lost);
        let mut reordered = all.clone();
        reordered.swap(7, 9);
        assert_eq!(kind_of(&reordered.concat()), Kind::Reordered);
    }

    #[test]
    fn an_end_that_is_missing_and_one_that_is_too_much_are_found() {
        let good = written();
        assert_eq!(kind_of(&good[..good.len() - 1]), Kind::Short);
        assert_eq!(kind_of(b""), Kind::Short);
        assert_eq!(kind_of(&[&good[..], b"\n"].concat()), Kind::Long);
    }

    #[test]
    fn a_command_that_was_ended_must_have_its_beginning_stored_and_no_more() {
        let good = written();
        let part = |stored: &[u8], at_least| compare(OutputStream::Stdout, &good, stored, Extent::AtLeast(at_least));
        assert_eq!(part(&good[..500], 400), Ok(()));
        assert_eq!(part(&good[..500], 501).unwrap_err().kind, Kind::Short);
        assert_eq!(part(b"something else", 0).unwrap_err().kind, Kind::Changed);
    }

    #[test]
    fn a_difference_shows_its_surroundings() {
        let found =
            compare(OutputStream::Stdout, b"one\ntwo\nthree\n", b"one\ntvo\nthree\n", Extent::Whole).unwrap_err();
        let text = found.to_string();
        assert!(
            text.contains("byte 5 in line 2") && text.contains("one\\nt▶wo") && text.contains("one\\nt▶vo"),
            "{text}"
        );
    }
}
