//! Files with their includes, as a tree: an `Include` inside a block applies only where the block does.

use std::fs;
use std::io;
use std::path::PathBuf;

use crate::glob::files;
use crate::lexer::read_line;
use crate::pattern::is_concrete;

/// How deep files include each other; OpenSSH's own bound.
const DEPTH_MAX: usize = 16;

/// The most files that are read.
const FILES_MAX: usize = 1_000;

/// The largest file that is read, in bytes.
const FILE_SIZE_MAX: u64 = 1 << 20;

/// The granted folder.
pub struct Source {
    /// Where `~/.ssh` is mounted.
    pub folder: PathBuf,
    /// The home folder on the host, where it is known.
    pub home: Option<String>,
}

/// A line of the configuration that matters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// Patterns of a `Host` line.
    Host(Vec<String>),
    /// Criteria of a `Match` line.
    Match(Vec<String>),
    /// Any other keyword and its words.
    Set(String, Vec<String>),
    /// A file that is included here.
    Include(Vec<Item>),
}

/// All that was read.
#[derive(Debug, Default)]
pub struct Tree {
    /// In order.
    pub items: Vec<Item>,
    /// What was skipped and why.
    pub warnings: Vec<String>,
    files_read: usize,
}

impl Tree {
    /// Reads a file of the folder and what it includes.
    pub fn read(source: &Source, name: &str) -> io::Result<Self> {
        let mut tree = Self::default();
        tree.items = tree.file(source, name, 0)?;
        Ok(tree)
    }

    /// Names in `Host` lines that are no patterns, in order, each once.
    pub fn aliases(&self) -> Vec<&str> {
        fn gather<'a>(items: &'a [Item], found: &mut Vec<&'a str>) {
            for item in items {
                match item {
                    Item::Host(patterns) => {
                        for pattern in patterns.iter().filter(|pattern| is_concrete(pattern)) {
                            if !found.contains(&pattern.as_str()) {
                                found.push(pattern);
                            }
                        }
                    }
                    Item::Include(items) => gather(items, found),
                    Item::Match(_) | Item::Set(..) => {}
                }
            }
        }
        let mut found = Vec::new();
        gather(&self.items, &mut found);
        found
    }

    fn file(&mut self, source: &Source, name: &str, depth: usize) -> io::Result<Vec<Item>> {
        self.files_read += 1;
        let path = source.folder.join(name);
        let size = fs::metadata(&path)?.len();
        if size > FILE_SIZE_MAX {
            return Err(io::Error::other(format!("it has {size} bytes, at most {FILE_SIZE_MAX} are read")));
        }
        let bytes = fs::read(&path)?;
        let text = String::from_utf8_lossy(&bytes);
        let mut items = Vec::new();
        for (at, line) in text.lines().enumerate() {
            match read_line(line) {
                Ok(None) => {}
                Ok(Some(line)) => match line.keyword.as_str() {
                    "host" => items.push(Item::Host(line.words)),
                    "match" => items.push(Item::Match(line.words)),
                    "include" => {
                        for pattern in &line.words {
                            self.include(source, pattern, name, depth, &mut items);
                        }
                    }
                    _ => items.push(Item::Set(line.keyword, line.words)),
                },
                Err(problem) => self.warnings.push(format!("{name}, line {}: {problem}; the line is skipped", at + 1)),
            }
        }
        Ok(items)
    }

    fn include(&mut self, source: &Source, pattern: &str, from: &str, depth: usize, items: &mut Vec<Item>) {
        let Some(below) = below_folder(source, pattern) else {
            self.warnings
                .push(format!("{from}: Include {pattern} leads outside of ~/.ssh, which cannot be read; skipped"));
            return;
        };
        if depth >= DEPTH_MAX {
            self.warnings.push(format!("{from}: Include {pattern} is nested deeper than {DEPTH_MAX}; skipped"));
            return;
        }
        for name in files(&source.folder, &below) {
            if self.files_read >= FILES_MAX {
                self.warnings.push(format!("{name}: more than {FILES_MAX} files are included; skipped"));
                return;
            }
            match self.file(source, &name, depth + 1) {
                Ok(included) => items.push(Item::Include(included)),
                Err(error) => self.warnings.push(format!("{name}: cannot be read: {error}; skipped")),
            }
        }
    }
}

/// The part of an `Include`'s path below the granted folder, or `None` if it leads elsewhere.
fn below_folder(source: &Source, pattern: &str) -> Option<String> {
    let home = source.home.as_deref().map(|home| home.trim_end_matches('/'));
    let in_home = ["~/", "%d/", "${HOME}/"].iter().find_map(|prefix| pattern.strip_prefix(prefix));
    if let Some(rest) = in_home {
        return rest.strip_prefix(".ssh/").map(str::to_owned);
    }
    if !pattern.starts_with('/') {
        return (!pattern.starts_with('~')).then(|| pattern.to_owned());
    }
    match home {
        Some(home) => pattern.strip_prefix(home)?.strip_prefix("/.ssh/").map(str::to_owned),
        // The home folder is not known, but its `.ssh` is the only one that one would include.
        None => pattern.split_once("/.ssh/").map(|(_, below)| below.to_owned()),
    }
}
