//! The files of a folder, bounded.

use std::fs;
use std::path::{Path, PathBuf};

use corral_plugin_sdk::Problem;

/// How deep folders are followed.
const DEPTH_MAX: usize = 8;

/// The most files that are read.
const FILES_MAX: usize = 2_000;

/// The largest file that is read, in bytes.
const FILE_SIZE_MAX: u64 = 1 << 20;

/// A file as it was read.
pub struct File {
    /// Below the watched folder, with `/`.
    pub name: String,
    /// Its text.
    pub text: String,
}

/// Reads all YAML files below a folder in the order of their names. What starts with a dot is left alone: editors put
/// their unfinished files there.
pub fn read_folder(root: &Path, problems: &mut Vec<Problem>) -> Vec<File> {
    let mut paths = Vec::new();
    walk(root, "", 0, &mut paths, problems);
    paths.sort();
    if paths.len() > FILES_MAX {
        problems.push(Problem {
            source: paths[FILES_MAX].0.clone(),
            message: format!("this file and those after it were not read: a folder holds at most {FILES_MAX} files"),
        });
        paths.truncate(FILES_MAX);
    }
    let read = |(name, path): (String, PathBuf)| match read_file(&path) {
        Ok(text) => Some(File { name, text }),
        Err(message) => {
            problems.push(Problem { source: name, message });
            None
        }
    };
    paths.into_iter().filter_map(read).collect()
}

fn walk(folder: &Path, below: &str, depth: usize, found: &mut Vec<(String, PathBuf)>, problems: &mut Vec<Problem>) {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) => {
            problems.push(Problem { source: below.to_owned(), message: format!("cannot read the folder: {error}") });
            return;
        }
    };
    for entry in entries.flatten() {
        let Ok(file_name) = entry.file_name().into_string() else { continue };
        if file_name.starts_with('.') || found.len() > FILES_MAX {
            continue;
        }
        let name = if below.is_empty() { file_name } else { format!("{below}/{file_name}") };
        let path = entry.path();
        if path.is_dir() {
            if depth < DEPTH_MAX {
                walk(&path, &name, depth + 1, found, problems);
            }
        } else if path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") {
            found.push((name, path));
        }
    }
}

fn read_file(path: &Path) -> Result<String, String> {
    let size = fs::metadata(path).map_err(|error| format!("cannot read the file: {error}"))?.len();
    if size > FILE_SIZE_MAX {
        return Err(format!("the file has {size} bytes; at most {FILE_SIZE_MAX} are read"));
    }
    let bytes = fs::read(path).map_err(|error| format!("cannot read the file: {error}"))?;
    String::from_utf8(bytes).map_err(|_| "the file is not UTF-8 text; save it as UTF-8".into())
}
