//! Takes escape sequences out of a command's bytes: colours, cursor movements, titles, whatever begins with ESC.
//!
//! Works on bytes, as output need not be UTF-8; every other byte stays. What a line leaves unfinished ends with it, so that one
//! broken sequence cannot swallow the lines behind it.

const ESC: u8 = 0x1b;
const BEL: u8 = 0x07;

/// Where in a sequence the next byte is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Place {
    /// In none.
    #[default]
    Text,
    /// Behind ESC.
    Escape,
    /// Behind ESC and intermediate bytes: one final byte is to come.
    Intermediate,
    /// In a control sequence (ESC `[`).
    Control,
    /// In a string (OSC, DCS, SOS, PM, APC) that ends with BEL or ESC `\`.
    String,
    /// Behind an ESC in a string.
    StringEscape,
}

/// Strips one stream of output. A line may come in parts.
#[derive(Debug, Default)]
pub struct Stripper {
    place: Place,
}

impl Stripper {
    /// Adds to `out` what is left of a line, or of a part of one.
    pub fn strip(&mut self, text: &[u8], out: &mut Vec<u8>) {
        for byte in text {
            let (place, kept) = step(self.place, *byte);
            self.place = place;
            if kept {
                out.push(*byte);
            }
        }
    }

    /// The line has ended.
    pub fn end_line(&mut self) {
        self.place = Place::Text;
    }
}

/// What follows a byte, and whether it is text.
#[expect(clippy::match_same_arms, reason = "one arm for each way on, in the order of the standard, ECMA-48")]
fn step(place: Place, byte: u8) -> (Place, bool) {
    match (place, byte) {
        (Place::Text, ESC) => (Place::Escape, false),
        (Place::Text, _) => (Place::Text, true),
        (Place::String, BEL) | (Place::StringEscape, b'\\') => (Place::Text, false),
        (Place::String, ESC) => (Place::StringEscape, false),
        (Place::String, _) => (Place::String, false),
        (Place::Control, 0x20..=0x3f) => (Place::Control, false),
        (Place::Control | Place::Intermediate, 0x40..=0x7e) => (Place::Text, false),
        (Place::Escape | Place::Intermediate, 0x20..=0x2f) => (Place::Intermediate, false),
        // An ESC in a string that no `\` follows begins another sequence.
        (Place::Escape | Place::StringEscape, b'[') => (Place::Control, false),
        (Place::Escape | Place::StringEscape, b']' | b'P' | b'X' | b'^' | b'_') => (Place::String, false),
        (Place::Escape | Place::StringEscape | Place::Intermediate, 0x30..=0x7e) => (Place::Text, false),
        // Whatever it was to become, it is over: this byte belongs to no sequence.
        (_, ESC) => (Place::Escape, false),
        (_, _) => (Place::Text, true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stripped(parts: &[&[u8]]) -> Vec<u8> {
        let (mut stripper, mut out) = (Stripper::default(), Vec::new());
        for part in parts {
            stripper.strip(part, &mut out);
        }
        stripper.end_line();
        stripper.strip(b"|next", &mut out);
        out
    }

    #[test]
    fn sequences_go_and_every_other_byte_stays() {
        for (written, left) in [
            (&b"\x1b[31mred\x1b[0m"[..], &b"red"[..]),
            (b"a\x1b[2Jb\x1b[?25lc\x1b[10;10Hd", b"abcd"),
            (b"a\x1b]52;c;ZXZpbA==\x07b\x1b]0;title\x1b\\c", b"abc"),
            (b"a\x1bP1;1|x\x1b\\b\x1b(Bc\x1b7d", b"abcd"),
            (b"\xff\x00\t\r\x07x", b"\xff\x00\t\r\x07x"),
            (b"open \x1b]0;never closed", b"open "),
            (b"cut \x1b[", b"cut "),
            (b"\x1b\x1b[1mx", b"x"),
            (b"a\x1b[3\xc3\xa9", b"a\xc3\xa9"),
        ] {
            assert_eq!(stripped(&[written]), [left, b"|next"].concat(), "{written:?}");
        }
    }

    #[test]
    fn a_sequence_may_lie_across_the_parts_of_a_long_line() {
        let whole = b"one \x1b[1;31mtwo\x1b]0;title\x1b\\ three\x1b(B";
        for at in 0..whole.len() {
            assert_eq!(stripped(&[&whole[..at], &whole[at..]]), b"one two three|next", "cut at {at}");
        }
    }
}
