//! The label selector: `env=prod,role=web|db,!canary,web-*`.
//!
//! ```text
//! selector     = part *( "," part )          all parts must hold; blanks around a part are no part of it
//! part         = "all"                       every VM
//!              | key "=" alternatives        the label has one of these values
//!              | key "!=" alternatives       it has none of them; a VM without the label is chosen too
//!              | alternatives                one of these is a label of the VM, or its name
//!              | "!" alternatives            none of these is
//! alternatives = pattern *( "|" pattern )
//! pattern      = any text; "*" stands for any run of characters
//! ```
//!
//! The key `name` means the VM's name, unless it has a label of that key. An empty value is a value: `canary=` is the label
//! that says nothing. There are no parentheses: `,` binds weaker than `|`, and what cannot be said with both is said by
//! a label. An empty selector is an error where targets are chosen, so that nothing ever means "everything" by accident.

use std::fmt;
use std::str::FromStr;

use crate::{Labels, Vm, validate_label};

/// Of a part that is wrong, so many characters are shown.
const PART_SHOWN_MAX: usize = 80;

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
    Equals(String, Patterns),
    Differs(String, Patterns),
    Present(Patterns),
    Absent(Patterns),
}

/// Patterns of which one must fit.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Patterns(Vec<String>);

impl Patterns {
    fn admit(&self, text: &str) -> bool {
        self.0.iter().any(|pattern| matches_pattern(pattern, text))
    }

    /// Whether one of them is a label of a VM, or its name.
    fn admit_vm(&self, name: &str, labels: &Labels) -> bool {
        self.0.iter().any(|word| labels.contains_key(word) || matches_pattern(word, name))
    }
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
            Term::Equals(key, patterns) => value_of(key, name, labels).is_some_and(|value| patterns.admit(value)),
            Term::Differs(key, patterns) => !value_of(key, name, labels).is_some_and(|value| patterns.admit(value)),
            Term::Present(patterns) => patterns.admit_vm(name, labels),
            Term::Absent(patterns) => !patterns.admit_vm(name, labels),
        })
    }
}

/// `name=…` speaks of the VM's name unless a label of that key exists.
fn value_of<'a>(key: &str, name: &'a str, labels: &'a Labels) -> Option<&'a str> {
    labels.get(key).map(String::as_str).or_else(|| (key == "name").then_some(name))
}

/// Whether a text fits a pattern in which `*` stands for any run of characters. Takes time linear in the product of both lengths.
pub fn matches_pattern(pattern: &str, text: &str) -> bool {
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
    let fail = |problem| InvalidSelector { part: part.chars().take(PART_SHOWN_MAX).collect(), problem };
    let patterns = |text: &str| {
        let all: Vec<String> = text.split('|').map(str::to_owned).collect();
        let gap = all.len() > 1 && all.iter().any(String::is_empty);
        if gap { Err(fail("has nothing on one side of `|`; write `role=web|db`")) } else { Ok(Patterns(all)) }
    };
    if part.is_empty() {
        return Err(fail("is empty; write `all` to choose every VM, and one `,` between two parts"));
    }
    if part == "all" {
        return Ok(Term::All);
    }
    if let Some((key, value)) = part.split_once("!=") {
        return match key.trim_end() {
            "" => Err(fail("has no key before `!=`; write `role!=db`")),
            key => Ok(Term::Differs(check_key(key).map_err(fail)?, patterns(value.trim_start())?)),
        };
    }
    if let Some((key, value)) = part.split_once('=') {
        return match key.trim_end() {
            "" => Err(fail("has no key before `=`; write `env=prod`")),
            key => Ok(Term::Equals(check_key(key).map_err(fail)?, patterns(value.trim_start())?)),
        };
    }
    match part.strip_prefix('!').map(str::trim_start) {
        Some("") => Err(fail("has nothing after `!`; write `!canary` for VMs without that label or name")),
        Some(words) => Ok(Term::Absent(patterns(words)?)),
        None => Ok(Term::Present(patterns(part)?)),
    }
}

