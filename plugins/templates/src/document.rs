//! A template as it is written in YAML. Unknown keys are refused, so that a misspelt one is not silently without effect.

use corral_plugin_sdk::Mode;
use serde::Deserialize;
use serde_saphyr::Spanned;

/// One document of a file: a template, or a list of them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Document {
    /// Several templates; beside it only `category` may stand, for those that have none.
    pub templates: Option<Vec<Document>>,
    /// Unique among all files.
    pub id: Option<Spanned<String>>,
    /// One line.
    pub title: Option<String>,
    /// What it does.
    #[serde(default)]
    pub description: String,
    /// Where it is filed.
    pub category: Option<String>,
    /// Ask for confirmation.
    #[serde(default)]
    pub dangerous: bool,
    /// `90`, `90s`, `15m`, `2h`.
    pub timeout: Option<Spanned<String>>,
    /// How it runs.
    #[serde(default)]
    pub mode: Mode,
    /// Label selector.
    #[serde(default)]
    pub applies_to: String,
    /// The form, in short.
    pub parameters: Option<Vec<Parameter>>,
    /// The form as JSON Schema.
    pub schema: Option<Spanned<serde_json::Value>>,
    /// The command's words.
    pub argv: Option<Vec<Spanned<String>>>,
    /// A shell script instead; parameters reach it as variables.
    pub script: Option<Spanned<String>>,
    /// Variables.
    #[serde(default)]
    pub env: std::collections::BTreeMap<String, Spanned<String>>,
    /// Where it runs.
    pub workdir: Option<Spanned<String>>,
    /// What it is given to read.
    pub stdin: Option<Spanned<String>>,
}

/// One field of the form.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// What placeholders call it.
    pub name: Spanned<String>,
    /// What the form calls it.
    pub title: Option<String>,
    /// The form's help text.
    pub description: Option<String>,
    /// Of its values.
    #[serde(default, rename = "type")]
    pub kind: Kind,
    /// Whether it must be given; if not said, whatever has no default must.
    pub required: Option<bool>,
    /// What it is if not given.
    pub default: Option<serde_json::Value>,
    /// The choices of an enum.
    #[serde(default, alias = "choices", alias = "enum")]
    pub values: Vec<String>,
    /// Regular expression for a string.
    pub pattern: Option<String>,
    /// Least number.
    pub minimum: Option<serde_json::Number>,
    /// Greatest number.
    pub maximum: Option<serde_json::Number>,
    /// Longest string.
    pub max_length: Option<u32>,
    /// Values to show as examples.
    #[serde(default)]
    pub examples: Vec<serde_json::Value>,
    /// Not shown while it is typed.
    #[serde(default)]
    pub secret: bool,
    /// Several lines.
    #[serde(default)]
    pub multiline: bool,
}

/// The type of a parameter's values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Text.
    #[default]
    String,
    /// A whole number.
    Integer,
    /// Any number.
    Number,
    /// Yes or no.
    Boolean,
    /// One of `values`.
    Enum,
}
