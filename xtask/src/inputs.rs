//! Recognises work that is already done: a stamp holds the hash of the content of a step's inputs.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

use crate::shell::{Result, target};

/// Folders that are made, not written.
const MADE: [&str; 5] = ["node_modules", "build", ".svelte-kit", "target", "test-results"];

/// Hash of the names and contents of files, and of all files in folders.
pub fn hash(paths: &[PathBuf]) -> Result<String> {
    let mut hasher = DefaultHasher::new();
    for path in paths {
        add(path, &mut hasher)?;
    }
    Ok(format!("{:016x}", hasher.finish()))
}

/// Whether a step's stamp holds this hash.
pub fn is_done(step: &str, hash: &str) -> bool {
    fs::read_to_string(stamp(step)).is_ok_and(|held| held == hash)
}

/// Writes a step's stamp.
pub fn mark_done(step: &str, hash: &str) -> Result {
    let stamp = stamp(step);
    if let Some(folder) = stamp.parent() {
        fs::create_dir_all(folder).map_err(|error| format!("cannot make {}: {error}", folder.display()))?;
    }
    fs::write(&stamp, hash).map_err(|error| format!("cannot write {}: {error}", stamp.display()))
}

fn stamp(step: &str) -> PathBuf {
    target().join("xtask").join(step)
}

fn add(path: &Path, hasher: &mut DefaultHasher) -> Result {
    if !path.exists() {
        return Ok(());
    }
    path.hash(hasher);
    if path.is_dir() {
        for entry in sorted(path)? {
            let made = entry.file_name().is_some_and(|name| MADE.iter().any(|made| name == *made));
            if !made {
                add(&entry, hasher)?;
            }
        }
    } else {
        fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?.hash(hasher);
    }
    Ok(())
}

/// What a folder holds, in an order that does not depend on the file system.
pub fn sorted(folder: &Path) -> Result<Vec<PathBuf>> {
    let read = |error: std::io::Error| format!("cannot read {}: {error}", folder.display());
    let mut entries = fs::read_dir(folder)
        .map_err(read)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<std::io::Result<Vec<_>>>()
        .map_err(read)?;
    entries.sort();
    Ok(entries)
}
