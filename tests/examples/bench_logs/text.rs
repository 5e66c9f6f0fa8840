//! The text that is measured with: numbered lines as a server's log has them, which follow from a seed. Any line can be made
//! again, so what comes back is compared and not believed.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use corral_tests::faults::random::mix;

/// Needles in a text, evenly spread.
pub const NEEDLES: u64 = 10;
/// A word that stands in every needle and nowhere else.
pub const NEEDLE: &str = "quorum lost";
const SERVICES: [&str; 6] = ["checkout", "catalogue", "gateway", "inventory", "billing", "search"];
const PATHS: [&str; 5] = ["/v1/items", "/v1/carts", "/v1/orders/open", "/healthz", "/v2/recommendations"];
const MILLISECONDS_A_DAY: u64 = 86_400_000;

/// A text of so many lines.
#[derive(Debug, Clone, Copy)]
pub struct Text {
    pub seed: u64,
    pub lines: u64,
}

impl Text {
    /// Whether line `n` is a needle.
    pub fn is_needle(self, n: u64) -> bool {
        let every = (self.lines / NEEDLES).max(1);
        n % every == every / 2 && n / every < NEEDLES
    }

    /// Adds line `n` to `out`, without a newline.
    pub fn line(self, n: u64, out: &mut Vec<u8>) {
        let random = mix(self.seed ^ mix(n));
        let (service, path) = (SERVICES[(random % 6) as usize], PATHS[(random >> 8) as usize % 5]);
        let (status, took) = (if (random >> 16).is_multiple_of(97) { 503 } else { 200 }, (random >> 24) % 1_000);
        let clock = n * 37 % MILLISECONDS_A_DAY;
        let (hours, minutes) = (clock / 3_600_000, clock / 60_000 % 60);
        let (seconds, millis) = (clock / 1_000 % 60, clock % 1_000);
        let level = if status == 503 { "WARN " } else { "INFO " };
        let what = if self.is_needle(n) { NEEDLE } else { "done" };
        // Writing into memory cannot fail.
        let _ = write!(
            out,
            "{n:09} {hours:02}:{minutes:02}:{seconds:02}.{millis:03} {level} {service}: {what} GET {path}/{} status={status} \
             took={took}ms trace={:08x}",
            random % 100_000,
            random >> 32
        );
    }

    /// Line `n` alone.
    pub fn one(self, n: u64) -> Vec<u8> {
        let mut line = Vec::new();
        self.line(n, &mut line);
        line
    }

    /// The lines that a text of so many bytes has.
    pub fn of_size(seed: u64, bytes: u64) -> Self {
        const SAMPLE: u64 = 1_000;
        let sample: u64 = (0..SAMPLE).map(|n| Self { seed, lines: SAMPLE }.one(n).len() as u64 + 1).sum();
        Self { seed, lines: (bytes * SAMPLE / sample).max(NEEDLES) }
    }

    /// Writes the text into a file; how many bytes it has.
    pub fn write(self, path: &Path) -> Result<u64> {
        let mut file = BufWriter::with_capacity(1 << 20, File::create(path)?);
        let (mut line, mut bytes) = (Vec::new(), 0);
        for n in 0..self.lines {
            line.clear();
            self.line(n, &mut line);
            line.push(b'\n');
            file.write_all(&line)?;
            bytes += line.len() as u64;
        }
        file.flush()?;
        Ok(bytes)
    }
}

/// A file in memory, with the places where its lines begin.
pub struct Book {
    bytes: Vec<u8>,
    starts: Vec<u64>,
}

impl Book {
    /// Reads it.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = std::fs::read(path)?;
        let ends = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at as u64 + 1);
        let starts = std::iter::once(0).chain(ends).collect();
        Ok(Self { bytes, starts })
    }

    /// All of it.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many lines.
    pub fn lines(&self) -> u64 {
        self.starts.len() as u64 - 1
    }

    /// The first so many lines, as bytes.
    pub fn beginning(&self, lines: u64) -> &[u8] {
        let end = usize::try_from(lines).ok().and_then(|lines| self.starts.get(lines));
        &self.bytes[..end.map_or(self.bytes.len(), |end| usize::try_from(*end).unwrap_or(self.bytes.len()))]
    }

    /// Compares lines from `first` on, whose texts come end to end.
    pub fn compare(&self, first: u64, lengths: impl Iterator<Item = usize>, texts: &[u8]) -> Result<()> {
        let (mut n, mut at) = (usize::try_from(first)?, 0);
        for length in lengths {
            let end = *self.starts.get(n + 1).with_context(|| format!("there is no line {n}"))?;
            let expected = &self.bytes[usize::try_from(self.starts[n])?..usize::try_from(end)? - 1];
            ensure!(texts.get(at..at + length) == Some(expected), "line {n} is not as it was written");
            (n, at) = (n + 1, at + length);
        }
        ensure!(at == texts.len(), "{} bytes are left over", texts.len() - at);
        Ok(())
    }
}
