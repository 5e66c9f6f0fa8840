//! The binary frames of `docs/protocol.md` that carry log lines.

use std::ops::Range;

use bytes::Bytes;

const HEAD: usize = 28;
const LINE_HEAD: usize = 9;
const KIND_LINES: u8 = 1;
const FLAG_STDERR: u8 = 1;
const FLAG_PARTIAL: u8 = 2;
const FLAG_EXTRAS: u8 = 4;

/// A line of output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its number.
    pub n: u64,
    /// When it was received, in milliseconds since the Unix epoch.
    pub at: i64,
    /// Written to standard error.
    pub stderr: bool,
    /// Goes on in the next line.
    pub partial: bool,
    /// Annotations and who changed it, as JSON; empty if there are none.
    pub extras: Bytes,
    /// As the command wrote it, without the newline.
    pub text: Bytes,
}

/// Reads a frame: the channel and its lines. None for kinds that this client does not know, and for what is malformed.
pub fn decode(frame: &Bytes) -> Option<(u32, Vec<Line>)> {
    if *frame.first()? != KIND_LINES {
        return None;
    }
    let channel = u32::from_le_bytes(frame.get(4..8)?.try_into().ok()?);
    let first = u64::from_le_bytes(frame.get(8..16)?.try_into().ok()?);
    let count = u32::from_le_bytes(frame.get(16..20)?.try_into().ok()?) as usize;
    let mut at = i64::from_le_bytes(frame.get(20..HEAD)?.try_into().ok()?);
    let heads = frame.get(HEAD..HEAD.checked_add(count.checked_mul(LINE_HEAD)?)?)?;
    let mut place = HEAD + heads.len();
    let mut extras = Vec::with_capacity(count);
    for head in heads.chunks_exact(LINE_HEAD) {
        let mut range: Range<usize> = 0..0;
        if head[8] & FLAG_EXTRAS != 0 {
            let len = u32::from_le_bytes(frame.get(place..place + 4)?.try_into().ok()?) as usize;
            range = place + 4..(place + 4).checked_add(len)?;
            place = range.end;
        }
        extras.push(range);
    }
    let mut lines = Vec::with_capacity(count);
    for (n, (head, extras)) in (first..).zip(heads.chunks_exact(LINE_HEAD).zip(extras)) {
        let len = u32::from_le_bytes(head[0..4].try_into().ok()?) as usize;
        at += i64::from(i32::from_le_bytes(head[4..8].try_into().ok()?));
        let end = place.checked_add(len)?;
        if end > frame.len() || extras.end > frame.len() {
            return None;
        }
        lines.push(Line {
            n,
            at,
            stderr: head[8] & FLAG_STDERR != 0,
            partial: head[8] & FLAG_PARTIAL != 0,
            extras: frame.slice(extras),
            text: frame.slice(place..end),
        });
        place = end;
    }
    Some((channel, lines))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame() -> Vec<u8> {
        let mut frame = vec![1, 0, 0, 0];
        frame.extend(9_u32.to_le_bytes());
        frame.extend(100_u64.to_le_bytes());
        frame.extend(2_u32.to_le_bytes());
        frame.extend(5_000_i64.to_le_bytes());
        for (len, delta, flags) in [(2_u32, 0_i32, 1_u8), (1, 7, 4)] {
            frame.extend(len.to_le_bytes());
            frame.extend(delta.to_le_bytes());
            frame.push(flags);
        }
        frame.extend(2_u32.to_le_bytes());
        frame.extend(b"{}hi!");
        frame
    }

    #[test]
    fn numbers_times_streams_and_texts_are_read() {
        let (channel, lines) = decode(&Bytes::from(frame())).unwrap();
        assert_eq!(channel, 9);
        assert_eq!((lines[0].n, lines[0].at, lines[0].stderr, &lines[0].text[..]), (100, 5_000, true, &b"hi"[..]));
        assert_eq!((lines[1].n, lines[1].at, lines[1].stderr, &lines[1].text[..]), (101, 5_007, false, &b"!"[..]));
        assert_eq!(&lines[1].extras[..], b"{}");
    }

    #[test]
    fn a_frame_cut_anywhere_is_refused_and_never_read_beyond() {
        let whole = frame();
        for end in 0..whole.len() {
            assert_eq!(decode(&Bytes::copy_from_slice(&whole[..end])), None, "cut at {end}");
        }
        let mut huge = whole;
        huge[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(decode(&Bytes::from(huge)), None);
    }
}
