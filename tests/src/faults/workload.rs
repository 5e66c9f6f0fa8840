//! What a job writes: numbered, hashed lines on both outputs, and nothing in it that a seed does not say.
//!
//! The command ([`super::writer`]) and whoever checks it make the same bytes from the same seed, so that a byte that is
//! missing, doubled or changed anywhere on the way is seen, and the number in its line says which.

use std::collections::VecDeque;

use corral_domain::OutputStream;

use super::random::{Random, mix};

/// Nothing of this reads like a secret to a filter.
const PADDING: &[u8] = b"qxzjkv0123456789 ._";
/// Bytes that are no text: NUL, a carriage return, an escape sequence, what is no UTF-8 alone.
const ODD: &[u8] = b"\0\r\t\x1b[1m\xff\xfe\x80\xc3\xe2\x82";
/// Longer than any line that is stored in one part.
const HUGE_BYTES: u64 = 300_000;

/// Everything that one command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Workload {
    /// What all of it follows from.
    pub seed: u64,
    /// How long it pauses, all pauses together.
    pub millis: u64,
}

/// One write, and the pause after it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Write {
    /// Where to.
    pub stream: OutputStream,
    /// What; lines may begin and end in it anywhere.
    pub bytes: Vec<u8>,
    /// Then nothing for so long, in microseconds.
    pub pause_micros: u64,
}

/// Both outputs of a command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outputs {
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}

impl Outputs {
    /// One of the two.
    pub fn of(&mut self, stream: OutputStream) -> &mut Vec<u8> {
        match stream {
            OutputStream::Stdout => &mut self.stdout,
            OutputStream::Stderr => &mut self.stderr,
        }
    }

