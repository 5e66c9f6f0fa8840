//! The short form of parameters, made into JSON Schema (draft 2020-12).

use serde_json::{Map, Value, json};

use crate::document::{Kind, Parameter};

/// The schema of all parameters, or the line and what is wrong there.
pub fn schema_of(parameters: &[Parameter]) -> Result<Value, (u64, String)> {
    let mut properties = Map::new();
    let mut required = Vec::new();
    let mut order = Vec::new();
    for parameter in parameters {
        let name = &parameter.name.value;
        let fail = |message: String| (parameter.name.defined.line(), format!("parameter `{name}`: {message}"));
        if !is_name(name) {
            return Err(fail("a name begins with a letter and is made of letters, digits and `_`".into()));
        }
        if properties.insert(name.clone(), property(parameter).map_err(fail)?).is_some() {
            return Err(fail("there are two of this name".into()));
        }
        if parameter.required.unwrap_or(parameter.default.is_none()) {
            required.push(name.clone());
        }
        order.push(name.clone());
    }
    Ok(json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": false,
        // JSON objects have no order, but a form has one.
        "x-order": order,
    }))
}

fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && name.len() <= 63
}

fn property(parameter: &Parameter) -> Result<Value, String> {
    check(parameter)?;
    let mut property = Map::new();
    let mut put = |key: &str, value: Value| property.insert(key.to_owned(), value);
    put(
        "type",
        json!(match parameter.kind {
            Kind::String | Kind::Enum => "string",
            Kind::Integer => "integer",
            Kind::Number => "number",
            Kind::Boolean => "boolean",
        }),
    );
    put("title", json!(parameter.title.clone().unwrap_or_else(|| spoken(&parameter.name.value))));
    if let Some(description) = &parameter.description {
        put("description", json!(description));
    }
    if parameter.kind == Kind::Enum {
        put("enum", json!(parameter.values));
    }
    if let Some(default) = default_of(parameter)? {
        put("default", default);
    } else if parameter.kind == Kind::String && parameter.required != Some(false) {
        put("minLength", json!(1));
    }
    if let Some(pattern) = &parameter.pattern {
        put("pattern", json!(pattern));
    }
    for (key, bound) in [("minimum", &parameter.minimum), ("maximum", &parameter.maximum)] {
        if let Some(bound) = bound {
            put(key, json!(bound));
        }
    }
    if let Some(length) = parameter.max_length {
        put("maxLength", json!(length));
    }
    if !parameter.examples.is_empty() {
        put("examples", json!(parameter.examples));
    }
    if parameter.secret {
        put("format", json!("password"));
        put("writeOnly", json!(true));
    } else if parameter.multiline {
        put("format", json!("textarea"));
    }
    Ok(Value::Object(property))
}

/// Refuses what would have no effect.
fn check(parameter: &Parameter) -> Result<(), String> {
    let Parameter { kind, values, pattern, minimum, maximum, max_length, .. } = parameter;
    if *kind == Kind::Enum && values.is_empty() {
        return Err("an enum needs `values`, a list of the choices".into());
    }
    if *kind != Kind::Enum && !values.is_empty() {
        return Err("`values` belongs to `type: enum`".into());
    }
    if *kind != Kind::String && (pattern.is_some() || max_length.is_some()) {
        return Err("`pattern` and `max_length` belong to `type: string`".into());
    }
    if !matches!(kind, Kind::Integer | Kind::Number) && (minimum.is_some() || maximum.is_some()) {
        return Err("`minimum` and `maximum` belong to `type: integer` and `type: number`".into());
    }
    Ok(())
}

fn default_of(parameter: &Parameter) -> Result<Option<Value>, String> {
    let Some(default) = &parameter.default else { return Ok(None) };
    // YAML reads `default: 5` as a number and `default: yes` as it likes; what is meant is said by the type.
    let text = match default {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let wrong = |wanted: &str| format!("the default {default} is not {wanted}");
    let value = match parameter.kind {
        Kind::String => Value::String(text),
        Kind::Enum if parameter.values.contains(&text) => Value::String(text),
        Kind::Enum => return Err(wrong(&format!("one of {}", parameter.values.join(", ")))),
        Kind::Integer if default.is_i64() || default.is_u64() => default.clone(),
        Kind::Integer => return Err(wrong("a whole number")),
        Kind::Number if default.is_number() => default.clone(),
        Kind::Number => return Err(wrong("a number")),
        Kind::Boolean if default.is_boolean() => default.clone(),
        Kind::Boolean => return Err(wrong("`true` or `false`")),
    };
    let number = value.as_f64();
    let bound = |bound: &Option<serde_json::Number>| bound.as_ref().and_then(serde_json::Number::as_f64);
    if number.zip(bound(&parameter.minimum)).is_some_and(|(n, min)| n < min)
        || number.zip(bound(&parameter.maximum)).is_some_and(|(n, max)| n > max)
    {
        return Err(wrong("between `minimum` and `maximum`"));
    }
    Ok(Some(value))
}

/// `log_file` as a title: `Log file`.
fn spoken(name: &str) -> String {
    let words = name.replace('_', " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}
