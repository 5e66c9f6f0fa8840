//! Every template with every example, bad input, and those that only look on this machine.

use std::collections::BTreeSet;
use std::process::Command;

use corral_plugin_ops_pack::{Config, Pack};
use corral_plugin_sdk::Template;
use serde_json::{Map, Value, json};

fn pack(config: &str) -> Pack {
    Pack::new(serde_json::from_str(config).unwrap())
}

fn templates() -> Vec<Template> {
    pack("{}").listing().templates
}

/// Values of a field that are worth a try: default, examples, choices, bounds, both answers, and none where it may be.
fn values(property: &Value, required: bool) -> Vec<Option<Value>> {
    let mut values: Vec<Option<Value>> = if required { Vec::new() } else { vec![None] };
    values.extend(property.get("default").cloned().map(Some));
    for list in ["examples", "enum"] {
        values.extend(property.get(list).and_then(Value::as_array).into_iter().flatten().cloned().map(Some));
    }
    values.extend(["minimum", "maximum"].iter().filter_map(|bound| property.get(*bound).cloned()).map(Some));
    if property["type"] == "boolean" {
        values.extend([Some(json!(true)), Some(json!(false))]);
    }
    values
}

/// All sets of arguments that these values make.
fn all_arguments(template: &Template) -> Vec<Value> {
    let required: BTreeSet<&str> =
        template.parameters["required"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let mut sets = vec![Map::new()];
    for (name, property) in template.parameters["properties"].as_object().unwrap() {
        let mut more = Vec::new();
        for set in &sets {
            for value in values(property, required.contains(name.as_str())) {
                let mut set: Map<String, Value> = set.clone();
                if let Some(value) = value {
                    set.insert(name.clone(), value);
                }
                more.push(set);
            }
        }
        sets = more;
    }
    sets.into_iter().map(Value::Object).collect()
}

fn argv(config: &str, id: &str, args: &Value) -> Vec<String> {
    pack(config).render(id, args).unwrap().argv
}

#[test]
fn every_template_renders_with_every_example() {
    let (mut rendered, mut ids) = (0, BTreeSet::new());
    for template in templates() {
        assert!(ids.insert(template.id.clone()), "{} is there twice", template.id);
        assert!(
            !template.title.is_empty() && template.description.ends_with('.') || template.description.ends_with('…'),
            "{}",
            template.id
        );
        assert!(template.timeout_seconds > 0, "{}", template.id);
        let schema = jsonschema::validator_for(&template.parameters).unwrap();
        for args in all_arguments(&template) {
            assert!(schema.is_valid(&args), "{}: {args}", template.id);
            for config in ["{}", r#"{"sudo": false}"#] {
                let argv = argv(config, &template.id, &args);
                assert!(!argv[0].is_empty() && argv.iter().all(|word| !word.contains('\0')), "{}", template.id);
                rendered += 1;
            }
        }
    }
    println!("{} templates, {rendered} commands", ids.len());
    assert!(ids.len() >= 55 && rendered >= 300, "{} {rendered}", ids.len());
}

/// What must never get into a command, by where a shell or a program would act upon it.
const HOSTILE: [&str; 16] = [
    "-x", "--help", "a;id", "a|id", "a&id", "$(id)", "`id`", "a\nb", "a\0b", "../x", "a'b", "a\"b", "a>b", "*", "", " ",
];

#[test]
fn schemas_refuse_bad_input_and_what_they_admit_stays_one_word() {
    let mut refused = 0;
    for template in templates() {
        let schema = jsonschema::validator_for(&template.parameters).unwrap();
        let good = all_arguments(&template).remove(0);
        for (name, property) in template.parameters["properties"].as_object().unwrap() {
            let mut bad: Vec<Value> = vec![json!([]), json!({}), json!(null)];
            bad.extend(match property["type"].as_str().unwrap() {
                "integer" => vec![json!("x"), json!(1.5), json!(-1), json!(10_000_000)],
                "boolean" => vec![json!("yes"), json!(1)],
                _ => vec![json!(1), json!(true), json!("x".repeat(501)), json!("a\nb")],
            });
            // Text to look for may be anything on one line, behind `--` or `=`.
            if property["type"] == "string" && name != "text" {
                bad.extend(HOSTILE.iter().filter(|text| !text.is_empty()).map(|text| json!(text)));
            }
            for value in bad {
                let mut args = good.clone();
                args[name] = value;
                assert!(!schema.is_valid(&args), "{}: {args}", template.id);
                refused += 1;
            }
        }
        let mut args = good.clone();
        args["unknown"] = json!(1);
        assert!(!schema.is_valid(&args), "{}", template.id);
    }
    println!("{refused} sets of arguments refused");
    for hostile in ["$(id)", "a b", "-x", "a;id", "'\""] {
        let argv = argv(r#"{"sudo": false}"#, "process-find", &json!({"text": hostile}));
        assert_eq!(argv, ["pgrep", "--full", "--list-full", "--", hostile]);
        let argv = self::argv(r#"{"sudo": false}"#, "journal-grep", &json!({"text": hostile}));
        assert_eq!(argv[2], format!("--grep={hostile}"));
    }
}

#[test]
fn a_value_is_never_part_of_a_script() {
    for template in templates() {
        let scripts = |args: &Value| -> Vec<String> {
            let argv = argv("{}", &template.id, args);
            argv.windows(3)
                .filter(|words| words[0] == "/bin/sh" && words[1] == "-c")
                .map(|words| words[2].clone())
                .collect()
        };
        let sets = all_arguments(&template);
        for args in &sets {
            assert_eq!(scripts(args), scripts(&sets[0]), "{}", template.id);
        }
        for script in scripts(&sets[0]) {
            let parsed = Command::new("/bin/sh").args(["-n", "-c", &script]).status().unwrap();
            assert!(parsed.success(), "{}: the script does not parse", template.id);
        }
    }
}

#[test]
fn what_needs_root_is_run_by_sudo_unless_one_is_root_or_says_otherwise() {
    let args = json!({"service": "nginx"});
    let plain = argv(r#"{"sudo": false}"#, "service-enable", &args);
    assert_eq!(plain, ["systemctl", "enable", "--", "nginx"]);
    let wrapped = argv("{}", "service-enable", &args);
    assert_eq!((wrapped[..2].join(" "), &wrapped[4..]), ("/bin/sh -c".to_owned(), &plain[..]));
    assert_eq!(argv("{}", "uptime", &json!({})), ["uptime"]);
    // The wrapper hands its arguments on as they are.
    let output = Command::new(&wrapped[0])
        .args(&wrapped[1..4])
        .args(["printf", "%s|", "a b", "$(id)", "'"])
        .env("PATH", sudo_path().path())
        .output();
    let output = output.unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "a b|$(id)|'|", "{}", String::from_utf8_lossy(&output.stderr));
}

/// A PATH with a `sudo` in front that only takes its options away.
fn sudo_path() -> SudoPath {
    use std::os::unix::fs::PermissionsExt;
    let folder = std::env::temp_dir().join(format!("ops-pack-sudo-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let sudo = folder.join("sudo");
    std::fs::write(&sudo, "#!/bin/sh\nshift 2\nexec \"$@\"\n").unwrap();
    std::fs::set_permissions(&sudo, std::fs::Permissions::from_mode(0o755)).unwrap();
    SudoPath(folder)
}

struct SudoPath(std::path::PathBuf);

impl SudoPath {
    fn path(&self) -> String {
        format!("{}:{}", self.0.display(), std::env::var("PATH").unwrap())
    }
}

impl Drop for SudoPath {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

#[test]
fn what_changes_something_that_serves_is_marked() {
    let dangerous: Vec<String> =
        templates().into_iter().filter(|template| template.dangerous).map(|template| template.id).collect();
    for id in [
        "service-stop",
        "service-restart",
        "docker-prune",
        "package-remove",
        "packages-upgrade",
        "process-signal",
        "user-lock",
        "reboot",
        "journal-vacuum",
    ] {
        assert!(dangerous.iter().any(|found| found == id), "{id}");
    }
    for id in
        ["service-status", "journal", "docker-ps", "disk-usage", "updates-list", "processes-top", "user-show", "uptime"]
    {
        assert!(!dangerous.iter().any(|found| found == id), "{id}");
    }
}

#[test]
fn templates_that_only_look_run_on_this_machine() {
    let looks = [
        ("disk-usage", json!({})),
        ("disk-usage", json!({"what": "inodes"})),
        ("disk-largest-folders", json!({"path": env!("CARGO_MANIFEST_DIR"), "count": 3})),
        ("disk-largest-files", json!({"path": env!("CARGO_MANIFEST_DIR"), "count": 3})),
        ("disk-deleted-files", json!({})),
        ("file-tail", json!({"path": "/etc/os-release", "lines": 2})),
        ("processes-top", json!({"count": 3})),
        ("processes-top", json!({"by": "memory", "count": 1})),
        ("processes-tree", json!({})),
        ("process-files", json!({"pid": std::process::id().to_string()})),
        ("users-list", json!({})),
        ("user-show", json!({"user": "root"})),
        ("os-version", json!({})),
        ("resolve", json!({"host": "localhost"})),
        ("uptime", json!({})),
    ];
    let mut run = Vec::new();
    for (id, args) in looks {
        let argv = argv(r#"{"sudo": false}"#, id, &args);
        match Command::new(&argv[0]).args(&argv[1..]).output() {
            Ok(output) => {
                let errors = String::from_utf8_lossy(&output.stderr);
                assert!(output.status.success(), "{id}: {errors}");
                assert!(!output.stdout.is_empty() || id == "disk-deleted-files", "{id}");
                run.push(id);
            }
            Err(error) => println!("{id}: {} is not here: {error}", argv[0]),
        }
    }
    println!("ran {}", run.join(", "));
    assert!(run.len() >= 8, "{run:?}");
}

#[test]
fn templates_can_be_off_and_what_is_missing_is_said() {
    let ids =
        |config: &str| pack(config).listing().templates.into_iter().map(|template| template.id).collect::<Vec<_>>();
    assert!(ids("{}").iter().any(|id| id == "docker-ps"));
    let few = ids(r#"{"disabled": ["docker-*", "reboot"]}"#);
    assert!(few.iter().all(|id| !id.starts_with("docker-") && id != "reboot"));
    assert!(few.iter().any(|id| id == "reboot-required"));
    let off = pack(r#"{"disabled": ["reboot"]}"#).render("reboot", &json!({})).unwrap_err().to_string();
    assert!(off.contains("disabled"), "{off}");
    for args in [json!({}), json!({"service": ""}), json!({"service": null}), json!({"service": []})] {
        assert!(pack("{}").render("service-status", &args).is_err(), "{args}");
    }
}

#[test]
fn the_schema_admits_what_the_plugin_takes() {
    let schema: Value = serde_json::from_str(include_str!("../config.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (config, good) in [
        ("{}", true),
        (r#"{"sudo": false, "disabled": ["docker-*", "reboot"]}"#, true),
        (r#"{"sudo": 1}"#, false),
        (r#"{"disable": []}"#, false),
    ] {
        assert_eq!(validator.is_valid(&serde_json::from_str(config).unwrap()), good, "{config}");
        assert_eq!(serde_json::from_str::<Config>(config).is_ok(), good, "{config}");
    }
}

#[test]
fn the_readme_names_every_template_and_marks_those_that_ask() {
    let readme = include_str!("../README.md");
    for template in templates() {
        let bold = readme.contains(&format!("**`{}`**", template.id));
        assert!(readme.contains(&format!("`{}`", template.id)), "{}", template.id);
        assert_eq!(bold, template.dangerous, "{}", template.id);
    }
}
