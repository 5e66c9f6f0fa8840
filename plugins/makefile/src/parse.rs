//! Statements of a Makefile: variables, rules, conditions, includes.

use std::collections::{BTreeMap, BTreeSet};

use crate::expand::{Variables, expand};
use crate::lines::lines;

/// The most targets of one Makefile.
const TARGETS_MAX: usize = 2_000;

/// How deep files include each other.
const DEPTH_MAX: usize = 8;

/// What is known of a variable.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Variable {
    /// As it stands there, or `None` where it would have to be run to be known.
    pub value: Option<String>,
    /// Whether it was set with `?=`: it is there to be given.
    pub open: bool,
    /// What stands after `##`.
    pub help: Option<String>,
}

/// A target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Target {
    /// What stands after `##`, behind or above it.
    pub help: Option<String>,
    /// The heading that it stands under: `##@ Heading`.
    pub section: Option<String>,
    /// What it needs.
    pub needs: Vec<String>,
    /// Its recipe.
    pub recipe: String,
}

/// What a Makefile says.
#[derive(Debug, Clone, Default)]
pub struct Makefile {
    /// By name; without patterns and without those that mean something to make.
    pub targets: BTreeMap<String, Target>,
    /// Targets that are no files.
    pub phony: BTreeSet<String>,
    /// By name.
    pub variables: Variables,
}

/// Whether what follows a condition is read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Branch {
    Taken,
    Skipped,
    /// A branch before it was taken.
    Over,
    /// It cannot be known; all branches are read.
    Both,
}

struct Reader<'a> {
    makefile: Makefile,
    branches: Vec<Branch>,
    /// Targets of the rule whose recipe may follow.
    open: Vec<String>,
    section: Option<String>,
    /// Help that stood in the line above.
    above: Option<String>,
    /// Inside `define`, how deep.
    defines: usize,
    include: &'a dyn Fn(&str) -> Option<String>,
}

impl Makefile {
    /// Reads a text; `include` gives the texts of files that it names.
    pub fn read(text: &str, include: &dyn Fn(&str) -> Option<String>) -> Self {
        let mut reader = Reader {
            makefile: Self::default(),
            branches: Vec::new(),
            open: Vec::new(),
            section: None,
            above: None,
            defines: 0,
            include,
        };
        reader.text(text, 0);
        reader.makefile
    }
}

