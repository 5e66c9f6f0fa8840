//! Lines of ssh_config: a keyword, and words that may be quoted.

/// A line that says something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// In lower case: keywords have no case.
    pub keyword: String,
    /// What follows it.
    pub words: Vec<String>,
}

/// Reads a line. `Ok(None)` is an empty line or a comment; an error is a quote that is not closed.
pub fn read_line(line: &str) -> Result<Option<Line>, &'static str> {
    let line = line.trim_matches([' ', '\t', '\r', '\n', '\x0c']);
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let end = line.find([' ', '\t', '=', '"']).unwrap_or(line.len());
    let rest = line[end..].trim_start_matches([' ', '\t']);
    // One equals sign may stand between keyword and value.
    let rest = rest.strip_prefix('=').unwrap_or(rest);
    Ok(Some(Line { keyword: line[..end].to_ascii_lowercase(), words: words(rest)? }))
}

/// Cuts words as OpenSSH does: quotes of both kinds, a backslash before quotes, backslashes and (outside of quotes)
/// blanks, a comment at the beginning of a word.
fn words(text: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut chars = text.chars().peekable();
    loop {
        while chars.next_if(|c| matches!(c, ' ' | '\t')).is_some() {}
        match chars.peek() {
            None | Some('#') => return Ok(words),
            Some(_) => {}
        }
        let mut word = String::new();
        let mut quote = None;
        while let Some(c) = chars.next_if(|c| quote.is_some() || !matches!(c, ' ' | '\t')) {
            match c {
                '\\' => {
                    let escaped =
                        chars.next_if(|next| matches!(next, '"' | '\'' | '\\') || (quote.is_none() && *next == ' '));
                    word.push(escaped.unwrap_or('\\'));
                }
                '"' | '\'' if quote == Some(c) => quote = None,
                '"' | '\'' if quote.is_none() => quote = Some(c),
                _ => word.push(c),
            }
        }
        if quote.is_some() {
            return Err("a quote is not closed");
        }
        words.push(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> (String, Vec<String>) {
        let line = read_line(line).unwrap().unwrap();
        (line.keyword, line.words)
    }

    #[test]
    fn keyword_and_words_are_cut_in_every_spelling() {
        let one = |keyword: &str, words: &[&str]| (keyword.to_owned(), words.iter().map(|w| (*w).to_owned()).collect());
        assert_eq!(read("  Port 22"), one("port", &["22"]));
        assert_eq!(read("Port=22"), one("port", &["22"]));
        assert_eq!(read("Port\t=  22 # why"), one("port", &["22"]));
        assert_eq!(read("Host a  \"b c\" 'd' e\\ f"), one("host", &["a", "b c", "d", "e f"]));
        assert_eq!(read(r#"IdentityFile "a\"b" c\d"#), one("identityfile", &["a\"b", "c\\d"]));
        assert_eq!(read("Host a#b"), one("host", &["a#b"]));
    }

    #[test]
    fn comments_and_blank_lines_say_nothing() {
        for line in ["", "  \t", "# x", "   # x"] {
            assert_eq!(read_line(line), Ok(None));
        }
        assert!(read_line("Host \"a").is_err());
    }
}
