//! The codec of log chunks: a run of lines with their times, streams, annotations and provenance, compressed by zstd
//! and guarded by a CRC.
//!
//! Layout, version 1: magic `CL`, version byte, codec byte (1 = zstd), CRC-32 (IEEE) of all that follows as u32,
//! length of the plain body as u32, then the body compressed. All integers are little-endian. The body: number of lines
//! u32, time of the first line i64 (ms since the epoch); per line: text length u32, milliseconds since the line before
//! i32, flags u8 (1 stderr, 2 partial, 4 has extras); then the extras of the lines that have some, each a u32 length and
//! JSON `{"a": {annotations}, "c": [changed by]}`; then all texts end to end.

use std::cell::RefCell;
use std::io::Read as _;

use bytes::Bytes;
use corral_domain::{Extras, LineHead, Lines, OutputStream, Timestamp};
use zstd::bulk::{Compressor, Decompressor};

use crate::StorageError;

/// A chunk is cut when its text reaches this many bytes. 256 KiB gave the best rate in the design's measurements.
pub const CHUNK_TEXT_MAX: usize = 256 * 1024;
/// A chunk is cut when it has this many lines: a million empty lines must not make one huge index.
pub const CHUNK_LINES_MAX: usize = 16 * 1024;
/// Longest text of one line; longer lines are stored in parts.
pub const LINE_PART_MAX: usize = 128 * 1024;
/// Of zstd. On logs of several kinds 3 packs between 8 % worse and 3 % better than 1 and takes clearly longer (docs/benchmarks.md).
const LEVEL: i32 = 1;
const BODY_MAX: usize = 64 * 1024 * 1024;
const HEAD: usize = 12;
const LINE_HEAD: usize = 9;
const FLAG_STDERR: u8 = 1;
const FLAG_PARTIAL: u8 = 2;
const FLAG_EXTRAS: u8 = 4;

thread_local! {
    /// Making and clearing their tables takes as long as a small chunk does; each thread keeps its own.
    static PACKER: RefCell<std::io::Result<Compressor<'static>>> = RefCell::new(Compressor::new(LEVEL));
    static UNPACKER: RefCell<std::io::Result<Decompressor<'static>>> = RefCell::new(Decompressor::new());
}

/// Encodes lines. No lines give a valid, empty chunk.
pub fn encode(lines: &Lines) -> Bytes {
    let mut body = Vec::with_capacity(12 + lines.len() * LINE_HEAD + lines.text().len());
    let base = lines.get(0).map_or(0, |line| line.head.at.as_millis());
    body.extend_from_slice(&u32::try_from(lines.len()).unwrap_or(u32::MAX).to_le_bytes());
    body.extend_from_slice(&base.to_le_bytes());
    let mut before = base;
    for line in lines.iter() {
        // A step of more than 24 days is one of 24 days.
        let step = line.head.at.as_millis().saturating_sub(before);
        let delta = i32::try_from(step).unwrap_or(if step < 0 { i32::MIN } else { i32::MAX });
        before += i64::from(delta);
        let mut flags = if line.head.stream == OutputStream::Stderr { FLAG_STDERR } else { 0 };
        flags |= if line.head.partial { FLAG_PARTIAL } else { 0 };
        flags |= if line.extras.is_some() { FLAG_EXTRAS } else { 0 };
        body.extend_from_slice(&u32::try_from(line.text.len()).unwrap_or(u32::MAX).to_le_bytes());
        body.extend_from_slice(&delta.to_le_bytes());
        body.push(flags);
    }
    for extras in lines.iter().filter_map(|line| line.extras) {
        let json = serde_json::to_vec(extras).unwrap_or_default();
        body.extend_from_slice(&u32::try_from(json.len()).unwrap_or(u32::MAX).to_le_bytes());
        body.extend_from_slice(&json);
    }
    body.extend_from_slice(lines.text());
    seal(&body)
}

