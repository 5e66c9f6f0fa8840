//! The capsule's script, as it is sent.

use std::sync::LazyLock;

use crate::wrap;

/// The script as it is written. What the supervisor needs comes first: it reads no further.
const SOURCE: &str = concat!(
    include_str!("sh/1-supervise.sh"),
    include_str!("sh/2-launch.sh"),
    include_str!("sh/3-follow.sh"),
    include_str!("sh/4-ask.sh"),
);

/// The script without what only its readers need.
pub(crate) static SCRIPT: LazyLock<String> = LazyLock::new(|| minimised(SOURCE));

/// The line that a server is asked to execute. It is the same each time: what is asked for comes on standard input, where
/// no process listing shows it.
pub(crate) static LINE: LazyLock<String> = LazyLock::new(|| wrap::kept(&SCRIPT));

/// Keeps a script in `$_c` and runs it; `$0` is the shell to go on with.
pub(crate) const RUNNER: &str = r#"_c=$1; shift; eval "$_c""#;

/// Drops comments that have a line of their own, and indentation. Holds for scripts without here-documents and without
/// texts of several lines.
pub(crate) fn minimised(source: &str) -> String {
    let lines = source.lines().map(str::trim_start).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.fold(String::with_capacity(source.len()), |mut text, line| {
        text.push_str(line);
        text.push('\n');
        text
    })
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn every_shell_can_read_it() {
        for shell in [&["dash"][..], &["bash", "--posix"], &["busybox", "ash"]] {
            for script in [&*SCRIPT, SOURCE] {
                let read = Command::new(shell[0]).args(&shell[1..]).args(["-n", "-c", script]).output().unwrap();
                assert!(read.status.success(), "{shell:?}: {}", String::from_utf8_lossy(&read.stderr));
            }
        }
    }

    /// Linux takes 128 KiB as one argument; a hundredth of a second's transfer is a fair share of it.
    #[test]
    fn the_line_is_short() {
        assert!(LINE.len() < 16 << 10, "{} bytes", LINE.len());
    }
}
