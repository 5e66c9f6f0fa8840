//! Files that an `Include` names, with `*`, `?` and `[a-z]`, in the order of their names.

use std::fs;
use std::path::{Path, PathBuf};

/// Files below `folder` that fit a relative path, each with its path below the folder.
pub fn files(folder: &Path, pattern: &str) -> Vec<String> {
    let mut found = vec![String::new()];
    for part in pattern.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." {
            // The granted folder is the world: above it there is nothing.
            return Vec::new();
        }
        found = found.iter().flat_map(|below| step(folder, below, part)).collect();
    }
    found.retain(|below| folder.join(below).is_file());
    found
}

fn step(folder: &Path, below: &str, part: &str) -> Vec<String> {
    let join = |name: &str| if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") };
    if !part.contains(['*', '?', '[']) {
        return vec![join(part)];
    }
    let path: PathBuf = folder.join(below);
    let names =
        fs::read_dir(path).into_iter().flatten().flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<_> =
        names.filter(|name| part.starts_with('.') || !name.starts_with('.')).filter(|name| fits(part, name)).collect();
    names.sort();
    names.iter().map(|name| join(name)).collect()
}

fn fits(pattern: &str, name: &str) -> bool {
    let mut pattern_chars = pattern.chars();
    match pattern_chars.next() {
        None => name.is_empty(),
        Some('*') => {
            let rest = pattern_chars.as_str().trim_start_matches('*');
            let starts = name.char_indices().map(|(at, _)| at).chain([name.len()]);
            starts.into_iter().any(|at| fits(rest, &name[at..]))
        }
        Some('[') if pattern.contains(']') => {
            let (class, rest) = pattern_chars.as_str().split_once(']').unwrap_or_default();
            let mut name_chars = name.chars();
            name_chars.next().is_some_and(|c| in_class(class, c)) && fits(rest, name_chars.as_str())
        }
        Some(wanted) => {
            let mut name_chars = name.chars();
            name_chars.next().is_some_and(|c| wanted == '?' || wanted == c)
                && fits(pattern_chars.as_str(), name_chars.as_str())
        }
    }
}

fn in_class(class: &str, c: char) -> bool {
    let negated = class.starts_with(['!', '^']);
    let class: Vec<char> = class.chars().skip(usize::from(negated)).collect();
    let mut at = 0;
    let mut inside = false;
    while at < class.len() {
        if class.get(at + 1) == Some(&'-') && at + 2 < class.len() {
            inside |= (class[at]..=class[at + 2]).contains(&c);
            at += 3;
        } else {
            inside |= class[at] == c;
            at += 1;
        }
    }
    inside != negated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_as_a_shell_would_have_it() {
        for (pattern, name, expected) in [
            ("*.conf", "a.conf", true),
            ("*.conf", "a.conf~", false),
            ("[0-9]?-*", "10-x", true),
            ("[!0-9]*", "10-x", false),
            ("a[bc]d", "acd", true),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }
}
