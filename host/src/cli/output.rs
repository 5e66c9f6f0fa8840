//! What reaches the terminal: tables, colours, and text from elsewhere made harmless.
//!
//! Invariants: text that a machine wrote never reaches a terminal with control sequences other than colours (SGR); names
//! never with any. What is piped is passed on byte for byte.

use std::fmt::Write as _;
use std::io::{IsTerminal as _, Write as _};

use serde_json::Value;

/// Colours by which VMs are told apart.
const PALETTE: [u8; 12] = [36, 33, 32, 35, 34, 96, 93, 92, 95, 94, 31, 91];

/// Colours for a stream, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paint(bool);

impl Paint {
    /// For standard output.
    pub fn stdout() -> Self {
        Self(std::io::stdout().is_terminal() && wanted())
    }

    /// For standard error.
    pub fn stderr() -> Self {
        Self(std::io::stderr().is_terminal() && wanted())
    }

    /// No colours.
    #[cfg(test)]
    pub fn none() -> Self {
        Self(false)
    }

    /// Text in a colour (an SGR code).
    pub fn sgr(self, code: &str, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// A status word in the colour of its meaning.
    pub fn status(self, status: &str) -> String {
        let code = match status {
            "succeeded" | "online" | "active" | "ok" => "32",
            "failed" | "timed_out" | "unreachable" | "offline" | "broken" | "quarantined" | "fail" => "31",
            "running" | "connecting" | "discovered" | "compiling" => "36",
            "cancelled" | "unknown" | "failing" | "blocked" | "warn" => "33",
            _ => "2",
        };
        self.sgr(code, status)
    }

    /// A name in the colour of its place.
    pub fn name(self, position: usize, text: &str) -> String {
        self.sgr(&PALETTE[position % PALETTE.len()].to_string(), text)
    }
}

/// <https://no-color.org>
fn wanted() -> bool {
    std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
        && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// Text without control characters: they are shown as `\x1b` and the like. Line breaks become blanks.
pub fn safe(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => shown.push(' '),
            c if c.is_control() || is_bidi(c) => {
                let _ = write!(shown, "\\x{:02x}", u32::from(c));
            }
            c => shown.push(c),
        }
    }
    shown
}

/// Characters that turn the direction of what follows, by which text can look like other text.
fn is_bidi(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A line as a machine wrote it, with colours and nothing else that a terminal would act on.
pub fn terminal_text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut shown = String::with_capacity(text.len());
    let mut coloured = false;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => match chars.peek() {
                Some('[') => {
                    chars.next();
                    if let Some(sgr) = control_sequence(&mut chars) {
                        let _ = write!(shown, "\u{1b}[{sgr}m");
                        coloured = true;
                    }
                }
                // OSC, DCS, SOS, PM, APC: all up to the terminator is theirs.
                Some(']' | 'P' | 'X' | '^' | '_') => skip_string(&mut chars),
                Some(_) => {
                    chars.next();
                }
                None => {}
            },
            '\t' => shown.push('\t'),
            c if c.is_control() || is_bidi(c) => {}
            c => shown.push(c),
        }
    }
    if coloured {
        shown.push_str("\u{1b}[0m");
    }
    shown
}

/// Reads a control sequence; its parameters if it is a colour.
fn control_sequence(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<String> {
    const PARAMETERS_MAX: usize = 64;
    let mut parameters = String::new();
    for c in chars.by_ref() {
        match c {
            '0'..='9' | ';' | ':' if parameters.len() < PARAMETERS_MAX => parameters.push(c),
            'm' => return parameters.bytes().all(|b| b.is_ascii_digit() || b";:".contains(&b)).then_some(parameters),
            // Private and intermediate bytes: whatever it is, it is no colour.
            '\u{20}'..='\u{3f}' => parameters.push('?'),
            // The end of another sequence, or something that stands in none.
            _ => return None,
        }
    }
    None
}

fn skip_string(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    while let Some(c) = chars.next() {
        if c == '\u{7}' || c == '\u{9c}' {
            return;
        }
        if c == '\u{1b}' {
            if chars.peek() == Some(&'\\') {
                chars.next();
            }
            return;
        }
    }
}

/// Prints a value as JSON for machines.
pub fn json(value: &Value) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, value)?;
    writeln!(out)?;
    Ok(())
}

