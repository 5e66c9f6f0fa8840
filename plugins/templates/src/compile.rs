//! Checks one template and cuts its texts at their placeholders.

use std::collections::BTreeSet;

use corral_plugin_sdk::Template;
use serde_json::{Value, json};
use serde_saphyr::Spanned;

use crate::document::Document;
use crate::parameter::schema_of;
use crate::text::Text;

/// The longest script, in bytes: it travels as one argument.
const SCRIPT_MAX: usize = 64 * 1024;

/// A template that can be rendered.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// As it is listed.
    pub template: Template,
    /// What it runs.
    pub body: Body,
    /// Variables.
    pub env: Vec<(String, Text)>,
    /// Where it runs.
    pub workdir: Option<Text>,
    /// What it is given to read.
    pub stdin: Option<Text>,
}

/// What a template runs.
#[derive(Debug, Clone)]
pub enum Body {
    /// Words.
    Argv(Vec<Text>),
    /// A shell script whose text is never changed; parameters are variables.
    Script(String),
}

/// What is wrong: the line, and why.
pub type Wrong = (u64, String);

/// Checks a template. `category` is used where it has none.
pub fn compile(document: Document, category: &str) -> Result<Compiled, Wrong> {
    let id = document.id.as_ref().ok_or((0, "a template needs an `id`".to_owned()))?;
    let line = id.defined.line();
    check_id(&id.value).map_err(|message| (line, message))?;
    let named = |(at, message): Wrong| (if at == 0 { line } else { at }, format!("template `{}`: {message}", id.value));
    let parameters = schema(&document).map_err(named)?;
    let known = Known { parameters: names_of(&parameters) };
    let body = body(&document, &known, line).map_err(named)?;
    let mut env = Vec::new();
    for (name, value) in &document.env {
        if !is_variable(name) {
            let message = format!("env: `{name}` is no name of a variable; letters, digits and `_`");
            return Err(named((value.defined.line(), message)));
        }
        env.push((name.clone(), known.text(&format!("env.{name}"), value).map_err(named)?));
    }
    let workdir = document.workdir.as_ref().map(|text| known.text("workdir", text)).transpose().map_err(named)?;
    let stdin = document.stdin.as_ref().map(|text| known.text("stdin", text)).transpose().map_err(named)?;
    let timeout_seconds = document.timeout.as_ref().map_or(Ok(0), timeout).map_err(named)?;
    let template = Template {
        id: id.value.clone(),
        title: document.title.clone().unwrap_or_else(|| id.value.clone()),
        description: document.description.trim().to_owned(),
        category: document.category.clone().unwrap_or_else(|| category.to_owned()),
        parameters,
        mode: document.mode,
        dangerous: document.dangerous,
        timeout_seconds,
        applies_to: document.applies_to.clone(),
    };
    Ok(Compiled { template, body, env, workdir, stdin })
}

/// Which placeholders there are.
struct Known {
    parameters: BTreeSet<String>,
}

impl Known {
    fn has(&self, name: &str) -> bool {
        matches!(name, "vm.id" | "vm.name" | "vm.address" | "vm.port" | "vm.user")
            || name.strip_prefix("vm.labels.").is_some_and(|key| !key.is_empty())
            || self.parameters.contains(name)
    }

    fn text(&self, field: &str, source: &Spanned<String>) -> Result<Text, Wrong> {
        let text = Text::parse(&source.value);
        let unknown = text.placeholders().find(|name| !self.has(name)).map(|name| self.unknown(name));
        unknown.map_or(Ok(text), |message| Err((source.defined.line(), format!("{field}: {message}"))))
    }

    fn unknown(&self, name: &str) -> String {
        let parameters: Vec<_> = self.parameters.iter().map(|name| format!("`{name}`")).collect();
        let there_is = if parameters.is_empty() { "it has no parameters".into() } else { parameters.join(", ") };
        format!(
            "nothing is called `{{{{{name}}}}}`; there is {there_is}, and `vm.name`, `vm.address`, `vm.port`, \
             `vm.user`, `vm.id`, `vm.labels.KEY`; write `\\{{{{` for braces that stay"
        )
    }
}

fn body(document: &Document, known: &Known, line: u64) -> Result<Body, Wrong> {
    match (&document.argv, &document.script) {
        (Some(_), Some(_)) => Err((line, "it has both `argv` and `script`; choose one".into())),
        (None, None) => Err((line, "it has nothing to run: add `argv`, a list of words, or `script`".into())),
        (Some(argv), None) => {
            if argv.first().is_none_or(|program| program.value.trim().is_empty()) {
                return Err((line, "`argv` is empty; its first word is the program".into()));
            }
            let words = argv.iter().enumerate().map(|(at, word)| known.text(&format!("argv[{at}]"), word));
            Ok(Body::Argv(words.collect::<Result<_, _>>()?))
        }
        (None, Some(script)) => {
            let at = script.defined.line();
            if script.value.trim().is_empty() || script.value.len() > SCRIPT_MAX {
                return Err((at, format!("`script` is empty or longer than {SCRIPT_MAX} bytes")));
            }
            // A placeholder in a script is a mistake that would otherwise show only when it runs.
            match Text::parse(&script.value).placeholders().find(|name| known.has(name)) {
                Some(name) => Err((
                    at,
                    format!(
                        "script: `{{{{{name}}}}}` is not filled in, so that nothing a person types becomes code; \
                         write \"${}\"",
                        crate::render::variable(name)
                    ),
                )),
                None => Ok(Body::Script(script.value.clone())),
            }
        }
    }
}

fn schema(document: &Document) -> Result<Value, Wrong> {
    match (&document.parameters, &document.schema) {
        (Some(_), Some(_)) => Err((0, "it has both `parameters` and `schema`; choose one".into())),
        (Some(parameters), None) => schema_of(parameters),
        (None, None) => schema_of(&[]),
        (None, Some(schema)) => {
            if schema.value.get("type") != Some(&json!("object")) {
                return Err((schema.defined.line(), "schema: it must have `type: object`".into()));
            }
            Ok(schema.value.clone())
        }
    }
}

fn names_of(schema: &Value) -> BTreeSet<String> {
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.map(|properties| properties.keys().cloned().collect()).unwrap_or_default()
}

fn check_id(id: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if id.is_empty() || id.len() > 63 || !id.chars().all(fits) || id.starts_with('-') {
        return Err(format!("the id `{id}` does not fit: 1 to 63 characters of a-z, 0-9 and `-`"));
    }
    Ok(())
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn timeout(source: &Spanned<String>) -> Result<u32, Wrong> {
    let text = source.value.trim();
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let factor = match &text[digits.len()..] {
        "" | "s" => Some(1),
        "m" | "min" => Some(60),
        "h" => Some(3600),
        _ => None,
    };
    let seconds = factor.zip(digits.trim().parse::<u32>().ok()).and_then(|(factor, n)| n.checked_mul(factor));
    seconds
        .ok_or_else(|| (source.defined.line(), format!("timeout: `{text}` is none; write `90`, `90s`, `15m` or `2h`")))
}
