//! Levels in plain text: only where programs write them, after times, hosts, names and other things that stand at the
//! beginning of a line. The walk ends at the first word that is none of these, so a line of prose costs a few bytes.

use crate::level::{Level, Words};
use crate::prefix;

/// How far into a line a level may stand, in bytes.
const HEAD_MAX: usize = 256;

/// The most things that may stand before it.
const TOKENS_MAX: usize = 14;

/// The most names with a colon (`nginx:`, `src/main.c:10:5:`) that may stand before it.
const NAMES_MAX: usize = 3;

/// The level that a line says.
pub fn level(line: &str, words: &Words) -> Option<Level> {
    let head = &line.as_bytes()[..line.len().min(HEAD_MAX)];
    let head = &head[prefix::blank(head)..];
    if head.len() < 3 {
        return None;
    }
    prefix::fixed(head).or_else(|| Walk::new(words, head).run())
}

/// A walk over what stands before the message.
struct Walk<'a> {
    words: &'a Words,
    rest: &'a [u8],
    /// Whether anything was passed by.
    passed: bool,
    /// Whether that was a time.
    timed: bool,
    names: usize,
    plain_words: usize,
    /// What stood between the last two things.
    separator: u8,
    /// Whether the thing before was a place in a file, `10:5`.
    after_place: bool,
}

/// What one thing at the beginning of a line is.
enum Thing {
    Level(Level),
    /// Something that may stand before a level.
    Passed,
    /// The message.
    Message,
}

impl<'a> Walk<'a> {
    fn new(words: &'a Words, rest: &'a [u8]) -> Self {
        Self { words, rest, passed: false, timed: false, names: 0, plain_words: 0, separator: 0, after_place: false }
    }

    fn run(mut self) -> Option<Level> {
        for _ in 0..TOKENS_MAX {
            self.skip_separators();
            let thing = match self.rest.first()? {
                b'[' => self.bracket(b']'),
                b'(' => self.bracket(b')'),
                b'<' => self.angle(),
                _ => self.word(),
            };
            match thing {
                Thing::Level(level) => return Some(level),
                Thing::Passed => self.passed = true,
                Thing::Message => return None,
            }
        }
        None
    }

    fn skip_separators(&mut self) {
        self.separator = 0;
        loop {
            let blank = prefix::blank(self.rest);
            if self.rest[..blank].contains(&b'\t') {
                self.separator = b'\t';
            } else if blank > 1 && self.separator == 0 {
                self.separator = b' ';
            }
            self.rest = &self.rest[blank..];
            match self.rest {
                [b'|', ..] | [b'-', b' ' | b'\t', ..] => {
                    self.separator = self.rest[0];
                    self.rest = &self.rest[1..];
                }
                [b'-', b'-', b'-', b' ', ..] => self.rest = &self.rest[3..],
                [b':' | b',', ..] if self.passed => self.rest = &self.rest[1..],
                _ => return,
            }
        }
    }

    /// Something in brackets: a level alone, with a module before it or a time beside it.
    fn bracket(&mut self, close: u8) -> Thing {
        let Some(end) = memchr::memchr(close, self.rest) else { return Thing::Message };
        let content = self.rest[1..end].trim_ascii();
        self.rest = &self.rest[end + 1..];
        let content = &content[prefix::blank(content)..];
        let letters = content.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        if let Some(word) = self.words.find(&content[..letters]) {
            // `[error]`, `[ERROR main]`, `[error\x1b[0m]`, but not `[error.log]` or `[Error in x]`.
            let rest = &content[letters..];
            let ends = rest.is_empty() || rest[0] == 0x1b;
            let loud = content[..letters].iter().all(u8::is_ascii_uppercase);
            let odd = matches!(&content[..letters], b"FAIL" | b"fail" | b"LOG" | b"log" | b"fine" | b"FINE");
            if !odd && (ends || (loud && word.plain && matches!(rest[0], b' ' | b':' | b'/' | b'|' | b'\t'))) {
                return Thing::Level(word.level);
            }
        }
        self.timed |= prefix::is_time(content);
        self.inside(content)
    }

    /// A process of Erlang, `<0.123.0>`; markup says no level.
    fn angle(&mut self) -> Thing {
        match memchr::memchr(b'>', self.rest) {
            Some(end) if self.passed => {
                self.rest = &self.rest[end + 1..];
                Thing::Passed
            }
            _ => Thing::Message,
        }
    }