fn seal(body: &[u8]) -> Bytes {
    // Compression into memory with a valid level cannot fail; an empty result would be refused by `decode`.
    let packed = PACKER.with_borrow_mut(|packer| match packer {
        Ok(packer) => packer.compress(body).unwrap_or_default(),
        Err(_) => Vec::new(),
    });
    let mut guarded = Vec::with_capacity(4 + packed.len());
    guarded.extend_from_slice(&u32::try_from(body.len()).unwrap_or(u32::MAX).to_le_bytes());
    guarded.extend_from_slice(&packed);
    let mut chunk = Vec::with_capacity(HEAD + packed.len());
    chunk.extend_from_slice(b"CL\x01\x01");
    chunk.extend_from_slice(&crc32fast::hash(&guarded).to_le_bytes());
    chunk.extend_from_slice(&guarded);
    chunk.into()
}

/// Decodes a chunk. Anything that does not fit is [`StorageError::Corrupt`]; it never panics and never takes more
/// memory than 64 MiB and what the lines themselves need.
pub fn decode(chunk: &[u8]) -> Result<Lines, StorageError> {
    decode_body(&open(chunk)?)
}

/// Whether a chunk has so many lines and is whole, as far as its checksum tells: it is of a known version and nothing of it was
/// changed. Less work than [`decode`]: only its beginning is unpacked.
pub fn is_whole(chunk: &[u8], n_lines: u32) -> bool {
    let begins = |reader: Reader<'_>| {
        let mut n = [0; 4];
        let mut unpacked = zstd::stream::read::Decoder::with_buffer(reader.rest.get(4..)?).ok()?;
        unpacked.read_exact(&mut n).ok()?;
        Some(u32::from_le_bytes(n))
    };
    guarded(chunk).ok().and_then(begins) == Some(n_lines)
}

/// A chunk unpacked for searching: its text is there at once, its lines are made only where something was found.
pub struct Unpacked {
    body: Vec<u8>,
    text_at: usize,
    ends: Vec<usize>,
}

impl Unpacked {
    /// Unpacks a chunk. What does not fit is [`StorageError::Corrupt`].
    pub fn new(chunk: &[u8]) -> Result<Self, StorageError> {
        let body = open(chunk)?;
        let mut reader = Reader { rest: &body };
        let n = reader.u32()? as usize;
        reader.i64()?;
        if n.saturating_mul(LINE_HEAD) > reader.rest.len() {
            return Err(corrupt("more lines than bytes"));
        }
        let mut ends = Vec::with_capacity(n);
        let mut end = 0_usize;
        for _ in 0..n {
            end = end.saturating_add(reader.u32()? as usize);
            reader.take(LINE_HEAD - 4)?;
            ends.push(end);
        }
        let text_at = reader.rest.len().checked_sub(end).ok_or_else(|| corrupt("cut off"))?;
        let text_at = body.len() - reader.rest.len() + text_at;
        Ok(Self { body, text_at, ends })
    }

    /// The texts of all lines end to end, without newlines.
    pub fn text(&self) -> &[u8] {
        &self.body[self.text_at..]
    }

    /// Where each line's text ends in [`Self::text`].
    pub fn ends(&self) -> &[usize] {
        &self.ends
    }

    /// The lines.
    pub fn lines(&self) -> Result<Lines, StorageError> {
        decode_body(&self.body)
    }
}

fn decode_body(body: &[u8]) -> Result<Lines, StorageError> {
    let mut reader = Reader { rest: body };
    let n = reader.u32()? as usize;
    let mut at = reader.i64()?;
    if n.saturating_mul(LINE_HEAD) > reader.rest.len() {
        return Err(corrupt("more lines than bytes"));
    }
    let mut heads = Vec::with_capacity(n);
    for _ in 0..n {
        let len = reader.u32()? as usize;
        at += i64::from(reader.u32()?.cast_signed());
        heads.push((len, at, reader.take(1)?[0]));
    }
    let mut extras = Vec::with_capacity(n);
    for (_, _, flags) in &heads {
        extras.push(if flags & FLAG_EXTRAS == 0 {
            Extras::default()
        } else {
            let len = reader.u32()? as usize;
            serde_json::from_slice(reader.take(len)?).map_err(|_| corrupt("annotations"))?
        });
    }
    let mut lines = Lines::with_capacity(n, reader.rest.len());
    for ((len, at, flags), extras) in heads.into_iter().zip(extras) {
        let stream = if flags & FLAG_STDERR == 0 { OutputStream::Stdout } else { OutputStream::Stderr };
        let head = LineHead { at: Timestamp::from_millis(at), stream, partial: flags & FLAG_PARTIAL != 0 };
        lines.push_with(head, reader.take(len)?, extras);
    }
    if reader.rest.is_empty() { Ok(lines) } else { Err(corrupt("bytes left over")) }
}

