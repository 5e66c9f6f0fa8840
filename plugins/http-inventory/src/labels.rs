//! Labels of a machine: of its tags, however an inventory writes them.

use std::collections::BTreeMap;

use corral_plugin_sdk::Label;
use corral_plugin_sdk::prelude::*;
use serde_json::Value;

use crate::config::Source;
use crate::pointer::{Pointer, text_of};
use crate::template::Element;

/// The most labels of a machine; the host keeps 64.
const LABELS_MAX: usize = 60;

/// The longest key of a label, in bytes, and the longest value.
const KEY_MAX: usize = 63;
const VALUE_MAX: usize = 255;

/// Labels, many at once.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelSet {
    /// Where the tags are: an object, a list, or a text.
    pub from: Pointer,
    /// What stands before each key.
    #[serde(default)]
    pub prefix: String,
    /// Of a list of objects: where the key is in each.
    pub key: Option<Pointer>,
    /// Of a list of objects: where the value is in each.
    pub value: Option<Pointer>,
    /// Of a text: what separates the tags in it.
    pub split: Option<String>,
    /// What separates key and value inside a tag.
    pub pairs: Option<String>,
}

/// All labels of an element, and how many were too many.
pub fn labels_of(source: &Source, element: Element<'_>) -> (Vec<Label>, usize) {
    let mut found = BTreeMap::new();
    for set in &source.label_sets {
        for place in set.from.all(element.value) {
            set.collect(place, &mut found);
        }
    }
    for (key, field) in &source.labels {
        if let Some(value) = field.text(element) {
            found.insert(clean_key(key), cut(&value));
        }
    }
    found.remove("");
    found.insert("source".into(), "http-inventory".into());
    found.insert("inventory".into(), cut(&source.name));
    let too_many = found.len().saturating_sub(LABELS_MAX);
    (found.into_iter().take(LABELS_MAX).map(|(key, value)| Label::new(key, value)).collect(), too_many)
}

impl LabelSet {
    fn collect(&self, place: &Value, found: &mut BTreeMap<String, String>) {
        match place {
            Value::Array(elements) => elements.iter().for_each(|element| self.collect(element, found)),
            Value::Object(members) => match &self.key {
                Some(key) => {
                    let value = self.value.as_ref().and_then(|value| value.all(place).into_iter().find_map(text_of));
                    if let Some(key) = key.all(place).into_iter().find_map(text_of) {
                        self.add(&key, value.as_deref(), found);
                    }
                }
                None => members.iter().for_each(|(key, value)| {
                    if let Some(value) = text_of(value) {
                        self.add(key, Some(&value), found);
                    }
                }),
            },
            other => {
                let Some(text) = text_of(other) else { return };
                let tags =
                    self.split.as_deref().map_or_else(|| vec![text.as_str()], |split| text.split(split).collect());
                for tag in tags.into_iter().map(str::trim).filter(|tag| !tag.is_empty()) {
                    match self.pairs.as_deref().and_then(|between| tag.split_once(between)) {
                        Some((key, value)) => self.add(key, Some(value), found),
                        None => self.add(tag, None, found),
                    }
                }
            }
        }
    }

    fn add(&self, key: &str, value: Option<&str>, found: &mut BTreeMap<String, String>) {
        found.insert(clean_key(&format!("{}{key}", self.prefix)), cut(value.unwrap_or("yes")));
    }
}

/// A label's key of what may hold anything.
fn clean_key(text: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._/-".contains(c);
    text.trim().chars().map(|c| if fits(c) { c } else { '_' }).take(KEY_MAX).collect()
}

/// A label's value: one line, not too long.
fn cut(text: &str) -> String {
    let text = &text[..text.floor_char_boundary(VALUE_MAX)];
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
