//! Templates: named commands with typed parameters.

use serde::{Deserialize, Serialize};

use crate::{Mode, Timestamp, VmId};

/// Where a template comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A plugin of this id offers it.
    Plugin(String),
    /// A person saved it.
    Saved,
}

/// A template as it is listed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Template {
    /// `plugin-id/template-id`, or `saved/slug`.
    pub id: String,
    /// Where it comes from.
    pub origin: Origin,
    /// One line.
    pub title: String,
    /// What it does.
    pub description: String,
    /// Where it is filed.
    pub category: String,
    /// JSON Schema (draft 2020-12) of its parameters; an object schema.
    pub parameters: serde_json::Value,
    /// How it runs unless the job says otherwise.
    pub mode: Mode,
    /// Asks for confirmation.
    pub dangerous: bool,
    /// 0: the host's default.
    pub timeout_seconds: u32,
    /// Label selector; empty: suited to all.
    pub applies_to: String,
}

impl Template {
    /// Arguments as they may be kept and shown: without those that the template marks as secret, by `writeOnly` or the format
    /// `password`. They are for the command alone.
    pub fn without_secrets(&self, mut args: serde_json::Value) -> serde_json::Value {
        leave_out_secrets(&mut args, &self.parameters, NESTED_MAX);
        args
    }
}

/// Schemas within schemas that are looked through; forms show one level.
const NESTED_MAX: u8 = 16;

fn leave_out_secrets(args: &mut serde_json::Value, schema: &serde_json::Value, deep: u8) {
    let Some(properties) = schema.get("properties").and_then(serde_json::Value::as_object) else { return };
    let Some(args) = args.as_object_mut() else { return };
    args.retain(|name, _| properties.get(name).is_none_or(|property| !is_secret(property)));
    if deep > 0 {
        for (name, value) in args {
            if let Some(property) = properties.get(name) {
                leave_out_secrets(value, property, deep - 1);
            }
        }
    }
}

fn is_secret(property: &serde_json::Value) -> bool {
    property.get("writeOnly") == Some(&serde_json::Value::Bool(true))
        || property.get("format").and_then(serde_json::Value::as_str) == Some("password")
}

/// What a person saved: a script with a title, for all VMs or for one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedTemplate {
    /// Unique: `a-z 0-9 -`.
    pub slug: String,
    /// One line.
    pub title: String,
    /// What it does.
    pub description: String,
    /// Where it is filed.
    pub category: String,
    /// The shell text.
    pub script: String,
    /// Asks for confirmation.
    pub dangerous: bool,
    /// Saved for one VM only.
    pub vm: Option<VmId>,
    /// Last change.
    pub updated_at: Timestamp,
}

impl SavedTemplate {
    /// Its id among all templates.
    pub fn id(&self) -> String {
        format!("saved/{}", self.slug)
    }

    /// As it is listed.
    pub fn to_template(&self) -> Template {
        Template {
            id: self.id(),
            origin: Origin::Saved,
            title: self.title.clone(),
            description: self.description.clone(),
            category: self.category.clone(),
            parameters: serde_json::json!({"type": "object", "properties": {}, "additionalProperties": false}),
            mode: Mode::default(),
            dangerous: self.dangerous,
            timeout_seconds: 0,
            applies_to: String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn template(parameters: serde_json::Value) -> Template {
        Template {
            id: "ops/login".into(),
            origin: Origin::Plugin("ops".into()),
            title: "Log in".into(),
            description: String::new(),
            category: String::new(),
            parameters,
            mode: Mode::default(),
            dangerous: false,
            timeout_seconds: 0,
            applies_to: String::new(),
        }
    }

    #[test]
    fn secret_arguments_are_left_out_and_no_others() {
        let secret = json!({"type": "string", "writeOnly": true});
        let template = template(json!({"type": "object", "properties": {
            "user": {"type": "string"}, "token": secret, "pin": {"type": "string", "format": "password"},
            "registry": {"type": "object", "properties": {"url": {"type": "string"}, "key": secret}}
        }}));
        let args = json!({"user": "me", "token": "t", "pin": "1", "registry": {"url": "u", "key": "k"}, "more": 1});
        assert_eq!(template.without_secrets(args), json!({"user": "me", "registry": {"url": "u"}, "more": 1}));
    }

    #[test]
    fn a_schema_that_says_nothing_leaves_arguments_as_they_are() {
        for parameters in [json!({}), json!(true), json!({"properties": 3}), json!({"properties": {"a": "odd"}})] {
            assert_eq!(template(parameters).without_secrets(json!({"a": 1})), json!({"a": 1}));
        }
        assert_eq!(template(json!({"properties": {}})).without_secrets(json!(null)), json!(null));
    }
}
