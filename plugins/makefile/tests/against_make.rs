//! What `make -pRrq` says is what the plugin must say, over a corpus of Makefiles.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use corral_plugin_makefile::Makefile;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus")
}

/// Targets, and values of variables set in the Makefile as they stand there.
fn make(folder: &Path) -> (BTreeSet<String>, BTreeMap<String, String>) {
    // `-q` runs no recipe; the goal is one that no Makefile has.
    let output = Command::new("make")
        .args(["-pRrq", "-C", folder.to_str().unwrap(), "--no-print-directory", "no such goal"])
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap())
        .output()
        .expect("make is installed");
    let text = String::from_utf8(output.stdout).unwrap();
    let (mut targets, mut variables) = (BTreeSet::new(), BTreeMap::new());
    let (mut files, mut before) = (false, "");
    for line in text.lines() {
        if line.starts_with("# ") && (line == "# Files" || line == "# Implicit Rules") {
            files = line == "# Files";
        }
        if files && !line.starts_with(['#', '\t', ' ']) && before != "# Not a target:" {
            let special = |name: &str| name.starts_with('.') && !name.contains('/');
            if let Some((name, _)) = line.split_once(':').filter(|(name, _)| !special(name)) {
                targets.insert(name.to_owned());
            }
        } else if !files
            && before.starts_with("# makefile")
            && let Some((name, value)) = line.split_once(" = ")
        {
            variables.insert(name.to_owned(), value.to_owned());
        }
        before = line;
    }
    (targets, variables)
}

fn read(folder: &Path) -> Makefile {
    let text = fs::read_to_string(folder.join("Makefile")).unwrap();
    Makefile::read(&text, &|name| fs::read_to_string(folder.join(name)).ok())
}

#[test]
fn every_makefile_of_the_corpus_has_the_targets_that_make_says() {
    let (mut cases, mut count, mut values) = (0, 0, 0);
    for entry in fs::read_dir(corpus()).unwrap() {
        let folder = entry.unwrap().path();
        let case = folder.file_name().unwrap().to_str().unwrap().to_owned();
        let (targets, variables) = make(&folder);
        let ours = read(&folder);
        let names: BTreeSet<String> = ours.targets.keys().cloned().collect();
        // What only a shell could say is left out, and nothing else.
        let known: BTreeSet<String> = targets.into_iter().filter(|name| !name.starts_with("from-shell")).collect();
        assert_eq!(names, known, "{case}");
        for (name, value) in variables {
            if let Some(variable) = ours.variables.get(&name) {
                assert_eq!(variable.value.as_deref().map(str::trim_end), Some(value.trim_end()), "{case}: {name}");
                values += 1;
            }
        }
        cases += 1;
        count += names.len();
    }
    println!("{cases} Makefiles, {count} targets and {values} values compared with make -pRrq");
    assert!(cases >= 10 && count >= 50 && values >= 10, "{cases} {count} {values}");
}

#[test]
fn variables_that_name_each_other_without_end_are_given_up() {
    let mut text = "A0 =\nL = $(L)\n".to_owned();
    for layer in 1..30 {
        let below = layer - 1;
        let line = format!("A{layer} = $(A{below})$(A{below})\n");
        text.push_str(&line);
    }
    let makefile = Makefile::read(&format!("{text}$(A29)x:\n$(L)y:\n$(A3)z:\n"), &|_| None);
    assert_eq!(makefile.targets.keys().collect::<Vec<_>>(), ["z"]);
}

#[test]
fn nothing_is_run_to_read_a_makefile() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("ran");
    let text = format!(
        "X := $(shell touch {0})\nY != touch {0}\n$(shell touch {0}):\n\ttouch {0}\nok: ## fine\n",
        trace.display()
    );
    let makefile = Makefile::read(&text, &|_| None);
    assert_eq!(makefile.targets.keys().collect::<Vec<_>>(), ["ok"]);
    assert_eq!(makefile.variables["X"].value, None);
    assert!(!trace.exists());
}
