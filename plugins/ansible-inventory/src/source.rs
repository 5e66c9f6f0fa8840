//! Files and folders of an inventory, bounded.

use std::fs;
use std::path::{Path, PathBuf};

use crate::inventory::Inventory;
use crate::{ini, vars, yaml};

/// The largest file that is read, in bytes.
pub const FILE_SIZE_MAX: u64 = 4 << 20;

/// The most files of one folder.
const FILES_MAX: usize = 2_000;

/// How deep folders are followed.
const DEPTH_MAX: usize = 8;

/// Endings of files in a folder that are no inventories.
const IGNORED: [&str; 12] =
    [".pyc", ".pyo", ".swp", ".bak", "~", ".rpm", ".md", ".txt", ".rst", ".orig", ".cfg", ".retry"];

/// Names in a folder that are something else.
const BESIDE: [&str; 3] = ["group_vars", "host_vars", "vars_plugins"];

/// Reads a file or a folder, and the variables beside it. What cannot be read is a message.
pub fn read(path: &Path, inventory: &mut Inventory) {
    let mut files = Vec::new();
    let folder = if path.is_dir() { path } else { path.parent().unwrap_or(path) };
    walk(path, 0, &mut files, inventory);
    for file in &files {
        let name = shown(file, folder);
        let mut tried = inventory.clone();
        match read_text(file).and_then(|text| read_one(file, &text, &mut tried)) {
            Ok(()) => *inventory = tried,
            Err(problem) => inventory.message(format!("{name}: {problem}; the file is skipped")),
        }
    }
    vars::read(folder, inventory);
}

fn walk(path: &Path, depth: usize, files: &mut Vec<PathBuf>, inventory: &mut Inventory) {
    if !path.is_dir() {
        files.push(path.to_owned());
        return;
    }
    if depth > DEPTH_MAX {
        inventory.message(format!("{}: folders are nested deeper than {DEPTH_MAX}; skipped", path.display()));
        return;
    }
    for entry in entries(path) {
        let name = entry.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let ignored = name.starts_with('.')
            || BESIDE.contains(&name.as_str())
            || IGNORED.iter().any(|ending| name.ends_with(ending));
        if ignored {
            continue;
        }
        if files.len() >= FILES_MAX {
            inventory.message(format!("{name} and what comes after it is not read: at most {FILES_MAX} files are"));
            return;
        }
        walk(&entry, depth + 1, files, inventory);
    }
}

/// What is in a folder, in the order of the names.
pub fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// The text of a file.
pub fn read_text(path: &Path) -> Result<String, String> {
    let size = fs::metadata(path).map_err(|error| format!("cannot be read: {error}"))?.len();
    if size > FILE_SIZE_MAX {
        return Err(format!("it has {size} bytes, at most {FILE_SIZE_MAX} are read"));
    }
    let bytes = fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
    let text = String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())?;
    if text.starts_with("$ANSIBLE_VAULT;") {
        return Err("it is encrypted, and nothing is decrypted".to_owned());
    }
    Ok(text)
}

/// The path below a folder.
pub fn shown(path: &Path, folder: &Path) -> String {
    path.strip_prefix(folder).unwrap_or(path).display().to_string()
}

fn read_one(path: &Path, text: &str, inventory: &mut Inventory) -> Result<(), String> {
    if text.starts_with("#!") {
        return Err("it is a program, and nothing is run".to_owned());
    }
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("yml" | "yaml" | "json") => {
            let groups = yaml::groups(yaml::parse(text)?)?;
            yaml::take(&groups, inventory)
        }
        // A file without an ending can be both; hardly any INI file is a YAML mapping.
        None => match yaml::parse(text).and_then(yaml::groups) {
            Ok(groups) => yaml::take(&groups, inventory),
            Err(_) => ini::read(text, inventory),
        },
        Some("toml") => Err("inventories in TOML are not read".to_owned()),
        Some(_) => ini::read(text, inventory),
    }
}
