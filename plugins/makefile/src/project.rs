//! Makefiles in the watched folder as projects, and their targets as templates.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use corral_plugin_sdk::{Error, Listing, Mode, Problem, Rendered, Result, Template};
use serde_json::{Map, Value, json};

use crate::expand::{expand, names};
use crate::parse::{Makefile, Target};
use crate::{Config, Which};

/// Names that make looks for, in its order.
const NAMES: [&str; 3] = ["GNUmakefile", "makefile", "Makefile"];

/// How deep folders are followed.
const DEPTH_MAX: usize = 6;

/// The most projects.
const PROJECTS_MAX: usize = 100;

/// The largest file that is read, in bytes.
const FILE_SIZE_MAX: u64 = 1 << 20;

/// The most variables of one form.
const VARIABLES_MAX: usize = 40;

/// What a value may be made of: nothing that means something to a shell, since recipes seldom quote.
const VALUE: &str = "^[A-Za-z0-9_@%+=:,./ -]*$";

/// Parts of names of targets that take something away or change what serves.
const DANGEROUS: [&str; 16] = [
    "deploy",
    "destroy",
    "delete",
    "drop",
    "uninstall",
    "purge",
    "reset",
    "rollback",
    "remove",
    "rm",
    "wipe",
    "prune",
    "distclean",
    "restore",
    "restart",
    "stop",
];

/// A Makefile and where it is.
struct Project {
    /// Its folder below the watched one; `.` for that itself.
    folder: String,
    makefile: Makefile,
}

/// All that the folders hold.
pub struct Projects {
    projects: Vec<Project>,
    problems: Vec<Problem>,
    config: Config,
}

impl Projects {
    /// Reads folders.
    pub fn read(folders: &[PathBuf], config: &Config) -> Self {
        let mut projects = Self { projects: Vec::new(), problems: Vec::new(), config: config.clone() };
        for root in folders {
            projects.walk(root, root, 0);
        }
        projects.projects.sort_by(|a, b| a.folder.cmp(&b.folder));
        projects.projects.dedup_by(|later, first| later.folder == first.folder);
        projects
    }

    fn walk(&mut self, root: &Path, folder: &Path, depth: usize) {
        if let Some(file) = NAMES.iter().map(|name| folder.join(name)).find(|file| file.is_file()) {
            self.add(root, folder, &file);
        }
        let mut below: Vec<PathBuf> =
            fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        below.sort();
        let hidden = |path: &Path| path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
        for path in below.iter().filter(|path| path.is_dir() && !hidden(path)) {
            if depth < DEPTH_MAX && self.projects.len() < PROJECTS_MAX {
                self.walk(root, path, depth + 1);
            }
        }
    }

    fn add(&mut self, root: &Path, folder: &Path, file: &Path) {
        let source = file.strip_prefix(root).unwrap_or(file).display().to_string();
        let text = match read_text(file) {
            Ok(text) => text,
            Err(message) => return self.problems.push(Problem { source, message }),
        };
        // Only what lies below the watched folder can be read; of what does not, nothing is said.
        let include = |name: &str| if name.contains("..") { None } else { read_text(&folder.join(name)).ok() };
        let makefile = Makefile::read(&text, &include);
        if makefile.targets.is_empty() {
            self.problems
                .push(Problem { source, message: "it has no targets that can be known without running make".into() });
        }
        let name = folder.strip_prefix(root).map(|path| path.display().to_string()).unwrap_or_default();
        self.projects.push(Project { folder: if name.is_empty() { ".".to_owned() } else { name }, makefile });
    }

    /// As the host wants it.
    pub fn listing(self) -> Listing {
        let mut listing = Listing { templates: Vec::new(), problems: self.problems };
        let mut known = BTreeSet::new();
        for project in &self.projects {
            for (name, target) in project.offered(self.config.targets) {
                let template = project.template(name, target, &self.config);
                if known.insert(template.id.clone()) {
                    listing.templates.push(template);
                } else {
                    let message = format!("the target `{name}` has the same id as another one: `{}`", template.id);
                    listing.problems.push(Problem { source: project.folder.clone(), message });
                }
            }
        }
        listing
    }

    /// The command for a target.
    pub fn render(&self, id: &str, args: &Value) -> Result<Rendered> {
        for project in &self.projects {
            let found = project.offered(self.config.targets).into_iter().find(|(name, _)| project.id(name) == id);
            if let Some((name, target)) = found {
                return project.command(name, target, args, &self.config);
            }
        }
        Err(Error::NotFound(format!("there is no target `{id}` any more; was its Makefile changed or removed?")))
    }
}

impl Project {
    fn id(&self, target: &str) -> String {
        let fits = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
        let plain = |text: &str| text.chars().map(|c| if fits(c) { c } else { '_' }).collect::<String>();
        if self.folder == "." { plain(target) } else { format!("{}/{}", plain(&self.folder), plain(target)) }
    }

    /// The targets that are offered.
    fn offered(&self, which: Which) -> Vec<(&String, &Target)> {
        let makefile = &self.makefile;
        let documented = |(_, target): &(&String, &Target)| target.help.is_some();
        let phony = |(name, _): &(&String, &Target)| makefile.phony.contains(*name);
        let all = || makefile.targets.iter();
        match which {
            Which::All => all().collect(),
            Which::Documented => all().filter(documented).collect(),
            Which::Phony => all().filter(|target| documented(target) || phony(target)).collect(),
            Which::Auto if all().any(|target| documented(&target)) => self.offered(Which::Documented),
            Which::Auto if all().any(|target| phony(&target)) => self.offered(Which::Phony),
            Which::Auto => self.offered(Which::All),
        }
    }

