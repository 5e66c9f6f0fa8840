//! All templates of all folders, and what is broken in them.

use std::collections::BTreeMap;
use std::path::PathBuf;

use corral_plugin_sdk::{Error, Listing, Problem, Rendered, Result, Vm};
use serde_json::Value;

use crate::compile::{Compiled, compile};
use crate::document::Document;
use crate::files::read_folder;
use crate::render::render;

/// The most templates that are offered.
const TEMPLATES_MAX: usize = 5_000;

/// What the folders hold.
#[derive(Default)]
pub struct Library {
    templates: BTreeMap<String, (Compiled, String)>,
    problems: Vec<Problem>,
}

impl Library {
    /// Reads folders. Of two templates with one id the first one counts.
    pub fn read(folders: &[PathBuf]) -> Self {
        let mut library = Self::default();
        for folder in folders {
            for file in read_folder(folder, &mut library.problems) {
                let (templates, problems) = read_text(&file.name, &file.text);
                library.problems.extend(problems);
                for compiled in templates {
                    library.add(compiled, &file.name);
                }
            }
        }
        library
    }

    fn add(&mut self, compiled: Compiled, file: &str) {
        let id = compiled.template.id.clone();
        let message = if let Some((_, first)) = self.templates.get(&id) {
            format!("the id `{id}` is already used in {first}; choose another")
        } else if self.templates.len() >= TEMPLATES_MAX {
            format!("template `{id}` is not offered: there are more than {TEMPLATES_MAX}")
        } else {
            self.templates.insert(id, (compiled, file.to_owned()));
            return;
        };
        self.problems.push(Problem { source: file.to_owned(), message });
    }

    /// As the host wants it.
    pub fn listing(self) -> Listing {
        let templates = self.templates.into_values().map(|(compiled, _)| compiled.template).collect();
        Listing { templates, problems: self.problems }
    }

    /// Renders a template for machines.
    pub fn render(&self, id: &str, args: &Value, vms: &[Vm]) -> Result<Vec<Rendered>> {
        let Some((compiled, _)) = self.templates.get(id) else {
            let message =
                format!("there is no template `{id}` in the folder any more; was its file changed or removed?");
            return Err(Error::NotFound(message));
        };
        let empty = serde_json::Map::new();
        let args = match args {
            Value::Object(args) => args,
            Value::Null => &empty,
            _ => return Err(Error::InvalidInput("the arguments must be a JSON object".into())),
        };
        vms.iter().map(|vm| render(compiled, args, vm)).collect()
    }
}

/// The templates of one file and its problems.
pub fn read_text(name: &str, text: &str) -> (Vec<Compiled>, Vec<Problem>) {
    let mut problems = Vec::new();
    let mut templates = Vec::new();
    let stem = name.rsplit('/').next().unwrap_or(name).rsplit_once('.').map_or(name, |(stem, _)| stem);
    let mut add = |document: Document, category: &str, problems: &mut Vec<Problem>| match compile(document, category) {
        Ok(compiled) => templates.push(compiled),
        Err((line, message)) => problems.push(problem(name, line, &message)),
    };
    // Only `true` and `false` are booleans: the choice `no` of an enum is a word.
    let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false };
    match serde_saphyr::from_multiple_with_options::<Document>(text, options) {
        Err(error) => {
            let line = error.location().map_or(0, |location| location.line());
            problems.push(problem(name, line, &error.without_snippet().to_string()));
        }
        Ok(documents) => {
            for mut document in documents {
                match document.templates.take() {
                    None => add(document, stem, &mut problems),
                    Some(_) if document.id.is_some() || document.argv.is_some() || document.script.is_some() => {
                        let line = document.id.map_or(0, |id| id.defined.line());
                        problems.push(problem(name, line, "beside `templates` only `category` may stand"));
                    }
                    Some(list) => {
                        let category = document.category.as_deref().unwrap_or(stem);
                        for document in list {
                            add(document, category, &mut problems);
                        }
                    }
                }
            }
        }
    }
    (templates, problems)
}

fn problem(name: &str, line: u64, message: &str) -> Problem {
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let message = if line == 0 { message } else { format!("line {line}: {message}") };
    Problem { source: name.to_owned(), message }
}
