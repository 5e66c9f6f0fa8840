//! What runs on the machines: this program again, as one that writes lines at a steady rate. Every line has its number, the time at
//! which it was written, and a word that follows from seed, machine and number.

use std::io::Write as _;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use corral_tests::faults::random::mix;

/// The first argument that makes this program a writer.
pub const WORD: &str = "emit";

/// What a writer writes.
#[derive(Debug, Clone, Copy)]
pub struct Emit {
    /// Lines in all.
    pub lines: u64,
    /// Lines a second.
    pub rate: u64,
    /// Time between two writes, in milliseconds; what is due by then goes out at once.
    pub every_ms: u64,
    pub seed: u64,
    /// Which machine it is.
    pub machine: u64,
}

impl Emit {
    /// The words of the command.
    pub fn argv(self) -> Result<Vec<String>> {
        let program = std::env::current_exe()?.to_str().context("the path of this program is not UTF-8")?.to_owned();
        let numbers = [self.lines, self.rate, self.every_ms, self.seed, self.machine].map(|number| number.to_string());
        Ok([program, WORD.to_owned()].into_iter().chain(numbers).collect())
    }

    /// Takes the words after the first apart.
    pub fn parse(words: impl Iterator<Item = String>) -> Result<Self> {
        let numbers = words.map(|word| word.parse()).collect::<Result<Vec<u64>, _>>()?;
        let [lines, rate, every_ms, seed, machine] = numbers[..] else { anyhow::bail!("{WORD} takes five numbers") };
        Ok(Self { lines, rate, every_ms, seed, machine })
    }

    /// Writes them all.
    pub fn run(self) -> Result<()> {
        let mut out = std::io::stdout().lock();
        let begun = Instant::now();
        let (mut n, mut turn, mut bytes) = (0, 0, Vec::new());
        while n < self.lines {
            let due = (turn + 1) * self.every_ms * self.rate / 1_000;
            let at = now_micros();
            bytes.clear();
            while n < due.min(self.lines) {
                self.line(n, at, &mut bytes);
                n += 1;
            }
            out.write_all(&bytes)?;
            out.flush()?;
            turn += 1;
            std::thread::sleep(Duration::from_millis(turn * self.every_ms).saturating_sub(begun.elapsed()));
        }
        Ok(())
    }

    fn line(self, n: u64, at: u64, out: &mut Vec<u8>) {
        // Writing into memory cannot fail.
        let _ = writeln!(out, "<{n:08} {at:016} {:016x}> request served from the cache in no time", self.word(n));
    }

    fn word(self, n: u64) -> u64 {
        mix(self.seed ^ mix((self.machine << 40) ^ n))
    }

    /// Takes a line apart, which must be number `n`; when it was written, in microseconds since the Unix epoch.
    pub fn check(self, n: u64, line: &[u8]) -> Result<u64> {
        let text = str::from_utf8(line)?;
        let mut words = text.trim_start_matches('<').splitn(3, ' ');
        let number: u64 = words.next().unwrap_or_default().parse().with_context(|| format!("line {n} is `{text}`"))?;
        ensure!(number == n, "machine {}: line {n} is `{text}`", self.machine);
        let at: u64 = words.next().unwrap_or_default().parse()?;
        let mut expected = Vec::with_capacity(line.len() + 1);
        self.line(n, at, &mut expected);
        ensure!(expected.strip_suffix(b"\n") == Some(line), "machine {}: line {n} is `{text}`", self.machine);
        Ok(at)
    }
}

/// The time of day in microseconds since the Unix epoch.
#[expect(clippy::disallowed_methods, reason = "it measures between processes")]
pub fn now_micros() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
}
