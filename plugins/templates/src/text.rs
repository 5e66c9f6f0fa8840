//! Text with placeholders: `{{name}}`, `{{vm.name}}`, `{{vm.labels.role}}`.
//!
//! Only a bare name between the braces is a placeholder, so that Go templates such as `{{.Names}}` or `{{json .}}` pass
//! unharmed; `\{{` is a brace pair in any case. Filling one in never makes a new one.

/// A piece of text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// As it is.
    Literal(String),
    /// To be filled in.
    Placeholder(String),
}

/// Text cut at its placeholders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Text(pub Vec<Piece>);

impl Text {
    /// Cuts a text.
    pub fn parse(source: &str) -> Self {
        let mut pieces = Vec::new();
        let mut literal = String::new();
        let mut rest = source;
        while let Some(at) = rest.find("{{") {
            let after = &rest[at + 2..];
            if rest[..at].ends_with('\\') {
                literal.push_str(&rest[..at - 1]);
                literal.push_str("{{");
                rest = after;
                continue;
            }
            literal.push_str(&rest[..at]);
            let name = after.find("}}").map(|end| (&after[..end], end)).filter(|(name, _)| is_name(name.trim()));
            if let Some((name, end)) = name {
                if !literal.is_empty() {
                    pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                }
                pieces.push(Piece::Placeholder(name.trim().to_owned()));
                rest = &after[end + 2..];
            } else {
                literal.push_str("{{");
                rest = after;
            }
        }
        literal.push_str(rest);
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        Self(pieces)
    }

    /// Names of its placeholders.
    pub fn placeholders(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|piece| match piece {
            Piece::Placeholder(name) => Some(name.as_str()),
            Piece::Literal(_) => None,
        })
    }

    /// The placeholder that it consists of, if it is nothing else.
    pub fn sole_placeholder(&self) -> Option<&str> {
        match self.0.as_slice() {
            [Piece::Placeholder(name)] => Some(name),
            _ => None,
        }
    }

    /// Fills the placeholders in.
    pub fn fill<E>(&self, mut value: impl FnMut(&str) -> Result<String, E>) -> Result<String, E> {
        let mut filled = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Literal(text) => filled.push_str(text),
                Piece::Placeholder(name) => filled.push_str(&value(name)?),
            }
        }
        Ok(filled)
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "_.-/".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(source: &str) -> Vec<String> {
        let shown = |piece: &Piece| match piece {
            Piece::Literal(text) => text.clone(),
            Piece::Placeholder(name) => format!("<{name}>"),
        };
        Text::parse(source).0.iter().map(shown).collect()
    }

    #[test]
    fn only_bare_names_are_placeholders() {
        assert_eq!(cut("a{{b}}c"), ["a", "<b>", "c"]);
        assert_eq!(cut("{{ vm.labels.app/tier }}"), ["<vm.labels.app/tier>"]);
        for literal in ["", "plain", "{{.Names}}", "{{json .}}", "{{", "}}{", "{{}}", "{{a"] {
            assert_eq!(cut(literal).concat(), literal);
        }
        assert_eq!(cut("{{{a}}}").concat(), "{{{a}}}");
    }

    #[test]
    fn a_backslash_keeps_braces() {
        assert_eq!(cut(r"\{{end}} {{x}}"), ["{{end}} ", "<x>"]);
    }

    #[test]
    fn what_is_filled_in_is_not_read_again() {
        let filled = Text::parse("[{{a}}]").fill(|_| Ok::<_, ()>("{{b}}".to_owned()));
        assert_eq!(filled.as_deref(), Ok("[{{b}}]"));
    }
}
