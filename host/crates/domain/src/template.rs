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