/// What the checksum guards.
fn guarded(chunk: &[u8]) -> Result<Reader<'_>, StorageError> {
    let mut reader = Reader { rest: chunk };
    if reader.take(4)? != b"CL\x01\x01" {
        return Err(corrupt("not a chunk of a known version"));
    }
    let crc = reader.u32()?;
    if crc32fast::hash(reader.rest) == crc { Ok(reader) } else { Err(corrupt("checksum differs")) }
}

fn open(chunk: &[u8]) -> Result<Vec<u8>, StorageError> {
    let mut reader = guarded(chunk)?;
    let len = reader.u32()? as usize;
    if len > BODY_MAX {
        return Err(corrupt("larger than a chunk may be"));
    }
    let body = UNPACKER.with_borrow_mut(|unpacker| match unpacker {
        Ok(unpacker) => unpacker.decompress(reader.rest, len).map_err(|_| corrupt("does not decompress")),
        Err(_) => Err(corrupt("no memory to decompress it")),
    })?;
    if body.len() == len { Ok(body) } else { Err(corrupt("length differs")) }
}

fn corrupt(what: &str) -> StorageError {
    StorageError::Corrupt(format!("log chunk: {what}"))
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, n: usize) -> Result<&'a [u8], StorageError> {
        let (head, rest) = self.rest.split_at_checked(n).ok_or_else(|| corrupt("cut off"))?;
        self.rest = rest;
        Ok(head)
    }

    fn u32(&mut self) -> Result<u32, StorageError> {
        let bytes = self.take(4)?;
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    fn i64(&mut self) -> Result<i64, StorageError> {
        let low = u64::from(self.u32()?);
        Ok((u64::from(self.u32()?) << 32 | low).cast_signed())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines() -> impl Strategy<Value = Lines> {
        let text = proptest::collection::vec(any::<u8>(), 0..80);
        let annotations = proptest::collection::btree_map("[a-z]{1,4}", "[^\0]{0,8}", 0..3);
        let changed_by = proptest::collection::vec("[a-z]{1,6}", 0..2);
        let line = (0_i64..86_400_000, any::<bool>(), any::<bool>(), text, annotations, changed_by);
        proptest::collection::vec(line, 0..40).prop_map(|all| {
            let mut lines = Lines::default();
            for (at, err, partial, text, annotations, changed_by) in all {
                let stream = if err { OutputStream::Stderr } else { OutputStream::Stdout };
                let head = LineHead { at: Timestamp::from_millis(1_700_000_000_000 + at), stream, partial };
                lines.push_with(head, &text, Extras { annotations, changed_by });
            }
            lines
        })
    }

    proptest! {
        #[test]
        fn lines_come_back_as_they_were(lines in lines()) {
            let chunk = encode(&lines);
            let n = u32::try_from(lines.len()).unwrap();
            prop_assert!(is_whole(&chunk, n) && !is_whole(&chunk, n + 1));
            prop_assert_eq!(decode(&chunk).unwrap(), lines);
        }

        #[test]
        fn unpacked_for_searching_it_has_the_same_lines(lines in lines()) {
            let unpacked = Unpacked::new(&encode(&lines)).unwrap();
            prop_assert_eq!(unpacked.text(), lines.text());
            let ends: Vec<usize> = lines.ends().iter().map(|end| *end as usize).collect();
            prop_assert_eq!(unpacked.ends(), ends);
            prop_assert_eq!(unpacked.lines().unwrap(), lines);
        }

        #[test]
        fn a_flipped_bit_is_noticed(lines in lines(), at in any::<prop::sample::Index>(), bit in 0..8_u32) {
            let mut chunk = encode(&lines).to_vec();
            let at = at.index(chunk.len());
            chunk[at] ^= 1_u8 << bit;
            let n = u32::try_from(lines.len()).unwrap();
            prop_assert!(decode(&chunk).is_err() && !is_whole(&chunk, n));
        }

        #[test]
        fn garbage_is_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(decode(&bytes).is_err());
            prop_assert!(Unpacked::new(&bytes).is_err() && !is_whole(&bytes, 0));
        }
    }
}
