//! What an operator says of an inventory; `config.schema.json` says the same to the dashboard.

use std::collections::BTreeMap;

use corral_plugin_sdk::prelude::*;

use crate::labels::LabelSet;
use crate::pointer::Pointer;
use crate::template::{Element, Field};

/// Pages of one inventory that are asked for, unless the operator says otherwise.
const PAGES: usize = 100;
/// Machines of one inventory that are taken, unless the operator says otherwise.
const MACHINES: usize = 10_000;

/// The configuration.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// The inventories, one after the other.
    pub sources: Vec<Source>,
}

/// One inventory.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Its name; begins the ids of its machines.
    pub name: String,
    /// Where its first page is.
    pub url: String,
    /// Headers that are sent.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The token that is sent.
    pub token: Option<Token>,
    /// Where the list is on a page; nothing: the page is the list.
    #[serde(default)]
    pub list: Pointer,
    /// How to come to the next page; nothing: there is one page.
    pub paging: Option<Paging>,
    /// What of an element is what of a machine.
    pub fields: Fields,
    /// Labels, each of one text.
    #[serde(default)]
    pub labels: BTreeMap<String, Field>,
    /// Labels, many at once.
    #[serde(default)]
    pub label_sets: Vec<LabelSet>,
    /// Conditions that a machine has to meet, all of them.
    #[serde(default)]
    pub only: Vec<Condition>,
    /// Machines that are not in the list, such as the gateway to those that are.
    #[serde(default)]
    pub gateways: Vec<Gateway>,
    /// Most pages.
    #[serde(default = "pages")]
    pub max_pages: usize,
    /// Most machines.
    #[serde(default = "machines")]
    pub max_machines: usize,
}

fn pages() -> usize {
    PAGES
}

fn machines() -> usize {
    MACHINES
}

/// A token from a secret.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// The secret's name.
    pub secret: String,
    /// The header in which it is sent.
    #[serde(default = "authorization")]
    pub header: String,
    /// What stands before it.
    #[serde(default = "bearer")]
    pub prefix: String,
}

fn authorization() -> String {
    "Authorization".into()
}

fn bearer() -> String {
    "Bearer ".into()
}

/// How to come to the next page.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Paging {
    /// Its URL is on the page.
    NextLink {
        /// Where.
        pointer: Pointer,
    },
    /// Its URL is in the header `Link`, as `rel="next"`.
    LinkHeader,
    /// Pages have numbers.
    Page {
        /// The parameter of the URL.
        #[serde(default = "page_parameter")]
        parameter: String,
        /// Number of the first page.
        #[serde(default = "first_page")]
        first: usize,
        /// Where the page says how many elements there are in all; nothing: an empty page is the last.
        total: Option<Pointer>,
    },
    /// Pages begin at an element.
    Offset {
        /// The parameter of the URL.
        #[serde(default = "offset_parameter")]
        parameter: String,
        /// Where the page says how many elements there are in all; nothing: an empty page is the last.
        total: Option<Pointer>,
    },
    /// The page holds a word for the next one.
    Cursor {
        /// The parameter of the URL.
        parameter: String,
        /// Where the word is.
        pointer: Pointer,
    },
}

fn page_parameter() -> String {
    "page".into()
}

fn first_page() -> usize {
    1
}

fn offset_parameter() -> String {
    "offset".into()
}

/// What of an element is what of a machine.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fields {
    /// What stays the same when all else changes; the name, if it is not given.
    pub id: Option<Field>,
    /// What it is called.
    pub name: Field,
    /// Where it is; the name, if it is not given.
    pub address: Option<Field>,
    /// The port of its SSH server.
    pub port: Option<Field>,
    /// Who logs in.
    pub user: Option<Field>,
    /// Ids of the hops to it.
    pub jump: Option<Field>,
    /// Path of the private key, on the machine of the host.
    pub identity_file: Option<Field>,
    /// Its public host keys.
    pub host_keys: Option<Field>,
    /// Whether it runs.
    pub running: Option<Condition>,
}

/// Something that is true of an element or not.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// What is looked at.
    pub value: Field,
    /// It is one of these, `*` for any run of characters; none: any will do.
    #[serde(default)]
    pub is: Vec<String>,
    /// It is none of these.
    #[serde(default)]
    pub not: Vec<String>,
}

impl Condition {
    /// Whether it is met; none if there is nothing to look at.
    pub fn met(&self, element: Element<'_>) -> Option<bool> {
        let values = self.value.texts(element);
        let one_of = |list: &[String]| values.iter().any(|value| list.iter().any(|pattern| fits(pattern, value)));
        (!values.is_empty()).then(|| (self.is.is_empty() || one_of(&self.is)) && !one_of(&self.not))
    }

    /// Whether an element is to be taken. What has no such value is, unless a value is asked for.
    pub fn admits(&self, element: Element<'_>) -> bool {
        self.met(element).unwrap_or(self.is.is_empty() && !self.not.is_empty())
    }
}

/// Whether a text fits a pattern in which `*` is any run of characters.
fn fits(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let mut parts: Vec<_> = rest.split('*').collect();
    let last = parts.pop().unwrap_or_default();
    for part in parts {
        let Some(at) = text.find(part) else { return false };
        text = &text[at + part.len()..];
    }
    text.ends_with(last)
}

/// A machine that the operator describes.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gateway {
    /// What it is called, and its id for `jump`.
    pub name: String,
    /// Where it is.
    pub address: String,
    /// The port of its SSH server.
    pub port: Option<u16>,
    /// Who logs in.
    pub user: Option<String>,
    /// Path of the private key, on the machine of the host.
    pub identity_file: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn stars_stand_for_any_run_of_characters() {
        for (pattern, text, wanted) in [
            ("web", "web", true),
            ("web", "web-1", false),
            ("web-*", "web-1", true),
            ("*-1", "web-1", true),
            ("w*b*1", "web-1", true),
            ("*", "", true),
            ("a*a", "a", false),
            ("**", "x", true),
            ("a*b*c", "a-c", false),
        ] {
            assert_eq!(fits(pattern, text), wanted, "{pattern} for {text}");
        }
    }

    #[test]
    fn what_an_element_does_not_say_is_not_what_was_asked_for() {
        let meets = |condition: Value, element: Value| {
            let condition: Condition = serde_json::from_value(condition).unwrap();
            (
                condition.met(Element { value: &element, key: None }),
                condition.admits(Element { value: &element, key: None }),
            )
        };
        let is = json!({"value": "{/s}", "is": ["on", "up*"]});
        let not = json!({"value": "{/s}", "not": ["off"]});
        let there = json!({"value": "{/s}"});
        let list = json!({"value": "{/t}", "is": ["b"], "not": ["c"]});
        for (condition, element, met, taken) in [
            (&is, json!({"s": "on"}), Some(true), true),
            (&is, json!({"s": "upgrading"}), Some(true), true),
            (&is, json!({"s": "off"}), Some(false), false),
            (&is, json!({}), None, false),
            (&not, json!({"s": "on"}), Some(true), true),
            (&not, json!({"s": "off"}), Some(false), false),
            (&not, json!({}), None, true),
            (&there, json!({"s": 1}), Some(true), true),
            (&there, json!({"s": null}), None, false),
            (&list, json!({"t": ["a", "b"]}), Some(true), true),
            (&list, json!({"t": ["b", "c"]}), Some(false), false),
        ] {
            assert_eq!(meets(condition.clone(), element.clone()), (met, taken), "{condition} for {element}");
        }
    }
}