/// A key is what a label can have. Without this, `!env=prod` and `a b=c` would choose nothing or everything, silently.
fn check_key(key: &str) -> Result<String, &'static str> {
    if key.starts_with('!') {
        return Err("has `!` before a key; write `env!=prod` for VMs where the label is another");
    }
    match validate_label(key, "") {
        Ok(()) => Ok(key.to_owned()),
        Err(_) => Err("has a key that no label has; a key is made of letters, digits, `.`, `_`, `/` and `-`"),
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;
    use proptest::sample::select;

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
    fn alternatives_are_joined_by_a_bar() {
        let db = [("env", "prod"), ("role", "db")];
        assert!(admits("env=prod,role=web|db", "db-1", &db));
        assert!(admits("role=web|d*", "db-1", &db));
        assert!(!admits("role!=web|db", "db-1", &db));
        assert!(admits("role!=web|db", "x", &[]), "a VM without the label is not one of those with it");
        assert!(admits("web-*|db-1", "db-1", &[]) && admits("canary|db-1", "web-1", &[("canary", "")]));
        assert!(!admits("!web-1|db-1", "db-1", &[]) && admits("!web-1|db-1", "db-2", &[]));
        assert!(admits("canary=", "x", &[("canary", "")]) && !admits("canary=", "x", &[("canary", "yes")]));
    }

    #[test]
    fn blanks_around_parts_and_signs_do_not_count() {
        assert!(admits(" env = prod , ! canary ", "x", &[("env", "prod")]));
        assert!(admits("note=two words", "x", &[("note", "two words")]));
    }

    #[test]
    fn what_cannot_be_read_names_its_part_and_says_what_would_be_right() {
        for (text, part) in [
            ("", ""),
            ("a=1,,b", ""),
            ("=x", "=x"),
            ("!", "!"),
            ("!=x", "!=x"),
            ("env=prod,!role=db", "!role=db"),
            ("role=web|", "role=web|"),
            ("web-1||web-2", "web-1||web-2"),
            ("a b=c", "a b=c"),
        ] {
            let error = text.parse::<Selector>().unwrap_err();
            assert_eq!(error.part, part, "{text}");
            assert!(error.problem.contains("; "), "{text}: {error} says what would be right");
        }
    }

    fn word() -> impl Strategy<Value = String> {
        select(vec!["web", "db", "prod", "web-1", "web-17", "x", "canary"]).prop_map(str::to_owned)
    }

    fn labels() -> impl Strategy<Value = Labels> {
        btree_map(select(vec!["env", "role", "canary"]).prop_map(str::to_owned), word(), 0..3)
    }

    fn part() -> impl Strategy<Value = String> {
        let alternatives = || vec(word(), 1..3).prop_map(|words| words.join("|"));
        let key = || select(vec!["env", "role", "name", "canary"]);
        prop_oneof![
            Just("all".to_owned()),
            (key(), alternatives()).prop_map(|(key, values)| format!("{key}={values}")),
            (key(), alternatives()).prop_map(|(key, values)| format!("{key}!={values}")),
            alternatives(),
            alternatives().prop_map(|words| format!("!{words}")),
        ]
    }

    proptest! {
        #[test]
        fn a_selector_is_the_conjunction_of_its_parts(parts in vec(part(), 1..4), name in word(), labels in labels()) {
            let admit = |text: &str| text.parse::<Selector>().unwrap().admits_parts(&name, &labels);
            let each = parts.iter().all(|part| admit(part));
            prop_assert_eq!(admit(&parts.join(",")), each);
            prop_assert_eq!(admit(&parts.join(" , ")), each);
        }

        #[test]
        fn of_a_part_and_its_contrary_exactly_one_holds(
            key in select(vec!["env", "role", "name"]), values in vec(word(), 1..3), name in word(), labels in labels()
        ) {
            let values = values.join("|");
            let admit = |text: String| text.parse::<Selector>().unwrap().admits_parts(&name, &labels);
            prop_assert_ne!(admit(format!("{key}={values}")), admit(format!("{key}!={values}")));
            prop_assert_ne!(admit(values.clone()), admit(format!("!{values}")));
        }

        #[test]
        fn alternatives_are_the_disjunction_of_their_patterns(values in vec(word(), 1..4), name in word(), labels in labels()) {
            let admit = |text: &str| text.parse::<Selector>().unwrap().admits_parts(&name, &labels);
            prop_assert_eq!(admit(&format!("role={}", values.join("|"))), values.iter().any(|v| admit(&format!("role={v}"))));
            prop_assert_eq!(admit(&values.join("|")), values.iter().any(|v| admit(v)));
        }

        #[test]
        fn any_text_is_read_or_refused_with_its_part(text in "[a-c=!|*, .]{0,12}", name in word(), labels in labels()) {
            match text.parse::<Selector>() {
                Ok(selector) => {
                    prop_assert_eq!(selector.to_string(), text);
                    selector.admits_parts(&name, &labels);
                }
                Err(error) => prop_assert!(text.contains(&error.part)),
            }
        }

        #[test]
        fn a_star_stands_for_any_run(parts in vec("[ab]{0,2}", 1..4), fill in vec("[abc]{0,3}", 3)) {
            let text: String =
                parts.iter().zip(&fill).flat_map(|(part, fill)| [part.as_str(), fill.as_str()]).collect();
            let last = parts.len() - 1;
            let text = text.strip_suffix(&fill[last]).unwrap_or(&text).to_owned();
            prop_assert!(matches_pattern(&parts.join("*"), &text), "{} against {}", parts.join("*"), text);
        }
    }
}