/// Rows under headings, columns aligned. Cells are made harmless here; the last column is as wide as it is.
pub struct Table {
    heads: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    status: Option<usize>,
}

impl Table {
    /// A table with these headings.
    pub fn new(heads: &[&'static str]) -> Self {
        let status = heads.iter().position(|head| *head == "STATUS" || *head == "STATE");
        Self { heads: heads.to_vec(), rows: Vec::new(), status }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(|cell| safe(&cell)).collect());
    }

    /// The lines of the table.
    pub fn render(&self, paint: Paint) -> String {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.chars().count());
            cells.chain([self.heads[column].len()]).max().unwrap_or(0)
        };
        let widths: Vec<_> = (0..self.heads.len()).map(width).collect();
        let last = self.heads.len().saturating_sub(1);
        let mut text = String::new();
        let heads: Vec<_> = self.heads.iter().map(|head| (*head).to_owned()).collect();
        for (number, row) in std::iter::once(&heads).chain(&self.rows).enumerate() {
            let mut line = String::new();
            for (column, cell) in row.iter().enumerate() {
                let pad = if column == last { 0 } else { widths[column].saturating_sub(cell.chars().count()) + 2 };
                let shown = match number {
                    0 => paint.sgr("1", cell),
                    _ if self.status == Some(column) => paint.status(cell),
                    _ => cell.clone(),
                };
                let _ = write!(line, "{shown}{:pad$}", "");
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    /// Prints it, or says that there is nothing.
    pub fn print(&self, nothing: &str) {
        if self.rows.is_empty() {
            eprintln!("{nothing}");
        } else {
            print_text(&self.render(Paint::stdout()));
        }
    }
}

/// Writes to standard output; a reader that went away (`| head`) is no fault.
pub fn print_text(text: &str) {
    let _ = std::io::stdout().lock().write_all(text.as_bytes());
}

/// A field as text; missing and null are empty.
pub fn field(value: &Value, key: &str) -> String {
    match value.get(key) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}

/// A time without fractions and `T`: `2026-01-31 12:00:00`.
pub fn time(value: &Value, key: &str) -> String {
    let text = field(value, key);
    text.split('.').next().unwrap_or_default().trim_end_matches('Z').replace('T', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_pass_and_everything_else_that_a_terminal_acts_on_does_not() {
        assert_eq!(terminal_text(b"\x1b[31mred\x1b[0m"), "\u{1b}[31mred\u{1b}[0m\u{1b}[0m");
        assert_eq!(terminal_text(b"a\x1b[2Jb\x1b[?25lc\x1b[10;10Hd"), "abcd");
        assert_eq!(terminal_text(b"a\x1b]52;c;ZXZpbA==\x07b\x1b]0;title\x1b\\c"), "abc");
        assert_eq!(terminal_text(b"a\x1bP1;1|x\x1b\\b\x07\x08\rc"), "abc");
        assert_eq!(terminal_text(b"tail \x1b["), "tail ");
        assert_eq!(terminal_text(b"\xff\xfe"), "\u{fffd}\u{fffd}");
        assert_eq!(terminal_text(b"\x1b[>4;1mx"), "x");
    }

    #[test]
    fn names_are_shown_with_their_control_characters_spelt_out() {
        assert_eq!(safe("web\u{1b}[2J\u{202e}1"), "web\\x1b[2J\\x202e1");
    }

    #[test]
    fn columns_are_aligned_and_cells_cannot_break_the_table() {
        let mut table = Table::new(&["NAME", "STATUS"]);
        table.row(["a\nb".to_owned(), "ok".to_owned()]);
        table.row(["longer".to_owned(), "fail".to_owned()]);
        assert_eq!(table.render(Paint::none()), "NAME    STATUS\na b     ok\nlonger  fail\n");
    }
}
