//! Variables beside an inventory: `group_vars` and `host_vars`.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::inventory::{Inventory, Vars};
use crate::source::{entries, read_text, shown};
use crate::yaml;

/// Endings of files of variables; the first that is there counts.
const ENDINGS: [&str; 4] = ["", ".yml", ".yaml", ".json"];

/// The most files that are read.
const FILES_MAX: usize = 5_000;

/// How deep folders of variables are followed.
const DEPTH_MAX: usize = 8;

/// Reads what stands beside an inventory.
pub fn read(folder: &Path, inventory: &mut Inventory) {
    let mut left = FILES_MAX;
    let groups = folder.join("group_vars");
    if groups.is_dir() {
        for name in inventory.groups() {
            for file in files_of(&groups, &name) {
                if let Some(vars) = vars_of(&file, folder, &mut left, inventory) {
                    inventory.beside_group(&name, vars);
                }
            }
        }
    }
    let hosts = folder.join("host_vars");
    if hosts.is_dir() {
        for name in inventory.hosts() {
            for file in files_of(&hosts, &name) {
                if let Some(vars) = vars_of(&file, folder, &mut left, inventory) {
                    inventory.beside_host(&name, vars);
                }
            }
        }
    }
}

/// Files for a name: one of that name, or all in a folder of that name.
fn files_of(folder: &Path, name: &str) -> Vec<PathBuf> {
    if name.contains('/') || name.starts_with('.') {
        return Vec::new();
    }
    let mut found = Vec::new();
    for ending in ENDINGS {
        let path = folder.join(format!("{name}{ending}"));
        if path.is_dir() {
            walk(&path, 0, &mut found);
            break;
        }
        if path.is_file() {
            found.push(path);
            break;
        }
    }
    found
}

fn walk(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) {
    for path in entries(folder) {
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let extension =
            path.extension().map(|extension| format!(".{}", extension.to_string_lossy())).unwrap_or_default();
        if name.starts_with('.') || name.ends_with('~') {
            continue;
        }
        if path.is_dir() {
            if extension.is_empty() && depth < DEPTH_MAX {
                walk(&path, depth + 1, found);
            }
        } else if ENDINGS.contains(&extension.as_str()) {
            found.push(path);
        }
    }
}

fn vars_of(file: &Path, folder: &Path, left: &mut usize, inventory: &mut Inventory) -> Option<Vars> {
    let name = shown(file, folder);
    if *left == 0 {
        inventory.message(format!("{name} and others are not read: at most {FILES_MAX} files of variables are"));
        return None;
    }
    *left -= 1;
    match read_text(file).and_then(|text| yaml::parse(&text)) {
        Ok(Value::Object(vars)) => Some(vars.into_iter().collect()),
        Ok(Value::Null) => None,
        Ok(_) => {
            inventory.message(format!("{name}: variables are a mapping; the file is skipped"));
            None
        }
        Err(problem) => {
            inventory.message(format!("{name}: {problem}; the file is skipped"));
            None
        }
    }
}
