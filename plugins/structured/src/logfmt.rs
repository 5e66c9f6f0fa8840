//! Lines of `key=value` pairs. Two pairs side by side make a line logfmt; one alone is found in any text.

use std::borrow::Cow;

/// How far into a line the first pair may stand, in bytes: a prefix of time and host is shorter.
const FIRST_MAX: usize = 160;

/// The most pairs of a line that are looked at.
const PAIRS_MAX: usize = 64;

/// The longest key, in bytes.
const KEY_MAX: usize = 64;

/// A pair, with the value as it is meant.
pub type Pair<'a> = (&'a str, Cow<'a, str>);

/// The pairs of a line, if it is one of pairs.
pub fn pairs(line: &str) -> Option<Vec<Pair<'_>>> {
    let head = &line.as_bytes()[..line.len().min(FIRST_MAX)];
    let equals = memchr::memchr(b'=', head)?;
    let start = key_start(head, equals)?;
    let (first, rest) = pair(&line[start..])?;
    let (second, mut rest) = pair(rest)?;
    let mut found = vec![first, second];
    while found.len() < PAIRS_MAX {
        match pair(rest) {
            Some((next, after)) => {
                found.push(next);
                rest = after;
            }
            // A word that is no pair, as logfmt has it for what is true.
            None => match rest.trim_start_matches(' ').split_once(' ') {
                Some((_, after)) => rest = after,
                None => break,
            },
        }
    }
    Some(found)
}

/// Where the key before an equals sign begins; it stands at the line's beginning or after a blank.
fn key_start(head: &[u8], equals: usize) -> Option<usize> {
    let length = head[..equals].iter().rev().take_while(|byte| is_key(**byte)).count();
    let start = equals - length;
    let free = start == 0 || matches!(head[start - 1], b' ' | b'\t');
    (length > 0 && length <= KEY_MAX && free && !head[start].is_ascii_digit() && head[start] != b'-').then_some(start)
}

fn is_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'@')
}

/// The pair that a text begins with, and what follows it.
fn pair(text: &str) -> Option<(Pair<'_>, &str)> {
    let text = text.trim_start_matches([' ', '\t', ',']);
    let length = text.bytes().take_while(|byte| is_key(*byte)).count();
    let rest = text.get(length..)?.strip_prefix('=')?;
    let key = &text[..length];
    if key.is_empty() || length > KEY_MAX || key.starts_with('-') {
        return None;
    }
    if let Some(quoted) = rest.strip_prefix('"') {
        let (value, after) = unquote(quoted)?;
        return Some(((key, value), after));
    }
    let end = rest.find([' ', '\t']).unwrap_or(rest.len());
    Some(((key, Cow::Borrowed(&rest[..end])), &rest[end..]))
}

/// The text up to the closing quote, and what follows.
fn unquote(text: &str) -> Option<(Cow<'_, str>, &str)> {
    let mut from = 0;
    loop {
        let at = from + memchr::memchr2(b'"', b'\\', &text.as_bytes()[from..])?;
        if text.as_bytes()[at] == b'"' {
            let value = &text[..at];
            let value = if from == 0 { Cow::Borrowed(value) } else { Cow::Owned(unescape(value)) };
            return Some((value, &text[at + 1..]));
        }
        // What is escaped may be any character; the search goes on behind it.
        from = at + 1 + text[at + 1..].chars().next()?.len_utf8();
    }
}

fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => plain.push('\n'),
                Some('t') => plain.push('\t'),
                Some(other) => plain.push(other),
                None => {}
            },
            _ => plain.push(c),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<Vec<(String, String)>> {
        pairs(line).map(|found| found.into_iter().map(|(key, value)| (key.to_owned(), value.into_owned())).collect())
    }

    #[test]
    fn pairs_are_read_with_quotes_and_escapes() {
        let expected = [("ts", "1"), ("msg", "a \"b\" ü"), ("err", ""), ("n", "7")];
        let expected = expected.map(|(key, value)| (key.to_owned(), value.to_owned())).to_vec();
        assert_eq!(read(r#"ts=1 msg="a \"b\" ü" err= flag n=7"#), Some(expected));
    }

    #[test]
    fn one_pair_or_a_quote_that_never_ends_is_no_logfmt() {
        for line in
            ["x=1", "set level=debug for all", "a=\"open b=2", "", "=", "a==b", "https://x/?a=1&b=2", "-Da=b -Dc=d"]
        {
            assert_eq!(read(line), None, "{line}");
        }
    }
}
