//! What `ansible-inventory --list` says is what the plugin must say, over a corpus of inventories.
//!
//! Where there is an `ansible-inventory`, in the folder `bin` of `CORRAL_BENCH_VENV` or in the PATH, it is asked. Its
//! answers are also stored in `expected/`, made by core 2.19 with `ansible-inventory -i INVENTORY --list`; without it
//! the comparison is with these, which the test says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use corral_plugin_ansible_inventory::{Inventory, read};
use serde_json::Value;

fn tests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests")
}

/// Names of the cases, and what is read of each: the only file of its folder, or the folder.
fn cases() -> Vec<(String, PathBuf)> {
    let mut cases = Vec::new();
    for entry in fs::read_dir(tests().join("corpus")).unwrap() {
        let folder = entry.unwrap().path();
        let files: Vec<_> =
            fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
        let path = if files.len() == 1 { files[0].clone() } else { folder.clone() };
        cases.push((folder.file_name().unwrap().to_str().unwrap().to_owned(), path));
    }
    cases.sort();
    cases
}

fn program() -> Option<PathBuf> {
    let venv = std::env::var_os("CORRAL_BENCH_VENV").map(|venv| Path::new(&venv).join("bin"));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = venv.into_iter().chain(std::env::split_paths(&path));
    folders.map(|folder| folder.join("ansible-inventory")).find(|program| program.is_file())
}

fn theirs(program: Option<&Path>, case: &str, path: &Path) -> Value {
    let stored = || fs::read(tests().join("expected").join(format!("{case}.json"))).unwrap();
    let text = match program {
        None => stored(),
        Some(program) => {
            let output = Command::new(program)
                .args(["-i", path.to_str().unwrap(), "--list"])
                .env("LC_ALL", "C.UTF-8")
                .output()
                .unwrap();
            assert!(output.status.success(), "{case}: {}", String::from_utf8_lossy(&output.stderr));
            output.stdout
        }
    };
    serde_json::from_slice(&text).unwrap()
}

/// Hosts and children of each group, as the program lists them: groups without any are not there.
fn groups_of_theirs(list: &Value) -> BTreeMap<String, (BTreeSet<String>, BTreeSet<String>)> {
    let names = |value: &Value| -> BTreeSet<String> {
        value.as_array().into_iter().flatten().map(|name| name.as_str().unwrap().to_owned()).collect()
    };
    let groups = list.as_object().unwrap().iter().filter(|(name, _)| *name != "_meta");
    groups.map(|(name, group)| (name.clone(), (names(&group["hosts"]), names(&group["children"])))).collect()
}

fn compare_groups(case: &str, list: &Value, inventory: &Inventory) {
    let theirs = groups_of_theirs(list);
    for name in inventory.groups() {
        let (hosts, children) = theirs.get(&name).cloned().unwrap_or_default();
        assert_eq!(inventory.direct_hosts(&name), hosts, "{case}: hosts of {name}");
        if name != "all" {
            assert_eq!(inventory.children(&name), children, "{case}: groups in {name}");
        }
    }
    for name in theirs.keys() {
        assert!(inventory.groups().contains(name), "{case}: there is no group {name}");
    }
}

/// What is encrypted is shown as it stands there.
fn is_encrypted(value: &Value) -> bool {
    value.get("__ansible_vault").is_some()
}

fn compare_vars(case: &str, list: &Value, inventory: &Inventory) -> usize {
    let theirs = list["_meta"]["hostvars"].as_object().unwrap();
    let mut compared = 0;
    for host in inventory.hosts() {
        let ours = inventory.vars_of(&host);
        let empty = serde_json::Map::new();
        let vars = theirs.get(&host).map_or(&empty, |vars| vars.as_object().unwrap());
        let names: BTreeSet<&String> = ours.keys().chain(vars.keys()).collect();
        for name in names {
            let (our, their) = (ours.get(name), vars.get(name));
            if their.is_some_and(is_encrypted) {
                assert!(our.unwrap().as_str().unwrap().starts_with("$ANSIBLE_VAULT;"), "{case}: {host}: {name}");
            } else if their.is_some_and(|value| value.get("__ansible_unsafe").is_some()) {
                assert_eq!(our, their.unwrap().get("__ansible_unsafe"), "{case}: {host}: {name}");
            } else {
                assert_eq!(our, their, "{case}: {host}: {name}");
            }
            compared += 1;
        }
    }
    for host in theirs.keys() {
        assert!(inventory.hosts().contains(host), "{case}: there is no host {host}");
    }
    compared
}

#[test]
fn every_inventory_of_the_corpus_means_what_ansible_says() {
    let program = program();
    match &program {
        Some(program) => println!("compared with {}", program.display()),
        None => println!("there is no ansible-inventory here: compared with what it said when the corpus was made"),
    }
    let (mut hosts, mut values) = (0, 0);
    let cases = cases();
    for (case, path) in &cases {
        let list = theirs(program.as_deref(), case, path);
        let mut inventory = Inventory::default();
        read(path, &mut inventory);
        let skipped: Vec<_> =
            inventory.messages.iter().filter(|message| message.ends_with("the file is skipped")).collect();
        assert!(skipped.is_empty(), "{case}: {skipped:?}");
        compare_groups(case, &list, &inventory);
        values += compare_vars(case, &list, &inventory);
        hosts += inventory.hosts().len();
    }
    println!("{} inventories, {hosts} hosts, {values} values compared", cases.len());
    assert!(cases.len() >= 15 && hosts >= 100 && values >= 150, "{} {hosts} {values}", cases.len());
}
