//! Patterns of ssh_config: `*`, `?`, negation and lists.

/// Whether a pattern fits a whole text. Iterative, so that `*a*a*a*b` costs no exponential time.
pub fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut p, mut t) = (0, 0);
    let mut star = None;
    while t < text.len() {
        match pattern.get(p) {
            Some(b'*') => {
                star = Some((p, t));
                p += 1;
            }
            Some(b'?') => (p, t) = (p + 1, t + 1),
            Some(byte) if *byte == text[t] => (p, t) = (p + 1, t + 1),
            _ => match star {
                Some((at, from)) => {
                    star = Some((at, from + 1));
                    (p, t) = (at + 1, from + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

/// Whether a list admits a text: one of its patterns fits and none of the negated ones does.
pub fn list_fits<'a>(patterns: impl IntoIterator<Item = &'a str>, text: &str) -> bool {
    let mut admitted = false;
    for pattern in patterns {
        match pattern.strip_prefix('!') {
            Some(negated) if fits(negated, text) => return false,
            Some(_) => {}
            None => admitted |= fits(pattern, text),
        }
    }
    admitted
}

/// Whether it is a name rather than a pattern.
pub fn is_concrete(pattern: &str) -> bool {
    !pattern.is_empty() && !pattern.contains(['*', '?']) && !pattern.starts_with('!')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_question_marks_stand_for_what_they_should() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("web-?", "web-1", true),
            ("web-?", "web-10", false),
            ("*.example.*", "a.example.org", true),
            ("*a*b", "xaxxb", true),
            ("*a*b", "xaxxbc", false),
            ("", "x", false),
        ] {
            assert_eq!(fits(pattern, text), expected, "{pattern} {text}");
        }
        assert!(!fits(&"*a".repeat(40), &"a".repeat(39)));
    }

    #[test]
    fn a_negated_pattern_that_fits_refuses_whatever_else_fits() {
        assert!(list_fits(["*", "!db-*"], "web-1"));
        assert!(!list_fits(["*", "!db-*"], "db-1"));
        assert!(!list_fits(["!db-*"], "web-1"));
    }
}