impl Reader<'_> {
    fn text(&mut self, text: &str, depth: usize) {
        for line in lines(text) {
            if line.recipe && !self.open.is_empty() && self.defines == 0 {
                if self.is_read() {
                    self.recipe(&line.text);
                }
                continue;
            }
            let statement = line.text.trim();
            if statement.is_empty() {
                self.comment(line.help);
                continue;
            }
            let help = line.help.or_else(|| self.above.take());
            self.above = None;
            self.statement(statement, help, depth);
        }
    }

    fn is_read(&self) -> bool {
        self.branches.iter().all(|branch| matches!(branch, Branch::Taken | Branch::Both))
    }

    fn comment(&mut self, help: Option<String>) {
        match help {
            Some(help) => match help.strip_prefix('@') {
                Some(section) => self.section = Some(section.trim().to_owned()).filter(|section| !section.is_empty()),
                None => self.above = Some(help).filter(|help| !help.is_empty()),
            },
            None => self.above = None,
        }
    }

    fn statement(&mut self, statement: &str, help: Option<String>, depth: usize) {
        let (word, rest) = statement.split_once([' ', '\t']).unwrap_or((statement, ""));
        if self.defines > 0 {
            match word {
                "define" => self.defines += 1,
                "endef" => self.defines -= 1,
                _ => {}
            }
            return;
        }
        if self.condition(word, rest.trim()) || !self.is_read() {
            return;
        }
        match word {
            "define" => self.defines = 1,
            "include" | "-include" | "sinclude" => self.include(rest, depth),
            "vpath" | "undefine" | "unexport" | "load" => self.open.clear(),
            "export" | "override" | "private" if assignment(rest).is_some() => self.statement(rest.trim(), help, depth),
            "export" => {}
            _ => match assignment(statement) {
                Some((name, operator, value)) => self.assign(name, operator, value, help),
                None => self.rule(statement, help),
            },
        }
    }

    /// `ifeq`, `ifdef` and what belongs to them.
    fn condition(&mut self, word: &str, rest: &str) -> bool {
        match word {
            "ifdef" | "ifndef" | "ifeq" | "ifneq" => {
                let truth = match word {
                    "ifdef" | "ifndef" => self.is_defined(rest),
                    _ => self.is_equal(rest),
                };
                let negated = word.starts_with("ifn");
                self.branches.push(match truth {
                    None => Branch::Both,
                    Some(truth) if truth != negated => Branch::Taken,
                    Some(_) => Branch::Skipped,
                });
                true
            }
            "else" => {
                let before = self.branches.pop().unwrap_or(Branch::Both);
                let (word, rest) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
                match before {
                    Branch::Taken | Branch::Over => self.branches.push(Branch::Over),
                    Branch::Both => self.branches.push(Branch::Both),
                    Branch::Skipped if word.starts_with("if") => drop(self.condition(word, rest.trim())),
                    Branch::Skipped => self.branches.push(Branch::Taken),
                }
                true
            }
            "endif" => {
                self.branches.pop();
                true
            }
            _ => false,
        }
    }

    fn is_defined(&self, name: &str) -> Option<bool> {
        let name = expand(name, &self.makefile.variables)?;
        match self.makefile.variables.get(&name) {
            Some(variable) => Some(!variable.value.as_deref()?.is_empty()),
            // It may be set where make is run.
            None => None,
        }
    }

    fn is_equal(&self, rest: &str) -> Option<bool> {
        let inner = rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
        let (left, right) = if let Some(inner) = inner {
            let at = top_level(inner, |text| text.starts_with(','))?;
            (&inner[..at], &inner[at + 1..])
        } else {
            let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            let (left, rest) = rest[1..].split_once(quote)?;
            let rest = rest.trim_start().get(1..)?;
            (left, &rest[..rest.find(['"', '\''])?])
        };
        let known = |text: &str| {
            let named = crate::expand::names(text);
            let unset = named.iter().any(|name| !self.makefile.variables.contains_key(name));
            if unset { None } else { expand(text, &self.makefile.variables) }
        };
        Some(known(left)?.trim() == known(right)?.trim())
    }

    fn include(&mut self, files: &str, depth: usize) {
        self.open.clear();
        let Some(files) = expand(files, &self.makefile.variables) else { return };
        for file in files.split_whitespace() {
            if depth < DEPTH_MAX
                && let Some(text) = (self.include)(file)
            {
                self.text(&text, depth + 1);
                self.open.clear();
            }
        }
    }

    fn assign(&mut self, name: &str, operator: &str, value: &str, help: Option<String>) {
        self.open.clear();
        let Some(name) = expand(name, &self.makefile.variables) else { return };
        let variables = &self.makefile.variables;
        let before = variables.get(&name).cloned();
        let value = match operator {
            "?=" if before.is_some() => return,
            "=" | "?=" => Some(value.to_owned()),
            "+=" => {
                let old = before.as_ref().map_or(Some(String::new()), |before| before.value.clone());
                old.map(|old| if old.is_empty() { value.to_owned() } else { format!("{old} {value}") })
            }
            "!=" => None,
            // Filled in now; dollars of the result stay dollars.
            _ => expand(value, variables).map(|value| value.replace('$', "$$")),
        };
        let open = operator == "?=" || (operator == "+=" && before.as_ref().is_some_and(|before| before.open));
        let help = help.or_else(|| before.and_then(|before| before.help));
        self.makefile.variables.insert(name, Variable { value, open, help });
    }

    fn rule(&mut self, statement: &str, help: Option<String>) {
        self.open.clear();
        let Some(colon) = top_level(statement, |text| text.starts_with(':')) else { return };
        let (names, rest) = statement.split_at(colon);
        let rest = rest.trim_start_matches(':');
        // A variable of these targets alone.
        if assignment(rest.trim().trim_start_matches("private ").trim_start_matches("export ")).is_some() {
            return;
        }
        let (needs, inline) = rest.split_once(';').unwrap_or((rest, ""));
        // `objects: %.o: %.c`
        let needs = top_level(needs, |text| text.starts_with(':')).map_or(needs, |at| &needs[at + 1..]);
        let known = expand(names.trim_end_matches('&'), &self.makefile.variables);
        let Some(names) = known else { return };
        let needs = expand(needs, &self.makefile.variables).unwrap_or_default();
        let needs: Vec<String> = needs.split_whitespace().filter(|word| *word != "|").map(str::to_owned).collect();
        for name in names.split_whitespace() {
            if name == ".PHONY" {
                self.makefile.phony.extend(needs.iter().cloned());
                continue;
            }
            let special = name.starts_with('.') && !name.contains('/');
            if special || name.contains('%') || self.makefile.targets.len() >= TARGETS_MAX {
                continue;
            }
            let section = self.section.clone();
            let target = self.makefile.targets.entry(name.to_owned()).or_default();
            target.needs.extend(needs.iter().cloned());
            target.help = target.help.take().or_else(|| help.clone());
            target.section = target.section.take().or(section);
            self.open.push(name.to_owned());
        }
        if self.open.is_empty() {
            // The recipe of a pattern is nobody's here, but it is one.
            self.open.push(String::new());
        }
        if !inline.trim().is_empty() {
            self.recipe(inline);
        }
    }

    fn recipe(&mut self, text: &str) {
        for name in &self.open {
            if let Some(target) = self.makefile.targets.get_mut(name) {
                target.recipe.push_str(text);
                target.recipe.push('\n');
            }
        }
    }
}

/// Name, operator and value of a line that sets a variable.
fn assignment(text: &str) -> Option<(&str, &str, &str)> {
    const OPERATORS: [&str; 7] = [":::=", "::=", ":=", "?=", "+=", "!=", "="];
    let found = |text: &str| OPERATORS.iter().any(|operator| text.starts_with(operator)) || text.starts_with(':');
    let at = top_level(text, found)?;
    let operator = OPERATORS.iter().find(|operator| text[at..].starts_with(**operator))?;
    let name = text[..at].trim();
    let one_word = !name.is_empty() && !name.contains(char::is_whitespace) || name.starts_with("$(");
    one_word.then(|| (name, *operator, text[at + operator.len()..].trim_start()))
}

/// Where something begins outside of `$(…)`.
fn top_level(text: &str, found: impl Fn(&str) -> bool) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices() {
        match c {
            '(' | '{' => depth += 1,
            ')' | '}' => depth = depth.saturating_sub(1),
            _ if depth == 0 && found(&text[at..]) => return Some(at),
            _ => {}
        }
    }
    None
}
