//! Inventories as YAML files, of which JSON is a part.

use serde_json::{Map, Value};

use crate::inventory::{Inventory, Vars};
use crate::pattern;

/// How deep groups may be inside each other.
const DEPTH_MAX: usize = 64;

/// Reads YAML as Ansible's reader does: of two keys the last one counts, and `yes` is true.
pub fn parse(text: &str) -> Result<Value, String> {
    let options = serde_saphyr::options! {
        duplicate_keys: serde_saphyr::DuplicateKeyPolicy::LastWins,
        legacy_octal_numbers: true,
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let line = error.location().map_or(0, |location| location.line());
        let message = error.without_snippet().to_string();
        let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
        if line == 0 { message } else { format!("line {line}: {message}") }
    })
}

/// Whether a document is an inventory and not something else.
pub fn groups(document: Value) -> Result<Map<String, Value>, String> {
    match document {
        Value::Object(groups) if groups.contains_key("plugin") => {
            let plugin = groups["plugin"].as_str().unwrap_or("?").to_owned();
            Err(format!("it configures the inventory plugin `{plugin}`, which is not run"))
        }
        Value::Object(groups) if !groups.is_empty() => Ok(groups),
        Value::Null => Err("it is empty".to_owned()),
        _ => Err("an inventory is a mapping of groups".to_owned()),
    }
}

/// Takes the groups of a document.
pub fn take(groups: &Map<String, Value>, inventory: &mut Inventory) -> Result<(), String> {
    groups.iter().try_for_each(|(name, group)| take_group(name, group, 0, inventory))
}

fn take_group(name: &str, group: &Value, depth: usize, inventory: &mut Inventory) -> Result<(), String> {
    let sections = match group {
        Value::Null => &Map::new(),
        Value::Object(sections) => sections,
        _ => {
            inventory.message(format!("`{name}` is not a group but something else; skipped"));
            return Ok(());
        }
    };
    if depth > DEPTH_MAX {
        return Err(format!("groups are nested deeper than {DEPTH_MAX}"));
    }
    inventory.group(name);
    for (key, value) in sections {
        let known = ["vars", "children", "hosts"].contains(&key.as_str());
        let entries = match value {
            Value::Null => continue,
            Value::Object(entries) => entries.clone(),
            Value::String(one) if known => Map::from_iter([(one.clone(), Value::Null)]),
            _ if known => return Err(format!("`{key}` of the group `{name}` is not a mapping")),
            _ => Map::new(),
        };
        match key.as_str() {
            "vars" => {
                for (key, value) in entries {
                    inventory.set_group_var(name, &key, value);
                }
            }
            "children" => {
                for (child, group) in &entries {
                    take_group(child, group, depth + 1, inventory)?;
                    if inventory.has_group(child) {
                        inventory.add_child(name, child)?;
                    }
                }
            }
            "hosts" => {
                for (pattern, vars) in &entries {
                    take_hosts(pattern, vars, name, inventory)?;
                }
            }
            _ => inventory.message(format!("`{key}` of the group `{name}` is none of vars, children, hosts; skipped")),
        }
    }
    Ok(())
}

fn take_hosts(pattern: &str, vars: &Value, group: &str, inventory: &mut Inventory) -> Result<(), String> {
    let vars: Vars = match vars {
        Value::Null => Vars::new(),
        Value::Object(vars) => vars.clone().into_iter().collect(),
        _ => return Err(format!("the variables of the host `{pattern}` are not a mapping")),
    };
    let (names, port) = pattern::expand(pattern)?;
    names.iter().try_for_each(|name| inventory.add_host(name, group, port, &vars))
}
