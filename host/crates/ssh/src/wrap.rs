//! The line that a server is asked to execute.
//!
//! The account's shell reads it first and may be anything: sh, csh, fish. So the line uses only what they agree on,
//! words and single quotes, and hands the rest to `/bin/sh`. The cookie in the environment is how a cancelled command's
//! processes are found again. That shell sets it itself, for a further program that does would cost as much as a small command;
//! the shell, which has no cookie in its own environment, has it among its arguments.

use std::fmt::Write as _;

/// Name of the variable that marks the processes of a command.
pub(crate) const COOKIE_VARIABLE: &str = "CORRAL_TASK";

/// A fresh mark for the processes of one command: 128 random bits.
pub(crate) fn new_cookie() -> Result<String, getrandom::Error> {
    let mut bytes = [0_u8; 16];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    }))
}

/// The line that runs `script` by POSIX sh, marked by the cookie.
pub(crate) fn marked(script: &str, cookie: &str) -> String {
    unmarked(&format!("{COOKIE_VARIABLE}={cookie};export {COOKIE_VARIABLE};{script}"))
}

/// The line that runs `script` by POSIX sh, unmarked.
pub(crate) fn unmarked(script: &str) -> String {
    format!("exec /bin/sh -c {}", shell_words(script))
}

/// The line that keeps `script` in `$_c` of POSIX sh and runs it there, so that it can start parts of itself anew by `$0`.
pub(crate) fn kept(script: &str) -> String {
    format!(r#"exec /bin/sh -c '_c=$(printf %b "$1");shift;eval "$_c"' /bin/sh '{}'"#, escaped(script))
}

/// What follows `sh -c`. In single quotes csh still sees `!` and ends at a newline, fish still sees `\`, and none can
/// hold a quote. A script with any of these is written with octal escapes, which `printf %b` undoes within sh.
fn shell_words(script: &str) -> String {
    if !script.bytes().any(needs_escape) {
        return format!("'{script}'");
    }
    // `shift` before the script runs, so that it has no arguments that it did not ask for.
    format!(r#"'eval "shift;$(printf %b "$1")"' sh '{}'"#, escaped(script))
}

fn needs_escape(byte: u8) -> bool {
    matches!(byte, b'\'' | b'\\' | b'!' | b'\n' | b'\r')
}

fn escaped(script: &str) -> String {
    let mut escaped = String::with_capacity(script.len() + 64);
    for c in script.chars() {
        if u8::try_from(c).is_ok_and(needs_escape) {
            let _ = write!(escaped, "\\0{:03o}", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    fn run(line: &str) -> (String, Option<i32>) {
        let output = Command::new("/bin/sh").arg("-c").arg(line).output().unwrap();
        (String::from_utf8(output.stdout).unwrap(), output.status.code())
    }

    #[test]
    fn a_script_runs_as_written_with_the_cookie_and_without_arguments() {
        let script = "printf '%s|' it\\'s \"a!b\" \"$#\" \"$CORRAL_TASK\"\n# comment\ncat <<X\nhere\\doc\nX\nexit 3";
        assert_eq!(run(&marked(script, "c00c1e")), ("it's|a!b|0|c00c1e|here\\doc\n".to_owned(), Some(3)));
        assert_eq!(run(&unmarked("echo \"$#\"; exit 4")), ("0\n".to_owned(), Some(4)));
    }

    #[test]
    fn the_line_has_nothing_that_csh_or_fish_read_differently() {
        let line = marked("a'b\\c!d\ne", "x");
        let quoted: Vec<_> = line.split('\'').skip(1).step_by(2).collect();
        assert_eq!(quoted.len(), 2, "{line}");
        assert!(!line.contains(['!', '\n']), "{line}");
        assert!(!line.contains("\\\\") && !line.contains("\\'"), "{line}");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn any_word_comes_through(word in "[^\0]{0,60}") {
            let script = format!("printf %s {}", corral_domain::quote_word(&word));
            prop_assert_eq!(run(&marked(&script, "c")).0, word);
        }
    }
}