    /// A level further inside brackets: `[2026-… WARN  crate]`, `[core:error]`, `[… : ERROR/MainProcess]`.
    fn inside(&mut self, content: &[u8]) -> Thing {
        let mut parts = content
            .split(|byte| matches!(byte, b' ' | b'\t' | b':' | b'/' | b'|' | b','))
            .filter(|part| !part.is_empty());
        if let Some(colon) = memchr::memchr(b':', content)
            && let (module, level) = (&content[..colon], &content[colon + 1..])
            && module.iter().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'0'..=b'9'))
            && let Some(word) = self.words.find(level)
        {
            return Thing::Level(word.level);
        }
        let loud = parts.find_map(|part| {
            let word = self.words.find(part)?;
            (part.iter().all(u8::is_ascii_uppercase) && (word.plain || self.timed)).then_some(word.level)
        });
        loud.map_or(Thing::Passed, Thing::Level)
    }

    fn word(&mut self) -> Thing {
        let end = self.rest.iter().position(|byte| matches!(byte, b' ' | b'\t' | b'|' | b'[' | 0x1b));
        let end = end.unwrap_or(self.rest.len());
        let (token, after) = self.rest.split_at(end);
        let letters = token.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        let (word, tail) = token.split_at(letters);
        let was_place = std::mem::replace(&mut self.after_place, prefix::is_place(token));
        let thing = match self.words.find(word) {
            Some(found) if self.says(word, found.plain, tail, after, was_place) => Thing::Level(found.level),
            _ if tail == b":" || token.ends_with(b":") => self.name(token),
            _ if letters == token.len() => self.plain_word(word, after),
            _ => self.odd(token, after),
        };
        self.rest = after;
        thing
    }

    /// Whether a word for a level stands here as one.
    fn says(&self, word: &[u8], plain: bool, tail: &[u8], after: &[u8], after_place: bool) -> bool {
        let loud = word.iter().all(u8::is_ascii_uppercase);
        let expected = plain || self.passed;
        match tail {
            b":" => {
                let value = after.trim_ascii_start();
                let none = ["0", "none", "null", "no", "false", "true"];
                let is_none = none.iter().any(|none| {
                    value
                        .strip_prefix(none.as_bytes())
                        .is_some_and(|rest| !rest.first().is_some_and(u8::is_ascii_alphanumeric))
                });
                let dotnet = matches!(word, b"fail" | b"crit" | b"dbug" | b"trce");
                let postgres =
                    loud && (self.timed || matches!(word, b"FATAL" | b"PANIC" | b"FINE" | b"FINEST" | b"FINER"));
                (plain || dotnet || postgres) && !is_none && (!after.is_empty() || loud)
            }
            // `ERROR:root:message`
            [b':', next, ..] => loud && plain && next.is_ascii_alphabetic(),
            // `TRACE / HTTP/1.1` is a request.
            b"" if word == b"TRACE" && !self.passed => memchr::memmem::find(after, b" HTTP/").is_none(),
            b"" if after.first() == Some(&b'[') => {
                // `error[E0308]:` of rustc, `ERRO[0001]` of logrus.
                let Some(end) = memchr::memchr(b']', after) else { return loud && expected };
                let digits = after[1..end].iter().any(u8::is_ascii_digit);
                digits && (loud || after.get(end + 1) == Some(&b':')) || (loud && expected)
            }
            b"" if loud => expected || after.first() == Some(&b'\t'),
            b"" => plain && self.quietly(after, after_place),
            _ => false,
        }
    }

    /// A level in small letters, which may be the beginning of a sentence.
    fn quietly(&self, after: &[u8], after_place: bool) -> bool {
        let rest = after.trim_ascii_start();
        let framed = matches!(self.separator, b'\t' | b'-' | b'|') && self.passed;
        let framed = framed && (after.first() == Some(&b'\t') || rest.starts_with(b"- ") || rest.starts_with(b"|"));
        // ESLint: `  1:10  error  message`
        let table = after_place && self.separator == b' ' && after.starts_with(b"  ");
        // TypeScript and MSBuild: `error TS2304: message`
        let letters = rest.iter().take_while(|byte| byte.is_ascii_uppercase()).count();
        let digits = rest[letters..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let coded = (1..=6).contains(&letters) && digits > 0 && rest.get(letters + digits) == Some(&b':');
        framed || table || coded
    }

    /// Something with a colon at its end: a program, a file, an exception.
    fn name(&mut self, token: &[u8]) -> Thing {
        let name = &token[..token.len() - 1];
        let last = name.rsplit(|byte| *byte == b'.').next().unwrap_or(name);
        let level = self.words.find(name).is_some();
        if !level && last.first().is_some_and(u8::is_ascii_uppercase) && last.iter().all(u8::is_ascii_alphanumeric) {
            if last.ends_with(b"Error") || last.ends_with(b"Exception") {
                return Thing::Level(Level::Error);
            }
            if last.ends_with(b"Warning") {
                return Thing::Level(Level::Warn);
            }
        }
        self.names += 1;
        self.timed |= prefix::is_time(name);
        let is_name = !name.is_empty() && name.iter().all(u8::is_ascii_graphic);
        if is_name && self.names <= NAMES_MAX { Thing::Passed } else { Thing::Message }
    }

    /// A word of letters: a month, a host, the name of a logger.
    fn plain_word(&mut self, word: &[u8], after: &[u8]) -> Thing {
        if prefix::is_of_time(word) {
            return Thing::Passed;
        }
        self.plain_words += 1;
        let next = after.trim_ascii_start();
        let framed = matches!(self.separator, b'-' | b'|' | b'\t') && matches!(next, [b'-' | b'|', ..]);
        if self.timed && self.plain_words <= 2 && !prefix::NEGATIONS.contains(&word) && (framed || self.leads_on(next))
        {
            Thing::Passed
        } else {
            Thing::Message
        }
    }

    /// Whether after the name of a host comes that of a program, or after that of a logger a level.
    fn leads_on(&self, next: &[u8]) -> bool {
        let end = next.iter().position(|byte| matches!(byte, b' ' | b'\t')).unwrap_or(next.len());
        let token = &next[..end];
        let loud = token.len() > 2 && token.iter().all(u8::is_ascii_uppercase);
        token.ends_with(b":") || (loud && self.words.find(token).is_some_and(|word| word.plain))
    }

    /// Neither word nor name: numbers, times, addresses, paths.
    fn odd(&mut self, token: &[u8], after: &[u8]) -> Thing {
        if memchr::memchr(b'=', token).is_some() {
            return Thing::Message;
        }
        let number = token.iter().all(u8::is_ascii_digit);
        let time = prefix::is_time(token);
        self.timed |= time;
        let has_digit = token.iter().any(u8::is_ascii_digit);
        let dotted = self.passed && token.iter().all(u8::is_ascii_graphic);
        // A sentence may begin with a number; before a time it counts lines.
        let counts = || prefix::is_time(after.trim_ascii_start());
        let passes = if number { self.passed || counts() } else { has_digit || dotted || self.after_place };
        if passes { Thing::Passed } else { Thing::Message }
    }
}
