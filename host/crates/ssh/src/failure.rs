//! Failures that say what happened and what to do.

use corral_engine::ports::Failure;

/// Longest text of a server that is shown in a message, in characters.
const QUOTE_MAX: usize = 120;

/// A failure at a step.
pub(crate) fn failure(step: &'static str, message: impl Into<String>, remedy: impl Into<String>) -> Failure {
    Failure { step, message: message.into(), remedy: remedy.into(), offered_host_key: None }
}

/// What a server sent, fit for a message: short, on one line, nothing that a terminal would obey.
pub(crate) fn quote_bytes(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut shown: String =
        text.trim().chars().take(QUOTE_MAX).map(|c| if c.is_control() || c == '\u{fffd}' { '.' } else { c }).collect();
    if text.trim().chars().count() > QUOTE_MAX {
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_server_sent_cannot_drive_the_terminal_of_its_reader() {
        assert_eq!(quote_bytes(b"\x1b]0;x\x07HTTP/1.1 400\r\n"), ".]0;x.HTTP/1.1 400");
        assert!(quote_bytes(&[b'A'; 5000]).chars().count() <= QUOTE_MAX + 1);
    }
}
