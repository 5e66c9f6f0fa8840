//! A template with its arguments, for one machine: words.

use corral_plugin_sdk::{Error, Rendered, Result, Vm};
use serde_json::{Map, Value};

use crate::compile::{Body, Compiled};
use crate::text::Text;

/// Renders for one machine.
pub fn render(compiled: &Compiled, args: &Map<String, Value>, vm: &Vm) -> Result<Rendered> {
    let values = Values { args, schema: &compiled.template.parameters, vm };
    let mut env = Vec::new();
    for (name, text) in &compiled.env {
        env.push((name.clone(), values.fill(text)?));
    }
    let argv = match &compiled.body {
        Body::Argv(words) => values.words(words)?,
        Body::Script(script) => {
            values.export(&mut env)?;
            vec!["/bin/sh".into(), "-c".into(), script.clone(), "sh".into()]
        }
    };
    if argv.iter().chain(env.iter().map(|(_, value)| value)).any(|word| word.contains('\0')) {
        return Err(Error::InvalidInput("an argument has a NUL character, which no command can be given".into()));
    }
    Ok(Rendered {
        argv,
        env,
        workdir: compiled.workdir.as_ref().map(|text| values.fill(text)).transpose()?,
        stdin: compiled.stdin.as_ref().map(|text| values.fill(text)).transpose()?.map(String::into_bytes),
    })
}

/// The variable in which a script finds a parameter or a fact about its machine.
pub fn variable(name: &str) -> String {
    let upper: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
    if name.starts_with("vm.") { upper } else { format!("PARAM_{upper}") }
}

struct Values<'a> {
    args: &'a Map<String, Value>,
    schema: &'a Value,
    vm: &'a Vm,
}

impl Values<'_> {
    /// A parameter: as given, or its default.
    fn parameter(&self, name: &str) -> Option<&Value> {
        let given = self.args.get(name);
        given.or_else(|| self.schema.get("properties")?.get(name)?.get("default")).filter(|value| !value.is_null())
    }

    fn value(&self, name: &str) -> Result<String> {
        let vm = self.vm;
        Ok(match name {
            "vm.id" => vm.id.clone(),
            "vm.name" => vm.name.clone(),
            "vm.address" => vm.address.clone(),
            "vm.port" => vm.port.to_string(),
            "vm.user" => vm.user.clone(),
            _ => match name.strip_prefix("vm.labels.") {
                Some(key) => vm.label(key).map(str::to_owned).ok_or_else(|| {
                    Error::InvalidInput(format!(
                        "the machine `{}` has no label `{key}`, which the template needs",
                        vm.name
                    ))
                })?,
                None => self.parameter(name).map(text_of).unwrap_or_default(),
            },
        })
    }

    fn fill(&self, text: &Text) -> Result<String> {
        text.fill(|name| self.value(name))
    }

    /// Each text is one word. A word that is only a placeholder is left out if its parameter is not given, and is
    /// several words if it is a list.
    fn words(&self, texts: &[Text]) -> Result<Vec<String>> {
        let mut words = Vec::with_capacity(texts.len());
        for text in texts {
            match text.sole_placeholder().filter(|name| !name.starts_with("vm.")) {
                Some(name) => match self.parameter(name) {
                    Some(Value::Array(items)) => words.extend(items.iter().map(text_of)),
                    Some(value) => words.push(text_of(value)),
                    None => {}
                },
                None => words.push(self.fill(text)?),
            }
        }
        Ok(words)
    }

    /// The variables of a script.
    fn export(&self, env: &mut Vec<(String, String)>) -> Result<()> {
        let properties = self.schema.get("properties").and_then(Value::as_object);
        for name in properties.into_iter().flat_map(Map::keys) {
            if let Some(value) = self.parameter(name) {
                env.push((variable(name), text_of(value)));
            }
        }
        for name in ["vm.name", "vm.address", "vm.user"] {
            env.push((variable(name), self.value(name)?));
        }
        Ok(())
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
