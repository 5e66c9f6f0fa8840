//! Binary frames with log lines.

use axum::body::Bytes;
use corral_domain::{LineRef, Lines, OutputStream};
use corral_storage::StoredChunk;

/// Largest frame, in bytes. A line's text has at most half of that.
pub const FRAME_MAX: usize = 256 * 1024;
const KIND_LINES: u8 = 1;
const KIND_CHUNK: u8 = 2;
const HEAD: usize = 28;
const CHUNK_HEAD: usize = 24;
const LINE_HEAD: usize = 9;
const FLAG_STDERR: u8 = 1;
const FLAG_PARTIAL: u8 = 2;
const FLAG_EXTRAS: u8 = 4;

/// A frame with the number of lines in it.
pub struct Frame {
    /// Its bytes.
    pub bytes: Bytes,
    /// How many lines.
    pub lines: u64,
}

/// Cuts lines into frames, none larger than [`FRAME_MAX`] unless a single line is.
pub fn frames(channel: u32, first_line: u64, lines: &Lines) -> Vec<Frame> {
    let mut frames = Vec::new();
    let mut part: Vec<(LineRef<'_>, Vec<u8>)> = Vec::new();
    let mut size = HEAD;
    let mut first = first_line;
    for line in lines.iter() {
        let extras = line.extras.and_then(|extras| serde_json::to_vec(extras).ok()).unwrap_or_default();
        let cost = LINE_HEAD + line.text.len() + if extras.is_empty() { 0 } else { 4 + extras.len() };
        if size + cost > FRAME_MAX && !part.is_empty() {
            frames.push(frame(channel, first, &part, size));
            first += part.len() as u64;
            part.clear();
            size = HEAD;
        }
        size += cost;
        part.push((line, extras));
    }
    if !part.is_empty() {
        frames.push(frame(channel, first, &part, size));
    }
    frames
}

/// A stored chunk as it is, of which lines from `next` on are meant. None if it does not fit.
pub fn chunk_frame(channel: u32, next: u64, chunk: &StoredChunk) -> Option<Frame> {
    let skip = u32::try_from(next.checked_sub(chunk.first_line)?).ok().filter(|skip| *skip < chunk.n_lines)?;
    let size = CHUNK_HEAD + chunk.data.len();
    if size > FRAME_MAX {
        return None;
    }
    let mut out = Vec::with_capacity(size);
    out.extend_from_slice(&[KIND_CHUNK, 0, 0, 0]);
    out.extend_from_slice(&channel.to_le_bytes());
    out.extend_from_slice(&chunk.first_line.to_le_bytes());
    out.extend_from_slice(&chunk.n_lines.to_le_bytes());
    out.extend_from_slice(&skip.to_le_bytes());
    out.extend_from_slice(&chunk.data);
    Some(Frame { bytes: out.into(), lines: u64::from(chunk.n_lines - skip) })
}

fn frame(channel: u32, first: u64, part: &[(LineRef<'_>, Vec<u8>)], size: usize) -> Frame {
    let mut out = Vec::with_capacity(size);
    let base = part.first().map_or(0, |(line, _)| line.head.at.as_millis());
    out.extend_from_slice(&[KIND_LINES, 0, 0, 0]);
    out.extend_from_slice(&channel.to_le_bytes());
    out.extend_from_slice(&first.to_le_bytes());
    out.extend_from_slice(&u32::try_from(part.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(&base.to_le_bytes());
    let mut before = base;
    for (line, extras) in part {
        // A pause of more than 24 days between two lines shows as one of 24 days.
        let pause = line.head.at.as_millis().saturating_sub(before);
        let delta = i32::try_from(pause).unwrap_or(if pause < 0 { i32::MIN } else { i32::MAX });
        before += i64::from(delta);
        let mut flags = if line.head.stream == OutputStream::Stderr { FLAG_STDERR } else { 0 };
        flags |= if line.head.partial { FLAG_PARTIAL } else { 0 };
        flags |= if extras.is_empty() { 0 } else { FLAG_EXTRAS };
        out.extend_from_slice(&u32::try_from(line.text.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend_from_slice(&delta.to_le_bytes());
        out.push(flags);
    }
    for (_, extras) in part.iter().filter(|(_, extras)| !extras.is_empty()) {
        out.extend_from_slice(&u32::try_from(extras.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend_from_slice(extras);
    }
    for (line, _) in part {
        out.extend_from_slice(line.text);
    }
    Frame { bytes: out.into(), lines: part.len() as u64 }
}

#[cfg(test)]
mod tests {
    use corral_domain::{Extras, LineHead, Timestamp};

    use super::*;

    fn head(at: i64, stream: OutputStream, partial: bool) -> LineHead {
        LineHead { at: Timestamp::from_millis(at), stream, partial }
    }

    #[test]
    fn a_frame_is_laid_out_as_the_protocol_says() {
        let mut lines = Lines::default();
        lines.push(head(1_000, OutputStream::Stdout, false), b"ab");
        let extras = Extras { changed_by: vec!["redact".into()], ..Extras::default() };
        lines.push_with(head(990, OutputStream::Stderr, true), b"\xff", extras);
        let all = frames(7, 41, &lines);
        assert_eq!((all.len(), all[0].lines), (1, 2));
        let json = br#"{"c":["redact"]}"#;
        let mut expected = vec![1, 0, 0, 0, 7, 0, 0, 0, 41, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0xe8, 3, 0, 0, 0, 0, 0, 0];
        expected.extend_from_slice(&[2, 0, 0, 0, 0, 0, 0, 0, 0]);
        expected.extend_from_slice(&[1, 0, 0, 0, 0xf6, 0xff, 0xff, 0xff, 7]);
        expected.extend_from_slice(&u32::try_from(json.len()).unwrap().to_le_bytes());
        expected.extend_from_slice(json);
        expected.extend_from_slice(b"ab\xff");
        assert_eq!(all[0].bytes, expected);
    }

    #[test]
    fn a_chunk_is_sent_as_it_is_with_what_the_client_has_of_it() {
        let chunk = |data: Vec<u8>| StoredChunk { first_line: 40, n_lines: 10, first_byte: 0, data: data.into() };
        let frame = chunk_frame(7, 43, &chunk(b"CL..".to_vec())).unwrap();
        assert_eq!(frame.lines, 7);
        let head = [2, 0, 0, 0, 7, 0, 0, 0, 40, 0, 0, 0, 0, 0, 0, 0, 10, 0, 0, 0, 3, 0, 0, 0];
        assert_eq!(frame.bytes, [&head[..], b"CL.."].concat());
        for elsewhere in [39, 50] {
            assert!(chunk_frame(7, elsewhere, &chunk(Vec::new())).is_none());
        }
        assert!(chunk_frame(7, 40, &chunk(vec![0; FRAME_MAX])).is_none(), "it would not fit");
    }

    #[test]
    fn many_lines_become_frames_that_fit_and_lose_none() {
        let mut lines = Lines::default();
        for _ in 0..1_000 {
            lines.push(head(0, OutputStream::Stdout, false), &[b'x'; 1_000]);
        }
        let all = frames(1, 0, &lines);
        assert!(all.len() > 3 && all.iter().all(|frame| frame.bytes.len() <= FRAME_MAX));
        assert_eq!(all.iter().map(|frame| frame.lines).sum::<u64>(), 1_000);
        let second = u64::from_le_bytes(all[1].bytes[8..16].try_into().unwrap());
        assert_eq!(second, all[0].lines);
    }
}