    fn template(&self, name: &str, target: &Target, config: &Config) -> Template {
        let place = if self.folder == "." { String::new() } else { format!(" in {}", self.folder) };
        let category = if self.folder == "." { "make".to_owned() } else { self.folder.clone() };
        let help = target.help.clone().unwrap_or_else(|| format!("Runs `make {name}`{place}."));
        Template {
            id: self.id(name),
            title: format!("make {name}"),
            description: help,
            category: target.section.as_ref().map_or(category.clone(), |section| format!("{category}: {section}")),
            parameters: self.parameters(name, config),
            mode: Mode::Durable,
            dangerous: name.split(['-', '_', '.', '/', ':']).any(|part| DANGEROUS.contains(&part)),
            timeout_seconds: 0,
            applies_to: String::new(),
        }
    }

    fn parameters(&self, target: &str, config: &Config) -> Value {
        let mut properties = Map::new();
        let mut order = Vec::new();
        let mut required = Vec::new();
        let mut directory = json!({
            "type": "string", "title": "Directory", "pattern": "^/[^\\n\\r]*$", "maxLength": 1000,
            "description": "Where the project lies on the machine.", "examples": ["/srv/app"],
        });
        match config.directories.get(&self.folder) {
            Some(known) => directory["default"] = json!(known),
            None => required.push("directory"),
        }
        let mut add = |name: &str, schema: Value| {
            order.push(name.to_owned());
            properties.insert(name.to_owned(), schema);
        };
        add("directory", directory);
        for (name, default, help) in self.variables_of(target) {
            let mut schema = json!({"type": "string", "title": name, "pattern": VALUE, "maxLength": 1000});
            if let Some(help) = help {
                schema["description"] = json!(help);
            }
            // A default that could not be typed is make's own affair.
            if let Some(default) = default.filter(|default| is_plain(default)) {
                schema["default"] = json!(default);
            }
            add(&name, schema);
        }
        add(
            "make_jobs",
            json!({
                "type": "integer", "title": "At once", "minimum": 1, "maximum": 64,
                "description": "How many recipes run at the same time; one if not given.",
            }),
        );
        add(
            "make_dry_run",
            json!({
                "type": "boolean", "title": "Only show", "default": false,
                "description": "Shows what would be run instead of running it.",
            }),
        );
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "additionalProperties": false,
            "required": required,
            "x-order": order,
            "properties": properties,
        })
    }

    /// Variables that the recipe of a target or of what it needs speaks of, and that are there to be given: those set
    /// with `?=`, and those that are documented. Name, default, help.
    fn variables_of(&self, target: &str) -> Vec<(String, Option<String>, Option<String>)> {
        let mut targets = BTreeSet::from([target.to_owned()]);
        let mut waiting = vec![target.to_owned()];
        let mut spoken = Vec::new();
        while let Some(name) = waiting.pop() {
            if let Some(target) = self.makefile.targets.get(&name) {
                spoken.extend(names(&target.recipe));
                waiting.extend(target.needs.iter().filter(|need| targets.insert((*need).clone())).cloned());
            }
        }
        let mut known = BTreeSet::new();
        let mut found = BTreeMap::new();
        while let Some(name) = spoken.pop() {
            let Some(variable) = self.makefile.variables.get(&name) else { continue };
            if !known.insert(name.clone()) {
                continue;
            }
            spoken.extend(variable.value.as_deref().map(names).unwrap_or_default());
            let word = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            let taken = ["directory", "make_jobs", "make_dry_run"].contains(&name.as_str());
            if (variable.open || variable.help.is_some()) && word && !taken {
                let default = variable.value.as_deref().and_then(|value| expand(value, &self.makefile.variables));
                found.insert(name, (default, variable.help.clone()));
            }
        }
        found.into_iter().take(VARIABLES_MAX).map(|(name, (default, help))| (name, default, help)).collect()
    }

    fn command(&self, name: &str, _target: &Target, args: &Value, config: &Config) -> Result<Rendered> {
        let text = |key: &str| args.get(key).and_then(Value::as_str);
        let directory = text("directory").or_else(|| config.directories.get(&self.folder).map(String::as_str));
        let Some(directory) = directory.filter(|directory| directory.starts_with('/')) else {
            return Err(Error::InvalidInput("`directory` says where the project lies on the machine: /srv/app".into()));
        };
        let mut argv = vec!["make".to_owned(), "-C".to_owned(), directory.to_owned()];
        if args.get("make_dry_run").and_then(Value::as_bool) == Some(true) {
            argv.push("-n".to_owned());
        }
        if let Some(jobs) = args.get("make_jobs").and_then(Value::as_u64) {
            argv.push(format!("-j{jobs}"));
        }
        // What begins with a dash is a target too.
        argv.extend(["--".to_owned(), name.to_owned()]);
        for (variable, default, _) in self.variables_of(name) {
            let Some(value) = text(&variable).filter(|value| default.as_deref() != Some(*value)) else { continue };
            if !is_plain(value) {
                return Err(Error::InvalidInput(format!(
                    "`{variable}` has a character that make or a shell would act upon; letters, digits and _@%+=:,./- do"
                )));
            }
            argv.push(format!("{variable}={value}"));
        }
        Ok(Rendered { argv, ..Rendered::default() })
    }
}

/// Whether a value means nothing to a shell and nothing to make.
fn is_plain(value: &str) -> bool {
    value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_@%+=:,./ -".contains(&byte))
}

fn read_text(path: &Path) -> Result<String, String> {
    let size = fs::metadata(path).map_err(|error| format!("cannot be read: {error}"))?.len();
    if size > FILE_SIZE_MAX {
        return Err(format!("it has {size} bytes, at most {FILE_SIZE_MAX} are read"));
    }
    let bytes = fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
