//! A private key that goes over several lines.

use serde::{Deserialize, Serialize};

/// The most lines that one key may have. RSA with 16,384 bits needs 200.
const LINES_MAX: u32 = 1024;

/// How many lines in a row without key material end a block whose END line never came.
const ODD_LINES_MAX: u32 = 8;

/// A run of base64 of this many bytes is key material.
const MATERIAL_MIN: usize = 16;

/// Where we are in a key.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    lines: u32,
    odd: u32,
}

impl Block {
    /// Whether a line that has no END mark still belongs to the key.
    pub fn goes_on(&mut self, line: &str) -> bool {
        self.lines += 1;
        self.odd = if has_material(line) { 0 } else { self.odd + 1 };
        self.lines < LINES_MAX && self.odd <= ODD_LINES_MAX
    }
}

fn has_material(line: &str) -> bool {
    line.as_bytes()
        .split(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')))
        .any(|run| run.len() >= MATERIAL_MIN)
}
