//! What `corral run` asks of the host.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use serde_json::{Map, Value, json};

use super::Args;
use crate::cli::client::Client;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{field, safe};
use crate::cli::{resolve, suggest};

const SCRIPT_BYTES_MAX: u64 = 1024 * 1024;

/// The body of `POST /api/jobs`.
pub async fn build(args: &Args, client: &Client) -> Result<Value, Failure> {
    let mut body = json!({});
    if let Some(script) = &args.script {
        body["command"] = json!({ "script": script });
    } else if let Some(file) = &args.script_file {
        body["command"] = json!({ "script": read_script(file)? });
    } else if let Some(written) = &args.template {
        let template = resolve::template(client, written).await?;
        let given = arguments(&template, &args.template_args)?;
        body["template"] = json!({ "id": field(&template, "id"), "args": given });
    } else {
        body["command"] = json!({ "argv": args.words });
    }
    body["targets"] = match &args.select {
        Some(selector) => json!({ "selector": selector }),
        None => json!({ "vms": resolve::vm_ids(client, &args.vm).await? }),
    };
    if let Some(parallelism) = args.parallelism {
        body["parallelism"] = parallelism.into();
    }
    if let Some(timeout) = args.timeout {
        body["timeout_seconds"] = timeout.into();
    }
    if !args.env.is_empty() {
        body["env"] = json!(args.env.iter().cloned().collect::<BTreeMap<_, _>>());
    }
    if let Some(workdir) = &args.workdir {
        body["workdir"] = workdir.as_str().into();
    }
    strategy(args, &mut body);
    Ok(body)
}

/// How the job goes over its VMs, and as whom.
fn strategy(args: &Args, body: &mut Value) {
    if let Some(mode) = &args.mode {
        body["mode"] = mode.as_str().into();
    }
    if let Some(canary) = args.canary {
        body["canary"] = json!(canary);
    }
    if let Some(size) = args.batch {
        body["batch"] = json!({ "size": size, "pause_seconds": args.batch_pause.unwrap_or(0) });
    }
    if let Some(limit) = args.max_failures {
        body["max_failures"] = json!(limit);
    }
    if let Some(seconds) = args.job_timeout {
        body["job_timeout_seconds"] = seconds.into();
    }
    if let Some(user) = &args.run_as {
        body["run_as"] = json!({ "user": user });
        if let Some(secret) = &args.run_as_secret {
            body["run_as"]["secret"] = secret.as_str().into();
        }
    }
    if !args.filter.is_empty() || !args.no_filter.is_empty() {
        body["filters"] = json!({ "with": args.filter, "without": args.no_filter });
    }
    if args.dry_run {
        body["dry_run"] = true.into();
    }
}

fn read_script(file: &Path) -> Result<String, Failure> {
    let fail = |why: String| Failure::new(Exit::Usage, format!("the script {} {why}", file.display()));
    let mut text = String::new();
    let read = if file == Path::new("-") {
        std::io::stdin().take(SCRIPT_BYTES_MAX + 1).read_to_string(&mut text)
    } else {
        std::fs::File::open(file).and_then(|open| open.take(SCRIPT_BYTES_MAX + 1).read_to_string(&mut text))
    };
    let length = read.map_err(|error| fail(format!("cannot be read: {error}")))? as u64;
    if length > SCRIPT_BYTES_MAX {
        return Err(fail(format!("is longer than {SCRIPT_BYTES_MAX} bytes")));
    }
    Ok(text)
}

/// Arguments as the template's schema types them: `3` is a number only where a number is wanted.
fn arguments(template: &Value, given: &[(String, String)]) -> Result<Value, Failure> {
    let nothing = Map::new();
    let schema = template.get("parameters").and_then(|schema| schema.get("properties")).and_then(Value::as_object);
    let properties = schema.unwrap_or(&nothing);
    let mut arguments = Map::new();
    for (key, text) in given {
        let Some(property) = properties.get(key) else {
            let failure = Failure::new(
                Exit::Usage,
                format!("the template {} has no parameter `{}`", safe(&field(template, "id")), safe(key)),
            );
            let known: Vec<_> = properties.keys().map(String::as_str).collect();
            return Err(match suggest::closest(key, known.iter().copied()) {
                Some(near) => failure.hint(format!("did you mean `{}`?", safe(near))),
                None if known.is_empty() => failure.hint("it has none"),
                None => failure.hint(format!("it has {}", safe(&known.join(", ")))),
            });
        };
        arguments.insert(key.clone(), typed(property, text));
    }
    Ok(Value::Object(arguments))
}

/// What does not fit is sent as text; the host says what is wrong with it.
fn typed(property: &Value, text: &str) -> Value {
    let is_text = match property.get("type") {
        Some(Value::String(kind)) => kind == "string",
        Some(Value::Array(kinds)) => kinds.iter().any(|kind| kind == "string"),
        // `enum` without a type: whatever is listed.
        _ => property.get("enum").and_then(Value::as_array).is_some_and(|all| all.iter().any(|one| one == text)),
    };
    if is_text {
        return text.into();
    }
    serde_json::from_str(text).unwrap_or_else(|_| text.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template() -> Value {
        json!({"id": "t/x", "parameters": {"type": "object", "properties": {
            "lines": {"type": "integer"}, "unit": {"type": "string"}, "deep": {"type": "boolean"}}}})
    }

    fn pairs(given: &[(&str, &str)]) -> Vec<(String, String)> {
        given.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn arguments_take_the_type_that_the_schema_gives_them() {
        let given = arguments(&template(), &pairs(&[("lines", "3"), ("unit", "3"), ("deep", "true")])).unwrap();
        assert_eq!(given, json!({"lines": 3, "unit": "3", "deep": true}));
    }

    #[test]
    fn an_unknown_argument_is_refused_with_the_nearest_name() {
        let failure = arguments(&template(), &pairs(&[("linse", "3")])).unwrap_err();
        assert_eq!(failure.hint.unwrap(), "did you mean `lines`?");
    }
}
