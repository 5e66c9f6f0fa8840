//! What comes over the socket, taken apart.

use std::collections::VecDeque;

use serde_json::Value;

/// What came.
#[derive(Debug)]
pub enum Got {
    Control(Value),
    Lines {
        ch: u32,
        first: u64,
        texts: Vec<String>,
    },
    /// A stored chunk, without the lines that were not asked for.
    Chunk {
        first: u64,
        texts: Vec<String>,
    },
    Closed(u16, String),
}

/// Takes a binary frame apart.
pub fn decode(frame: &[u8]) -> Got {
    let u32_at = |at: usize| u32::from_le_bytes(frame[at..at + 4].try_into().unwrap());
    if frame[0] == 2 {
        let (first, skip) = (u64::from_le_bytes(frame[8..16].try_into().unwrap()), u32_at(20));
        let lines = corral_storage::chunk::decode(&frame[24..]).unwrap();
        assert_eq!(lines.len(), u32_at(16) as usize);
        let texts = lines.iter().skip(skip as usize).map(|line| String::from_utf8(line.text.to_vec()).unwrap());
        return Got::Chunk { first: first + u64::from(skip), texts: texts.collect() };
    }
    assert_eq!(frame[0], 1);
    let (ch, n) = (u32_at(4), u32_at(16) as usize);
    let first = u64::from_le_bytes(frame[8..16].try_into().unwrap());
    let mut at = 28 + n * 9;
    let mut lengths = VecDeque::new();
    for line in 0..n {
        lengths.push_back(u32_at(28 + line * 9) as usize);
        assert_eq!(frame[28 + line * 9 + 8] & 4, 0, "no extras in these tests");
    }
    let texts = lengths.into_iter().map(|length| {
        at += length;
        String::from_utf8(frame[at - length..at].to_vec()).unwrap()
    });
    Got::Lines { ch, first, texts: texts.collect() }
}
