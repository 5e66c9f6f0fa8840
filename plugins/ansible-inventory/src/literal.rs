//! Values in INI files: what Python would take as a literal is that, anything else is text.

use serde_json::{Map, Number, Value};

/// How deep lists and dictionaries may be inside each other.
const DEPTH_MAX: usize = 32;

/// The value that a text stands for.
pub fn value(text: &str) -> Value {
    let mut reader = Reader { rest: text.trim_start_matches([' ', '\t']) };
    let read = reader.value(0);
    reader.blanks();
    let whole = reader.rest.is_empty() || reader.rest.starts_with('#');
    read.filter(|_| whole).unwrap_or_else(|| Value::String(text.to_owned()))
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n']);
    }

    fn take(&mut self, c: char) -> bool {
        self.blanks();
        let rest = self.rest.strip_prefix(c);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        self.blanks();
        if depth > DEPTH_MAX {
            return None;
        }
        match self.rest.chars().next()? {
            '\'' | '"' => {
                let mut text = self.string()?;
                loop {
                    // Strings side by side are one.
                    self.blanks();
                    if !self.rest.starts_with(['\'', '"']) {
                        return Some(Value::String(text));
                    }
                    text.push_str(&self.string()?);
                }
            }
            '[' => self.list('[', ']', depth).map(|(items, _)| Value::Array(items)),
            '(' => self.list('(', ')', depth).map(|(mut items, commas)| {
                if items.len() == 1 && !commas { items.remove(0) } else { Value::Array(items) }
            }),
            '{' => self.dictionary(depth),
            _ => self.word(),
        }
    }

    /// Items between brackets, and whether there was a comma.
    fn list(&mut self, open: char, close: char, depth: usize) -> Option<(Vec<Value>, bool)> {
        self.take(open).then_some(())?;
        let (mut items, mut commas) = (Vec::new(), false);
        while !self.take(close) {
            items.push(self.value(depth + 1)?);
            if self.take(',') {
                commas = true;
            } else {
                self.take(close).then_some(())?;
                break;
            }
        }
        Some((items, commas))
    }

    fn dictionary(&mut self, depth: usize) -> Option<Value> {
        self.take('{').then_some(())?;
        let mut map = Map::new();
        while !self.take('}') {
            let key = match self.value(depth + 1)? {
                Value::String(key) => key,
                Value::Number(key) => key.to_string(),
                _ => return None,
            };
            self.take(':').then_some(())?;
            map.insert(key, self.value(depth + 1)?);
            if !self.take(',') {
                self.take('}').then_some(())?;
                break;
            }
        }
        Some(Value::Object(map))
    }

    fn string(&mut self) -> Option<String> {
        let quote = self.rest.chars().next()?;
        let mut text = String::new();
        let mut chars = self.rest[1..].chars();
        loop {
            match chars.next()? {
                c if c == quote => break,
                '\n' => return None,
                '\\' => match chars.next()? {
                    'n' => text.push('\n'),
                    't' => text.push('\t'),
                    'r' => text.push('\r'),
                    '0' => text.push('\0'),
                    c @ ('\\' | '\'' | '"') => text.push(c),
                    // Numbers and names of characters are seldom in an inventory.
                    'x' | 'u' | 'U' | 'N' | '1'..='7' => return None,
                    other => text.extend(['\\', other]),
                },
                c => text.push(c),
            }
        }
        self.rest = chars.as_str();
        Some(text)
    }

    fn word(&mut self) -> Option<Value> {
        let end = self.rest.find([' ', '\t', ',', ']', ')', '}', ':', '#', '\n']).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        match word {
            "True" => Some(Value::Bool(true)),
            "False" => Some(Value::Bool(false)),
            "None" => Some(Value::Null),
            _ => number(word),
        }
    }
}

/// A number as Python writes it: no zeros in front, underscores between digits.
fn number(word: &str) -> Option<Value> {
    let (sign, digits) = match word.as_bytes().first()? {
        b'-' => (-1, &word[1..]),
        b'+' => (1, &word[1..]),
        _ => (1, word),
    };
    let lower = digits.to_ascii_lowercase();
    if lower.starts_with('_')
        || lower.ends_with('_')
        || lower.contains("__")
        || !lower.starts_with(|c: char| c.is_ascii_digit() || c == '.')
    {
        return None;
    }
    let plain: String = lower.chars().filter(|c| *c != '_').collect();
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        if let Some(digits) = plain.strip_prefix(prefix) {
            return i64::from_str_radix(digits, radix).ok().map(|number| Value::from(sign * number));
        }
    }
    if plain.bytes().all(|byte| byte.is_ascii_digit()) {
        let zeros = plain.len() > 1 && plain.starts_with('0') && plain.bytes().any(|byte| byte != b'0');
        return if zeros { None } else { plain.parse::<i64>().ok().map(|number| Value::from(sign * number)) };
    }
    let is_float = plain.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'-' | b'+'));
    let float = plain.parse::<f64>().ok().filter(|_| is_float)?;
    Number::from_f64(float * f64::from(i32::try_from(sign).ok()?)).map(Value::Number)
}