    /// Bytes of both.
    pub fn len(&self) -> usize {
        self.stdout.len() + self.stderr.len()
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// How a command paces itself.
#[derive(Debug, Clone, Copy)]
enum Rate {
    /// A line now and then.
    Trickle,
    /// A few lines all the time.
    Steady,
    /// Many lines, then a long pause.
    Bursts,
}

impl Workload {
    /// What it exits with: mostly 0.
    pub fn exit_code(self) -> i32 {
        let mut random = Random::part(self.seed, 1);
        if random.chance(70) { 0 } else { random.between(1, 123) as i32 }
    }

    /// What it writes, in order.
    pub fn writes(self) -> Writes {
        let mut random = Random::part(self.seed, 2);
        let rate = *random.one_of(&[Rate::Trickle, Rate::Steady, Rate::Steady, Rate::Bursts]);
        Writes {
            seed: self.seed,
            rate,
            random,
            micros_left: self.millis * 1000,
            numbers: [0; 2],
            waiting: VecDeque::new(),
            ended: false,
        }
    }

    /// All that it writes if nothing ends it.
    pub fn outputs(self) -> Outputs {
        let mut outputs = Outputs::default();
        for write in self.writes() {
            outputs.of(write.stream).extend_from_slice(&write.bytes);
        }
        outputs
    }
}

/// The writes of a [`Workload`].
#[derive(Debug)]
pub struct Writes {
    seed: u64,
    rate: Rate,
    random: Random,
    micros_left: u64,
    /// Lines so far, of each output.
    numbers: [u64; 2],
    waiting: VecDeque<Write>,
    ended: bool,
}

impl Iterator for Writes {
    type Item = Write;

    fn next(&mut self) -> Option<Write> {
        if self.waiting.is_empty() && !self.ended {
            self.more();
        }
        self.waiting.pop_front()
    }
}

impl Writes {
    fn more(&mut self) {
        let (lines, pause) = match self.rate {
            Rate::Trickle => (self.random.between(1, 2), self.random.between(5_000, 60_000)),
            Rate::Steady => (self.random.between(1, 25), self.random.between(500, 12_000)),
            Rate::Bursts => (self.random.between(50, 1_500), self.random.between(30_000, 250_000)),
        };
        let stream = if self.random.chance(65) { OutputStream::Stdout } else { OutputStream::Stderr };
        let mut bytes = Vec::new();
        for _ in 0..lines {
            self.line(stream, &mut bytes);
        }
        let pause = pause.min(self.micros_left);
        self.micros_left -= pause;
        if self.random.chance(15) {
            // Torn in two, so that a line waits for its end.
            let later = bytes.split_off(self.random.between(0, bytes.len() as u64 - 1) as usize);
            self.waiting.push_back(Write { stream, bytes, pause_micros: pause / 2 });
            self.waiting.push_back(Write { stream, bytes: later, pause_micros: pause - pause / 2 });
        } else {
            self.waiting.push_back(Write { stream, bytes, pause_micros: pause });
        }
        if self.micros_left == 0 {
            self.ended = true;
            self.last_words();
        }
    }

    /// Sometimes the last line of an output has no end.
    fn last_words(&mut self) {
        for stream in [OutputStream::Stdout, OutputStream::Stderr] {
            if self.random.chance(50) {
                let bytes = format!("{} no newline {:016x}", letter(stream), mix(self.seed)).into_bytes();
                self.waiting.push_back(Write { stream, bytes, pause_micros: 0 });
            }
        }
    }

    fn line(&mut self, stream: OutputStream, bytes: &mut Vec<u8>) {
        let number = &mut self.numbers[usize::from(stream == OutputStream::Stderr)];
        *number += 1;
        let hash = mix(self.seed ^ mix(*number) ^ u64::from(letter(stream) as u32));
        bytes.extend_from_slice(format!("{} {number:08} {hash:016x} ", letter(stream)).as_bytes());
        let bursts = matches!(self.rate, Rate::Bursts);
        let length = match self.random.between(0, 9_999) {
            0..=2 if bursts => self.random.between(HUGE_BYTES / 4, HUGE_BYTES),
            0..=150 => self.random.between(500, 5_000),
            151..=600 => 0,
            _ => self.random.between(1, 90),
        };
        let alphabet = if self.random.chance(8) { ODD } else { PADDING };
        for _ in 0..length {
            bytes.push(*self.random.one_of(alphabet));
        }
        bytes.push(b'\n');
    }
}

/// How lines of an output begin.
fn letter(stream: OutputStream) -> char {
    match stream {
        OutputStream::Stdout => 'o',
        OutputStream::Stderr => 'e',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_writes_the_same_and_no_two_lines_are_alike() {
        let workload = Workload { seed: 11, millis: 2_000 };
        let outputs = workload.outputs();
        assert_eq!(outputs, workload.outputs());
        assert_ne!(outputs, Workload { seed: 12, ..workload }.outputs());
        let mut lines: Vec<_> = outputs.stdout.split(|byte| *byte == b'\n').collect();
        let all = lines.len();
        lines.sort_unstable();
        lines.dedup();
        assert!(all > 20 && lines.len() == all, "{all} lines, {} different", lines.len());
    }

    #[test]
    fn pauses_add_up_to_what_was_asked_for() {
        let pauses: u64 = Workload { seed: 3, millis: 700 }.writes().map(|write| write.pause_micros).sum();
        assert_eq!(pauses, 700_000);
    }

    #[test]
    fn some_seed_has_every_oddity() {
        let all: Vec<_> = (0..40).map(|seed| Workload { seed, millis: 1_000 }.outputs()).collect();
        let any = |wanted: fn(&Outputs) -> bool| all.iter().any(wanted);
        assert!(any(|outputs| outputs.stdout.contains(&0) && outputs.stdout.contains(&0xff)));
        assert!(any(|outputs| !outputs.stdout.ends_with(b"\n") && !outputs.stderr.ends_with(b"\n")));
        assert!(any(|outputs| outputs.stdout.ends_with(b"\n")));
        assert!(any(|outputs| outputs.stdout.split(|byte| *byte == b'\n').any(|line| line.len() > 131_072)));
        assert!((0..40).any(|seed| Workload { seed, millis: 1 }.exit_code() != 0));
    }
}
