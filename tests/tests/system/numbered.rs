//! Commands of which every line says its number and follows from a seed: whoever has a line's number knows its bytes.

use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};
use corral_tests::faults::random::{Random, seed_of_this_run};

/// The minimal standard generator of Park and Miller: awk's numbers hold its products exactly.
const FACTOR: u64 = 16_807;
const MODULUS: u64 = 2_147_483_647;
/// The longest text behind a line's numbers.
const PAD: usize = 97;
const ALPHABET: &str = "abcdefghijklmnopqrstuvwxyz-0123456789.";
/// Every so many lines one goes to standard error, if the command uses both.
pub const STDERR_EVERY: u64 = 5;

/// The lines of one command.
#[derive(Debug, Clone, Copy)]
pub struct Numbered {
    first: u64,
}

impl Numbered {
    /// Lines of this run's seed, which is printed, and what is to be drawn by chance besides.
    pub fn of_this_run(test: &str) -> (Self, Random) {
        let seed = seed_of_this_run();
        println!("{test}: CORRAL_SEED={seed}");
        let mut random = Random::new(seed);
        (Self { first: random.between(1, MODULUS - 1) }, random)
    }

    /// A script that writes so many lines at full speed.
    pub fn counted(self, lines: u64) -> String {
        self.script(&format!("n < {lines}"), "", false)
    }

    /// A script that writes bursts of so many lines at full speed with short pauses between them, until a file is there.
    pub fn until(self, stop: &Stop, burst: u64, both_outputs: bool) -> String {
        let look = format!(
            "if (n % {burst} == 0) {{ if ((getline line < \"{}\") >= 0) exit; fflush(); system(\"sleep 0.01\") }}",
            stop.0.display()
        );
        self.script("1", &look, both_outputs)
    }

    fn script(self, goes_on: &str, look: &str, both_outputs: bool) -> String {
        let (first, pad) = (self.first, pad());
        let to_stderr = if both_outputs { format!("n % {STDERR_EVERY} == 0") } else { "0".to_owned() };
        format!(
            "exec awk 'BEGIN {{ pad = \"{pad}\"; x = {first}; for (n = 0; {goes_on}; n++) {{ {look} x = (x * {FACTOR}) % {MODULUS}; \
             line = n \" \" x \" \" substr(pad, 1, x % {PAD}); \
             if ({to_stderr}) print line > \"/dev/stderr\"; else print line }} }}'"
        )
    }

    /// The lines from a number on.
    pub fn from(self, n: u64) -> impl Iterator<Item = Vec<u8>> {
        let (mut x, mut factor, mut power) = (self.first, FACTOR, n);
        while power > 0 {
            if power & 1 == 1 {
                x = x * factor % MODULUS;
            }
            factor = factor * factor % MODULUS;
            power >>= 1;
        }
        let pad = pad();
        (n..).map(move |n| {
            x = x * FACTOR % MODULUS;
            format!("{n} {x} {}", &pad[..(x % PAD as u64) as usize]).into_bytes()
        })
    }

    /// All lines before a number, as the command writes them on one output.
    pub fn text(self, lines: u64) -> Vec<u8> {
        self.from(0).take(lines as usize).flat_map(|line| [line, b"\n".to_vec()].concat()).collect()
    }

    /// Fails unless these are the lines from a number on.
    pub fn check<T: AsRef<[u8]>>(self, first: u64, texts: &[T]) -> Result<()> {
        for ((n, text), wanted) in (first..).zip(texts).zip(self.from(first)) {
            let text = text.as_ref();
            ensure!(text == wanted, "line {n} is `{}`, not `{}`", text.escape_ascii(), wanted.escape_ascii());
        }
        Ok(())
    }
}

fn pad() -> String {
    ALPHABET.chars().cycle().take(PAD).collect()
}

/// The file by which a test ends a command that writes on and on.
#[derive(Debug, Clone)]
pub struct Stop(PathBuf);

impl Stop {
    /// A file that is not there yet.
    pub fn at(path: PathBuf) -> Self {
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Makes it.
    pub fn now(&self) -> Result<()> {
        Ok(std::fs::write(&self.0, "")?)
    }
}

#[test]
fn the_command_writes_the_lines_that_are_expected_of_it() {
    let lines = Numbered { first: 4_711 };
    let out = std::process::Command::new("sh").args(["-c", &lines.counted(5_000)]).output().unwrap();
    assert_eq!(out.stdout, lines.text(5_000));
    let folder = tempfile::tempdir().unwrap();
    let stop = Stop::at(folder.path().join("stop"));
    stop.now().unwrap();
    let out = std::process::Command::new("sh").args(["-c", &lines.until(&stop, 100, true)]).output().unwrap();
    assert!(out.stdout.is_empty() && out.status.success(), "{out:?}");
}
