//! Lines of a Makefile: joined where a backslash ends one, and parted from their comments.

/// A line that says something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// What it says, without its comment.
    pub text: String,
    /// What stands after `##`.
    pub help: Option<String>,
    /// Whether it belongs to a recipe.
    pub recipe: bool,
}

/// All lines. Those of recipes are left as they are.
pub fn lines(text: &str) -> Vec<Line> {
    let mut found = Vec::new();
    let mut rest = text.lines();
    while let Some(first) = rest.next() {
        let mut line = first.trim_end_matches('\r').to_owned();
        let recipe = line.starts_with('\t');
        while ends_in_backslash(&line) {
            let Some(next) = rest.next() else { break };
            line.pop();
            let next = next.trim_end_matches('\r');
            if recipe {
                line.push_str(next);
            } else {
                line.truncate(line.trim_end().len());
                line.push(' ');
                line.push_str(next.trim_start());
            }
        }
        if recipe {
            found.push(Line { text: line, help: None, recipe });
            continue;
        }
        let (text, comment) = part(&line);
        let help = comment.and_then(|comment| comment.strip_prefix('#')).map(|help| help.trim().to_owned());
        found.push(Line { text, help, recipe });
    }
    found
}

fn ends_in_backslash(line: &str) -> bool {
    line.bytes().rev().take_while(|byte| *byte == b'\\').count() % 2 == 1
}

/// What stands before and after the `#` that begins a comment.
fn part(line: &str) -> (String, Option<&str>) {
    let mut text = String::with_capacity(line.len());
    let mut chars = line.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' if line[at + 1..].starts_with('#') => {
                chars.next();
                text.push('#');
            }
            '#' => return (text.trim_end().to_owned(), Some(&line[at + 1..])),
            c => text.push(c),
        }
    }
    (text.trim_end().to_owned(), None)
}
