//! The one function that makes shell text from words.

/// Quotes one word for POSIX sh, so that the shell reads back exactly these bytes.
///
/// Words of safe characters stay as they are, everything else goes into single quotes, in which nothing is special but
/// the quote itself (POSIX.1-2024, Shell Command Language, 2.2.2). NUL cannot stand in an argument; callers refuse it.
pub fn quote_word(word: &str) -> String {
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:@%+=".contains(&byte);
    // A leading `=` is special to zsh and a `=` in the first word is an assignment: quote both.
    if !word.is_empty() && word.bytes().all(safe) && !word.contains('=') {
        return word.to_owned();
    }
    let mut quoted = String::with_capacity(word.len() + 2);
    quoted.push('\'');
    for part in word.split_inclusive('\'') {
        match part.strip_suffix('\'') {
            Some(before) => {
                quoted.push_str(before);
                quoted.push_str("'\\''");
            }
            None => quoted.push_str(part),
        }
    }
    quoted.push('\'');
    quoted
}

/// Quotes words and joins them by blanks: a command line for POSIX sh.
pub fn quote_argv<S: AsRef<str>>(argv: &[S]) -> String {
    argv.iter().map(|word| quote_word(word.as_ref())).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_words_stay_readable() {
        assert_eq!(quote_argv(&["systemctl", "restart", "nginx.service"]), "systemctl restart nginx.service");
        assert_eq!(quote_argv(&["echo", "it's", ""]), r"echo 'it'\''s' ''");
        assert_eq!(quote_word("A=b"), "'A=b'");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_shell_reads_back_what_was_quoted(words in proptest::collection::vec("[^\0]{0,40}", 1..8)) {
            let line = format!("printf '%s\\0' {}", quote_argv(&words));
            let output = Command::new("/bin/sh").arg("-c").arg(&line).output().unwrap();
            let mut expected = words.join("\0").into_bytes();
            expected.push(0);
            prop_assert_eq!(output.stdout, expected);
        }
    }
}
