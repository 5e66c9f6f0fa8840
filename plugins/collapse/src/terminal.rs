//! What a terminal shows in the end of a line that was written over: carriage returns, backspaces, erasing, moves within
//! the line, colours. A character is one column, which is wrong only for what is written over wide ones.

/// The widest line that is followed, in columns. A wider one was no progress bar.
const COLUMNS_MAX: usize = 4096;

/// The most colours in one line.
const STYLES_MAX: usize = 1024;

/// A character and how it looks.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Cell {
    character: char,
    /// Which style; 0 is none.
    style: usize,
}

const BLANK: Cell = Cell { character: ' ', style: 0 };

/// What is left of a line that was written over, and how often it was begun anew. `None` for any other line, and for
/// one with sequences that do more than one line's business.
pub fn shown(line: &str) -> Option<(String, usize)> {
    // A carriage return at the end is a line ending of another system and stays.
    let body = line.trim_end_matches('\r');
    memchr::memchr2(b'\r', 0x08, body.as_bytes())?;
    let mut screen = Screen::default();
    let mut chars = body.chars();
    while let Some(c) = chars.next() {
        match c {
            '\r' => screen.begin_anew(),
            '\u{8}' => screen.column = screen.column.saturating_sub(1),
            '\x1b' => screen.sequence(&mut chars)?,
            '\t' => screen.column = (screen.column / 8 + 1) * 8,
            c if c.is_control() => {}
            c => screen.put(c)?,
        }
    }
    Some((screen.text(), screen.states))
}

#[derive(Default)]
struct Screen {
    cells: Vec<Cell>,
    column: usize,
    style: usize,
    /// Sequences that make a style, from number 1 on.
    styles: Vec<String>,
    states: usize,
}

impl Screen {
    fn begin_anew(&mut self) {
        // Two in a row begin it once.
        self.states += usize::from(self.column > 0);
        self.column = 0;
    }

    fn put(&mut self, character: char) -> Option<()> {
        if self.column >= COLUMNS_MAX {
            return None;
        }
        if self.cells.len() <= self.column {
            self.cells.resize(self.column + 1, BLANK);
        }
        self.cells[self.column] = Cell { character, style: self.style };
        self.column += 1;
        Some(())
    }

    /// `ESC [ … letter`; anything else is not followed.
    fn sequence(&mut self, chars: &mut std::str::Chars<'_>) -> Option<()> {
        (chars.next()? == '[').then_some(())?;
        let rest = chars.as_str();
        let end = rest.find(|c: char| ('@'..='~').contains(&c))?;
        let (parameters, kind) = (&rest[..end], rest.as_bytes()[end]);
        *chars = rest[end + 1..].chars();
        let number = || parameters.parse::<usize>().unwrap_or(1).clamp(1, COLUMNS_MAX);
        match kind {
            b'm' => self.restyle(parameters)?,
            b'K' => match parameters {
                "" | "0" => self.cells.truncate(self.column),
                "1" => self.cells.iter_mut().take(self.column + 1).for_each(|cell| *cell = BLANK),
                "2" => self.cells.clear(),
                _ => return None,
            },
            b'G' => self.column = number() - 1,
            b'C' => self.column += number(),
            b'D' => self.column = self.column.saturating_sub(number()),
            // The cursor is hidden and shown.
            b'h' | b'l' if parameters == "?25" => {}
            _ => return None,
        }
        Some(())
    }

    fn restyle(&mut self, parameters: &str) -> Option<()> {
        if parameters.is_empty() || parameters == "0" {
            self.style = 0;
            return Some(());
        }
        // A style is all that was said since the last reset.
        let before = self.style.checked_sub(1).map_or("", |at| self.styles[at].as_str());
        let before = if parameters.starts_with("0;") { "" } else { before };
        let style = format!("{before}\x1b[{parameters}m");
        let known = self.styles.iter().position(|known| *known == style);
        self.style = 1 + known.unwrap_or_else(|| {
            self.styles.push(style);
            self.styles.len() - 1
        });
        (self.styles.len() <= STYLES_MAX && self.styles[self.style - 1].len() <= STYLES_MAX).then_some(())
    }

    fn text(&self) -> String {
        let end = self.cells.iter().rposition(|cell| *cell != BLANK).map_or(0, |last| last + 1);
        let mut text = String::with_capacity(end + 8);
        let mut style = 0;
        for cell in &self.cells[..end] {
            if cell.style != style {
                if style != 0 {
                    text.push_str("\x1b[0m");
                }
                if let Some(at) = cell.style.checked_sub(1) {
                    text.push_str(&self.styles[at]);
                }
                style = cell.style;
            }
            text.push(cell.character);
        }
        if style != 0 {
            text.push_str("\x1b[0m");
        }
        text
    }
}
