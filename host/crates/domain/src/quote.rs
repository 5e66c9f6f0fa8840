//! The one function that makes shell text from words.

/// Quotes one word for POSIX sh, so that the shell reads back exactly these bytes, whatever they are.
///
/// Words of safe characters stay as they are, everything else goes into single quotes, in which nothing is special but
/// the quote itself (POSIX.1-2024, Shell Command Language, 2.2.2). NUL cannot stand in an argument; callers refuse it.
pub fn quote_bytes(word: &[u8]) -> Vec<u8> {
    let safe = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-./:@%+".contains(byte);
    // A `=` is not safe: at the front it is special to zsh, and in the first word it makes an assignment.
    if !word.is_empty() && word.iter().all(safe) {
        return word.to_owned();
    }
    let mut quoted = Vec::with_capacity(word.len() + 2);
    quoted.push(b'\'');
    for byte in word {
        match byte {
            b'\'' => quoted.extend_from_slice(b"'\\''"),
            byte => quoted.push(*byte),
        }
    }
    quoted.push(b'\'');
    quoted
}

/// [`quote_bytes`] for text.
pub fn quote_word(word: &str) -> String {
    // Quoting puts ASCII between characters and never within one: nothing is lost.
    String::from_utf8_lossy(&quote_bytes(word.as_bytes())).into_owned()
}

/// Quotes words and joins them by blanks: a command line for POSIX sh.
pub fn quote_argv<S: AsRef<str>>(argv: &[S]) -> String {
    argv.iter().map(|word| quote_word(word.as_ref())).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    /// Each must be there: a test that is left out where one is missing proves nothing.
    const SHELLS: [&[&str]; 5] = [&["/bin/sh"], &["dash"], &["bash"], &["bash", "--posix"], &["busybox", "sh"]];

    /// What each shell makes of the words.
    fn read_back(words: &[Vec<u8>]) -> Vec<(String, Vec<u8>)> {
        let mut line = b"printf '%s\\0'".to_vec();
        for word in words {
            line.push(b' ');
            line.extend(quote_bytes(word));
        }
        let read = |shell: &&[&str]| {
            let output =
                Command::new(shell[0]).args(&shell[1..]).arg("-c").arg(OsStr::from_bytes(&line)).output().unwrap();
            assert!(output.status.success() && output.stderr.is_empty(), "{shell:?}: {output:?}");
            (shell.join(" "), output.stdout)
        };
        SHELLS.iter().map(read).collect()
    }

    fn joined(words: &[Vec<u8>]) -> Vec<u8> {
        words.iter().flat_map(|word| word.iter().copied().chain([0])).collect()
    }

    #[test]
    fn plain_words_stay_readable() {
        assert_eq!(quote_argv(&["systemctl", "restart", "nginx.service"]), "systemctl restart nginx.service");
        assert_eq!(quote_argv(&["echo", "it's", ""]), r"echo 'it'\''s' ''");
        assert_eq!(quote_word("A=b"), "'A=b'");
    }

    #[test]
    fn every_byte_comes_back_alone_doubled_beside_every_quote_and_among_all_others() {
        let all: Vec<u8> = (1..=255).collect();
        let mut words: Vec<Vec<u8>> = all.iter().flat_map(|byte| [vec![*byte], vec![*byte; 2]]).collect();
        for byte in &all {
            words.extend(b"'\"\\$`!-~".iter().flat_map(|special| [vec![*special, *byte], vec![*byte, *special]]));
        }
        words.extend([all.clone(), all.into_iter().rev().collect(), Vec::new()]);
        for (shell, output) in read_back(&words) {
            assert!(output == joined(&words), "{shell}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_shell_reads_back_any_bytes(words in proptest::collection::vec(proptest::collection::vec(1..=255_u8, 0..60), 1..8)) {
            for (shell, output) in read_back(&words) {
                prop_assert_eq!(output, joined(&words), "{}", shell);
            }
        }

        #[test]
        fn text_is_quoted_as_its_bytes_are(word in "[^\0]{0,40}") {
            prop_assert_eq!(quote_word(&word).into_bytes(), quote_bytes(word.as_bytes()));
        }
    }
}
