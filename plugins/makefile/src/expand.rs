//! Variables filled in, as far as that can be done without running anything.

use std::cell::Cell;
use std::collections::BTreeMap;

use crate::parse::Variable;

/// How deep variables may name each other.
const DEPTH_MAX: usize = 32;

/// The most variables and functions that are followed for one text.
const STEPS_MAX: u32 = 10_000;

/// The longest text that comes of it, in bytes.
const TEXT_MAX: usize = 64 * 1024;

/// Variables that make and the environment know, and we do not.
const UNKNOWN: [&str; 14] = [
    "MAKE",
    "CURDIR",
    "MAKEFLAGS",
    "MAKEFILE_LIST",
    "MAKELEVEL",
    "MAKECMDGOALS",
    "MAKE_VERSION",
    "SHELL",
    "HOME",
    "PATH",
    "USER",
    "PWD",
    "HOSTNAME",
    "OS",
];

/// Variables by name.
pub type Variables = BTreeMap<String, Variable>;

/// The text with its variables filled in, or `None` if something would have to be run or is not known.
pub fn expand(text: &str, variables: &Variables) -> Option<String> {
    Expansion { variables, steps: Cell::new(0) }.text(text, 0)
}

/// One text on its way.
struct Expansion<'a> {
    variables: &'a Variables,
    steps: Cell<u32>,
}

impl Expansion<'_> {
    fn text(&self, text: &str, depth: usize) -> Option<String> {
        self.steps.set(self.steps.get() + 1);
        if depth > DEPTH_MAX || self.steps.get() > STEPS_MAX {
            return None;
        }
        let mut out = String::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            out.push_str(&rest[..at]);
            let (reference, after) = reference(&rest[at + 1..])?;
            match reference {
                "$" => out.push('$'),
                name => out.push_str(&self.value(name, depth)?),
            }
            if out.len() > TEXT_MAX {
                return None;
            }
            rest = after;
        }
        out.push_str(rest);
        Some(out)
    }
}

/// What follows a dollar sign: `(NAME)`, `{NAME}`, one character; and what comes after.
fn reference(text: &str) -> Option<(&str, &str)> {
    let first = text.chars().next()?;
    let close = match first {
        '(' => ')',
        '{' => '}',
        _ => return Some(text.split_at(first.len_utf8())),
    };
    let mut depth = 0;
    for (at, c) in text.char_indices() {
        if c == first {
            depth += 1;
        } else if c == close {
            depth -= 1;
            if depth == 0 {
                return Some((&text[1..at], &text[at + 1..]));
            }
        }
    }
    None
}

impl Expansion<'_> {
    fn value(&self, inner: &str, depth: usize) -> Option<String> {
        if let Some((function, arguments)) = inner.split_once(' ') {
            return self.call(function, arguments, depth);
        }
        // `$(SOURCES:.c=.o)`
        if let Some((name, change)) = inner.split_once(':') {
            let (from, to) = change.split_once('=')?;
            let words = self.value(name, depth + 1)?;
            let (from, to) = (self.text(from, depth + 1)?, self.text(to, depth + 1)?);
            return Some(each(&words, |word| substitute(word, &from, &to)));
        }
        let name = self.text(inner, depth + 1)?;
        match self.variables.get(&name) {
            Some(variable) => self.text(variable.value.as_deref()?, depth + 1),
            None if UNKNOWN.contains(&name.as_str()) => None,
            None => Some(String::new()),
        }
    }

    /// The few functions that only turn words into others. All else, `shell` above all, is not known.
    fn call(&self, function: &str, arguments: &str, depth: usize) -> Option<String> {
        let arguments = self.text(arguments, depth + 1)?;
        match function {
            "strip" => Some(each(&arguments, str::to_owned)),
            "addprefix" => {
                arguments.split_once(',').map(|(prefix, words)| each(words, |word| format!("{prefix}{word}")))
            }
            "addsuffix" => {
                arguments.split_once(',').map(|(suffix, words)| each(words, |word| format!("{word}{suffix}")))
            }
            "patsubst" => {
                let mut parts = arguments.splitn(3, ',');
                let (from, to, words) = (parts.next()?.trim(), parts.next()?.trim(), parts.next()?);
                Some(each(words, |word| substitute(word, from, to)))
            }
            _ => None,
        }
    }
}

fn each(words: &str, change: impl Fn(&str) -> String) -> String {
    words.split_whitespace().map(change).collect::<Vec<_>>().join(" ")
}

/// `%.c` to `%.o`; without a `%` it is the end of the word.
fn substitute(word: &str, from: &str, to: &str) -> String {
    let (head, tail) = from.split_once('%').unwrap_or(("", from));
    let stem = word.strip_prefix(head).and_then(|word| word.strip_suffix(tail));
    let percent = from.contains('%');
    match stem {
        Some(stem) if percent => to.replacen('%', stem, 1),
        Some(stem) => format!("{stem}{to}"),
        None => word.to_owned(),
    }
}

/// Names of the variables that a text speaks of, also inside others.
pub fn names(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        let Some((inner, _)) = reference(&rest[at + 1..]) else { break };
        let plain = inner.split([':', ' ']).next().unwrap_or(inner);
        if !plain.is_empty() && !plain.contains('$') {
            found.push(plain.to_owned());
        }
        // What is inside is looked at too: the search goes on behind the dollar and its bracket.
        rest = &rest[at + 1..];
        rest = rest.strip_prefix('$').unwrap_or(rest);
    }
    found
}
