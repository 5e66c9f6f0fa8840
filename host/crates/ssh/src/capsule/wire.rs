//! What is asked of the script, and what it answers.
//!
//! Asked: a line `TOKEN OPERATION ID …` and what belongs to it. Answered: `corral TOKEN 1`, before which anything may stand
//! that the account's start files print; then lines, each of a letter and words:
//!
//! | | |
//! | --- | --- |
//! | `S` | it runs, or has run; `S orphan`: it runs, but its supervisor is gone |
//! | `O n`, `E n` | the next `n` bytes are standard output, standard error |
//! | `H` | a sign of life |
//! | `X code out err full` | it ended; that many bytes it wrote; `full`: the disk is |
//! | `L why` | how it ended cannot be known |
//! | `C why` | nothing was started, and nothing will be |
//! | `N` | there is no such capsule |
//! | `R why text` | the machine cannot run capsules |
//!
//! The machine may be anybody's: every length is bounded, sizes only grow and must add up, and what is not in the table is an
//! error that quotes it.

use std::collections::VecDeque;
use std::fmt::Write as _;

use bytes::{Buf as _, Bytes, BytesMut};
use corral_domain::{OutputStream, Position};

use crate::failure::quote_bytes;

/// What start files may print before the answer begins, in bytes.
pub(super) const NOISE_BYTES_MAX: usize = 64 << 10;
/// Longest line of an answer, in bytes.
const LINE_BYTES_MAX: usize = 1 << 10;
/// Longest piece of output that is announced at once, in bytes.
const PIECE_BYTES_MAX: u64 = 8 << 20;
/// Commands with their input up to this length are sent as text, which the shell reads byte by byte and without further
/// programs; beyond it programs are faster.
const TEXT_BYTES_MAX: usize = 3 << 10;

/// Something that was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Word {
    /// It runs or has run.
    Started {
        /// Its supervisor is gone.
        orphan: bool,
    },
    /// It wrote this.
    Output(OutputStream, Bytes),
    /// It has ended, or cannot be followed.
    End(End),
}

/// The last word of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum End {
    /// The command ended.
    Exited {
        /// As a shell tells it: 128 and the signal's number for one that was killed.
        code: u8,
        /// What it wrote.
        sizes: Position,
        /// The disk was full when it ended, so that writes may have failed.
        full: bool,
    },
    /// How it ended cannot be known; a name for why.
    Lost(String),
    /// Nothing was started and nothing will be; a name for why.
    Cancelled(String),
    /// There is no such capsule.
    None,
    /// The machine cannot run capsules: a name for why, and what the system said.
    Refused(String, String),
}

/// Reads an answer piece by piece, however it is cut.
#[derive(Debug)]
pub(crate) struct Answer {
    mark: Vec<u8>,
    /// Bytes of a line that has not ended, or of what stands before the answer.
    held: BytesMut,
    state: State,
    /// What was announced so far, counted from the command's beginning.
    position: Position,
    words: VecDeque<Word>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Before,
    Line,
    Bytes(OutputStream, u64),
    Ended,
}

impl Answer {
    /// The answer to a request with this token, of output from a position on.
    pub(crate) fn new(token: &str, from: Position) -> Self {
        let mark = format!("corral {token} 1\n").into_bytes();
        Self { mark, held: BytesMut::new(), state: State::Before, position: from, words: VecDeque::new() }
    }

    /// Whether the script has begun to answer.
    pub(crate) fn begun(&self) -> bool {
        self.state != State::Before
    }

    /// What was understood so far, in order.
    pub(crate) fn next(&mut self) -> Option<Word> {
        self.words.pop_front()
    }

    /// Takes what came. Output is handed on without being copied.
    pub(crate) fn take(&mut self, mut bytes: Bytes) -> Result<(), String> {
        while !bytes.is_empty() {
            match self.state {
                State::Before => self.skip_noise(&mut bytes)?,
                State::Line => self.read_line(&mut bytes)?,
                State::Bytes(stream, left) => {
                    let length = usize::try_from(left).unwrap_or(usize::MAX).min(bytes.len());
                    self.words.push_back(Word::Output(stream, bytes.split_to(length)));
                    let left = left - length as u64;
                    self.state = if left == 0 { State::Line } else { State::Bytes(stream, left) };
                }
                State::Ended => return Ok(()),
            }
        }
        Ok(())
    }

    /// What a person is told when the answer stops here.
    pub(crate) fn cut_short(&self) -> String {
        match self.state {
            State::Before => format!("it answered `{}`", quote_bytes(&self.held)),
            _ if self.held.is_empty() => "its answer stops in the middle".to_owned(),
            _ => format!("its answer stops at `{}`", quote_bytes(&self.held)),
        }
    }

    fn skip_noise(&mut self, bytes: &mut Bytes) -> Result<(), String> {
        let before = self.held.len().saturating_sub(self.mark.len());
        self.held.extend_from_slice(bytes);
        let found = self.held[before..].windows(self.mark.len()).position(|window| window == self.mark);
        let Some(at) = found else {
            bytes.clear();
            if self.held.len() > NOISE_BYTES_MAX {
                return Err(format!("it answered `{}` and more", quote_bytes(&self.held)));
            }
            return Ok(());
        };
        let rest = self.held.len() - (before + at + self.mark.len());
        bytes.advance(bytes.len() - rest);
        self.held.clear();
        self.state = State::Line;
        Ok(())
    }

