//! The templates as the host wants them: forms as JSON Schema, commands as words.

use corral_plugin_sdk::{Error, Listing, Mode, Rendered, Result, Template};
use serde_json::{Map, Value, json};

use crate::Config;
use crate::entry::{Entry, Kind, Parameter, Word};
use crate::{disk, docker, journal, packages, processes, services, system, users};

/// The longest value of text.
const TEXT_MAX: usize = 500;

/// Runs its arguments as root: as it is for root, otherwise by sudo, which does not ask.
const AS_ROOT: &str = r#"if [ "$(id -u)" = 0 ]; then exec "$@"; else exec sudo -n -- "$@"; fi"#;

/// All templates, with what an operator said of them.
pub struct Pack {
    config: Config,
}

impl Pack {
    /// With a configuration.
    pub fn new(config: Config) -> Self {
        Self { config }
    }

    fn entries(&self) -> impl Iterator<Item = &'static Entry> {
        let all = [
            services::ENTRIES,
            journal::ENTRIES,
            docker::ENTRIES,
            disk::ENTRIES,
            packages::ENTRIES,
            processes::ENTRIES,
            users::ENTRIES,
            system::ENTRIES,
        ];
        all.into_iter().flatten().filter(|entry| !self.is_off(entry.id))
    }

    fn is_off(&self, id: &str) -> bool {
        self.config.disabled.iter().any(|named| match named.strip_suffix('*') {
            Some(beginning) => id.starts_with(beginning),
            None => id == named,
        })
    }

    /// As it is listed.
    pub fn listing(&self) -> Listing {
        Listing { templates: self.entries().map(template).collect(), problems: Vec::new() }
    }

    /// The command of a template.
    pub fn render(&self, id: &str, args: &Value) -> Result<Rendered> {
        let entry = self.entries().find(|entry| entry.id == id);
        let entry = entry.ok_or_else(|| Error::NotFound(format!("there is no template `{id}`, or it is disabled")))?;
        let mut argv = Vec::new();
        if entry.root && self.config.sudo {
            argv.extend(["/bin/sh", "-c", AS_ROOT, "sh"].map(str::to_owned));
        }
        for word in entry.words {
            match word {
                Word::Is(text) => argv.push((*text).to_owned()),
                Word::Script(text) => argv.extend(["/bin/sh", "-c", text.trim(), "sh"].map(str::to_owned)),
                Word::Value(name) => argv.extend(value(entry, name, args)?),
                Word::With(text, name) => argv.extend(value(entry, name, args)?.map(|value| format!("{text}{value}"))),
                Word::If(text, name) => {
                    if args.get(*name).and_then(Value::as_bool) == Some(true) {
                        argv.push((*text).to_owned());
                    }
                }
            }
        }
        Ok(Rendered { argv, ..Rendered::default() })
    }
}

/// What was given for a field, or what it is if nothing was.
fn value(entry: &Entry, name: &str, args: &Value) -> Result<Option<String>> {
    let parameter = entry.parameters.iter().find(|parameter| parameter.name == name);
    let given = match args.get(name) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()).filter(|text| !text.is_empty()),
        Some(Value::Number(number)) => Some(number.to_string()),
        Some(_) => return Err(Error::InvalidInput(format!("`{name}` is neither text nor a number"))),
    };
    let default = parameter.and_then(|parameter| match parameter.kind {
        Kind::Number(_, _, usual) => Some(usual.to_string()),
        Kind::Choice(choices) => choices.first().map(|first| (*first).to_owned()),
        Kind::Text(..) | Kind::Optional(..) | Kind::Yes => None,
    });
    let needed = parameter.is_some_and(|parameter| matches!(parameter.kind, Kind::Text(..)));
    match given.or(default) {
        None if needed => Err(Error::InvalidInput(format!("`{name}` is missing"))),
        found => Ok(found),
    }
}

fn template(entry: &Entry) -> Template {
    Template {
        id: entry.id.to_owned(),
        title: entry.title.to_owned(),
        description: entry.description.to_owned(),
        category: entry.category.to_owned(),
        parameters: schema(entry.parameters),
        mode: Mode::Durable,
        dangerous: entry.dangerous,
        timeout_seconds: entry.seconds,
        applies_to: String::new(),
    }
}

fn schema(parameters: &[Parameter]) -> Value {
    let required = parameters.iter().filter(|parameter| matches!(parameter.kind, Kind::Text(..)));
    let required: Vec<&str> = required.map(|parameter| parameter.name).collect();
    let order: Vec<&str> = parameters.iter().map(|parameter| parameter.name).collect();
    let properties: Map<String, Value> =
        parameters.iter().map(|parameter| (parameter.name.to_owned(), property(parameter))).collect();
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": false,
        "required": required,
        "x-order": order,
        "properties": properties,
    })
}

fn property(parameter: &Parameter) -> Value {
    let mut property = match parameter.kind {
        Kind::Text(pattern, examples) => {
            json!({"type": "string", "minLength": 1, "maxLength": TEXT_MAX, "pattern": pattern, "examples": examples})
        }
        Kind::Optional(pattern, examples) => {
            json!({"type": "string", "maxLength": TEXT_MAX, "pattern": pattern, "examples": examples})
        }
        Kind::Number(least, greatest, usual) => {
            json!({"type": "integer", "minimum": least, "maximum": greatest, "default": usual})
        }
        Kind::Choice(choices) => json!({"type": "string", "enum": choices, "default": choices.first()}),
        Kind::Yes => json!({"type": "boolean", "default": false}),
    };
    property["title"] = json!(parameter.title);
    property["description"] = json!(parameter.help);
    property
}
