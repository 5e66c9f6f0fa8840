//! Words as a shell cuts them, which is how host lines and arguments are written.

/// Cuts a line into words: quotes of both kinds, backslashes. With `comments` a `#` outside of quotes ends the line.
pub fn split(line: &str, comments: bool) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\r' | '\n' => words.extend(word.take()),
            '#' if comments => break,
            '\\' => word.get_or_insert_default().push(chars.next().ok_or("a backslash at the end")?),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next().ok_or("a quote is not closed")? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next().ok_or("a quote is not closed")? {
                        '"' => break,
                        '\\' => match chars.next().ok_or("a quote is not closed")? {
                            escaped @ ('"' | '\\') => word.push(escaped),
                            other => word.extend(['\\', other]),
                        },
                        c => word.push(c),
                    }
                }
            }
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_cut_as_a_shell_does() {
        assert_eq!(split(r#"a  b='c d' "e\"f\g"h \  # x"#, true).unwrap(), ["a", "b=c d", r#"e"f\gh"#, " "]);
        assert_eq!(split("a#b c", true).unwrap(), ["a"]);
        assert_eq!(split("a#b '' c", false).unwrap(), ["a#b", "", "c"]);
        assert!(split("a 'b", true).is_err());
    }
}