    fn read_line(&mut self, bytes: &mut Bytes) -> Result<(), String> {
        let end = bytes.iter().position(|byte| *byte == b'\n');
        let piece = bytes.split_to(end.unwrap_or(bytes.len()));
        if self.held.len() + piece.len() > LINE_BYTES_MAX {
            return Err(format!(
                "it answered `{}` and more",
                quote_bytes(if self.held.is_empty() { &piece } else { &self.held })
            ));
        }
        self.held.extend_from_slice(&piece);
        if end.is_some() {
            bytes.advance(1);
            let line = self.held.split();
            self.understand(&line).ok_or_else(|| format!("it answered `{}`", quote_bytes(&line)))?;
        }
        Ok(())
    }

    fn understand(&mut self, line: &[u8]) -> Option<()> {
        let line = std::str::from_utf8(line).ok()?;
        let mut words = line.split(' ');
        let end = match words.next()? {
            "S" => {
                let orphan = words.next() == Some("orphan");
                self.words.push_back(Word::Started { orphan });
                return Some(());
            }
            "H" => return Some(()),
            "O" => return self.announce(OutputStream::Stdout, words.next()?),
            "E" => return self.announce(OutputStream::Stderr, words.next()?),
            "X" => {
                let code = words.next()?.parse().ok()?;
                let sizes = Position { stdout: words.next()?.parse().ok()?, stderr: words.next()?.parse().ok()? };
                End::Exited { code, sizes, full: words.next()? == "full" }
            }
            "L" => End::Lost(words.next()?.to_owned()),
            "C" => End::Cancelled(words.next()?.to_owned()),
            "N" => End::None,
            "R" => End::Refused(words.next()?.to_owned(), words.collect::<Vec<_>>().join(" ")),
            _ => return None,
        };
        self.words.push_back(Word::End(end));
        self.state = State::Ended;
        Some(())
    }

    fn announce(&mut self, stream: OutputStream, length: &str) -> Option<()> {
        let length: u64 = length.parse().ok().filter(|length| (1..=PIECE_BYTES_MAX).contains(length))?;
        let position = self.position.of(stream);
        *position = position.checked_add(length)?;
        self.state = State::Bytes(stream, length);
        Some(())
    }

    /// How far the output was announced.
    pub(crate) fn position(&self) -> Position {
        self.position
    }
}

/// Whether a capsule's id is one: it becomes the name of a folder, on the machine and in lists of what may be removed.
pub(crate) fn is_id(id: &str) -> bool {
    (1..=80).contains(&id.len())
        && !id.starts_with('-')
        && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-'))
}

/// Asks to start a command, and to be told of it from a position on.
pub(crate) struct Launch<'a> {
    /// As which capsule.
    pub(crate) id: &'a str,
    /// From where its output is wanted.
    pub(crate) from: Position,
    /// Shell text.
    pub(crate) command: &'a [u8],
    /// Its standard input.
    pub(crate) stdin: Option<&'a [u8]>,
    /// Old capsules should be looked for.
    pub(crate) clean: bool,
    /// Capsules that may be removed.
    pub(crate) forget: &'a [String],
}

impl Launch<'_> {
    /// What is sent.
    pub(crate) fn request(&self, token: &str) -> Vec<u8> {
        let stdin = self.stdin.unwrap_or_default();
        let length = self.command.len() + stdin.len();
        let as_text = length <= TEXT_BYTES_MAX;
        let stdin_length = self.stdin.map_or("-".to_owned(), |stdin| stdin.len().to_string());
        let mut head = format!(
            "{token} launch {} {} {} {} {} {stdin_length}",
            self.id,
            self.from.stdout,
            self.from.stderr,
            if as_text { "text" } else { "raw" },
            self.command.len(),
        );
        let words = self.clean.then_some("clean").into_iter().chain(self.forget.iter().map(String::as_str));
        for word in words {
            head.push(' ');
            head.push_str(word);
        }
        head.push('\n');
        let mut request = head.into_bytes();
        if as_text {
            escape(&mut request, self.command);
            if self.stdin.is_some() {
                escape(&mut request, stdin);
            }
        } else {
            request.extend_from_slice(self.command);
            request.extend_from_slice(stdin);
        }
        request
    }
}

/// Asks to be told of a capsule from a position on.
pub(crate) fn attach_request(token: &str, id: &str, from: Position) -> Vec<u8> {
    format!("{token} attach {id} {} {}\n", from.stdout, from.stderr).into_bytes()
}

/// Asks what has become of a capsule.
pub(crate) fn stat_request(token: &str, id: &str) -> Vec<u8> {
    format!("{token} stat {id}\n").into_bytes()
}

/// Allows a capsule to be forgotten, once its end was told.
pub(crate) const RELEASE: &[u8] = b"release\n";

/// A line that `printf %b` makes into the bytes again.
fn escape(line: &mut Vec<u8>, bytes: &[u8]) {
    let mut text = String::with_capacity(bytes.len() + 16);
    for byte in bytes {
        if matches!(byte, b' '..=b'~') && *byte != b'\\' {
            text.push(char::from(*byte));
        } else {
            let _ = write!(text, "\\0{byte:03o}");
        }
    }
    text.push('\n');
    line.extend_from_slice(text.as_bytes());
}
