//! Inventories as INI files.

use std::collections::BTreeMap;

use crate::inventory::{Inventory, UNGROUPED, Vars};
use crate::{literal, pattern, words};

/// What a section holds.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Hosts,
    Children,
    Vars,
}

/// Reads a file. An error names the line; nothing of the file is used then.
pub fn read(text: &str, inventory: &mut Inventory) -> Result<(), String> {
    let mut group = UNGROUPED.to_owned();
    let mut section = Section::Hosts;
    // Groups that were spoken of before they were begun, and where.
    let mut pending: BTreeMap<String, usize> = BTreeMap::new();
    for (at, line) in text.lines().enumerate() {
        let line = line.trim();
        let named = |problem: String| format!("line {}: {problem}", at + 1);
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some((name, kind)) = header(line).map_err(named)? {
            (group, section) = (name.to_owned(), kind);
            if kind != Section::Vars {
                pending.remove(name);
            } else if !inventory.has_group(name) {
                pending.entry(group.clone()).or_insert(at + 1);
            }
            inventory.group(name);
            continue;
        }
        match section {
            Section::Hosts => host(line, &group, inventory).map_err(named)?,
            Section::Vars => {
                let (key, value) = line.split_once('=').ok_or_else(|| named("a variable is key=value".into()))?;
                inventory.set_group_var(&group, key.trim(), literal::value(value.trim()));
            }
            Section::Children => {
                let child = line.split_once('#').map_or(line, |(name, _)| name).trim();
                if child.is_empty() || child.contains([':', ']', ' ', '\t']) {
                    return Err(named(format!("`{line}` is no name of a group")));
                }
                if !inventory.has_group(child) {
                    pending.entry(child.to_owned()).or_insert(at + 1);
                }
                inventory.add_child(&group, child).map_err(named)?;
            }
        }
    }
    match pending.into_iter().min_by_key(|(_, line)| *line) {
        Some((name, line)) => Err(format!("line {line}: there is no group `{name}`")),
        None => Ok(()),
    }
}

/// `[group]`, `[group:children]`, `[group:vars]`
fn header(line: &str) -> Result<Option<(&str, Section)>, String> {
    let Some(inner) = line.strip_prefix('[') else { return Ok(None) };
    let parsed = inner.split_once(']').and_then(|(inner, after)| {
        let after = after.trim_start();
        let (name, kind) = inner.split_once(':').unwrap_or((inner, "hosts"));
        let good =
            !name.is_empty() && !name.contains(char::is_whitespace) && (after.is_empty() || after.starts_with('#'));
        let word = kind.chars().all(|c| c.is_alphanumeric() || c == '_') && !kind.is_empty();
        (good && word).then_some((name, kind))
    });
    match parsed {
        Some((name, "hosts")) => Ok(Some((name, Section::Hosts))),
        Some((name, "children")) => Ok(Some((name, Section::Children))),
        Some((name, "vars")) => Ok(Some((name, Section::Vars))),
        Some((_, kind)) => Err(format!("`{kind}` is no kind of section; there are hosts, children, vars")),
        None if line.ends_with(']') => Err(format!("`{line}` is no section")),
        None => Ok(None),
    }
}

fn host(line: &str, group: &str, inventory: &mut Inventory) -> Result<(), String> {
    let words = words::split(line, true)?;
    let Some((pattern, rest)) = words.split_first() else { return Ok(()) };
    let (names, port) = pattern::expand(pattern)?;
    let mut vars = Vars::new();
    for word in rest {
        let (key, value) = word.split_once('=').ok_or_else(|| format!("`{word}` is not key=value"))?;
        vars.insert(key.to_owned(), literal::value(value));
    }
    for name in names {
        inventory.add_host(&name, group, port, &vars)?;
    }
    Ok(())
}
