//! The label selector: `env=prod,role!=db,!canary,web-1`.
//!
//! Parts are joined by `,` and all must hold. A part is `key=value`, `key!=value`, `key` (the label exists, or the VM
//! has that name), `!key` (neither), where `value` and names may contain `*` for any run of characters. `all` admits every VM; an empty
//! selector is an error where targets are chosen, so that nothing ever means "everything" by accident.

use std::fmt;
use std::str::FromStr;

use crate::{Labels, Vm};

/// A selector that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("selector, part `{part}`: {problem}")]
pub struct InvalidSelector {
    /// The part that is wrong.
    pub part: String,
    /// What is wrong with it.
    pub problem: &'static str,
}

/// A parsed selector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Selector {
    terms: Vec<Term>,
    text: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Term {
    All,
    Equals(String, String),
    Differs(String, String),
    Present(String),
    Absent(String),
}

impl Selector {
    /// Whether the VM is chosen.
    pub fn admits(&self, vm: &Vm) -> bool {
        self.admits_parts(&vm.name, &vm.labels)
    }

    /// Whether a VM of this name with these labels is chosen.
    pub fn admits_parts(&self, name: &str, labels: &Labels) -> bool {
        self.terms.iter().all(|term| match term {
            Term::All => true,
            Term::Equals(key, pattern) => value_of(key, name, labels).is_some_and(|value| matches(pattern, value)),
            Term::Differs(key, pattern) => !value_of(key, name, labels).is_some_and(|value| matches(pattern, value)),
            Term::Present(word) => labels.contains_key(word) || matches(word, name),
            Term::Absent(word) => !labels.contains_key(word) && !matches(word, name),
        })
    }
}

/// `name=…` speaks of the VM's name unless a label of that key exists.
fn value_of<'a>(key: &str, name: &'a str, labels: &'a Labels) -> Option<&'a str> {
    labels.get(key).map(String::as_str).or_else(|| (key == "name").then_some(name))
}

/// Glob with `*` only; linear in the product of both lengths, both of which are bounded.
fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or("");
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else { return rest.is_empty() };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

impl FromStr for Selector {
    type Err = InvalidSelector;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let terms = text.split(',').map(|part| parse_term(part.trim())).collect::<Result<_, _>>()?;
        Ok(Self { terms, text: text.to_owned() })
    }
}

fn parse_term(part: &str) -> Result<Term, InvalidSelector> {
    let fail = |problem| Err(InvalidSelector { part: part.chars().take(80).collect(), problem });
    if part.is_empty() {
        return fail("is empty; write `all` to choose every VM");
    }
    if part == "all" {
        return Ok(Term::All);
    }
    if let Some((key, value)) = part.split_once("!=") {
        return if key.is_empty() {
            fail("has no key before `!=`")
        } else {
            Ok(Term::Differs(key.into(), value.into()))
        };
    }
    if let Some((key, value)) = part.split_once('=') {
        return if key.is_empty() { fail("has no key before `=`") } else { Ok(Term::Equals(key.into(), value.into())) };
    }
    match part.strip_prefix('!') {
        Some("") => fail("`!` needs a label or a name after it"),
        Some(word) => Ok(Term::Absent(word.into())),
        None => Ok(Term::Present(part.into())),
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(selector: &str, name: &str, labels: &[(&str, &str)]) -> bool {
        let labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        selector.parse::<Selector>().unwrap().admits_parts(name, &labels)
    }

    #[test]
    fn all_parts_must_hold() {
        let web = [("env", "prod"), ("role", "web")];
        assert!(admits("env=prod,role=web,!canary", "web-1", &web));
        assert!(!admits("env=prod,role=db", "web-1", &web));
        assert!(!admits("env=prod,!canary", "web-1", &[("env", "prod"), ("canary", "")]));
        assert!(admits("role!=db", "x", &[]));
        assert!(!admits("role=db", "x", &[]));
    }

    #[test]
    fn a_bare_word_is_a_label_or_a_name_and_a_star_stands_for_anything() {
        assert!(admits("web-*", "web-17", &[]));
        assert!(!admits("web-*", "db-1", &[]));
        assert!(admits("*", "anything", &[]));
        assert!(admits("w*-*7", "web-17", &[]));
        assert!(!admits("!web-1", "web-1", &[]));
        assert!(admits("name=web-1", "web-1", &[]));
        assert!(admits("env=p*", "x", &[("env", "prod")]));
    }

    #[test]
    fn what_cannot_be_read_names_its_part() {
        for (text, part) in [("", ""), ("a=1,,b", ""), ("=x", "=x"), ("!", "!"), ("!=x", "!=x")] {
            assert_eq!(text.parse::<Selector>().unwrap_err().part, part, "{text}");
        }
    }
}
