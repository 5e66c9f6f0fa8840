//! What a folder of templates must give, whatever is in it.

use std::fs;
use std::path::Path;

use corral_plugin_sdk::{Label, Listing, Mode, Problem, Rendered, testing};
use corral_plugin_templates::{Library, read_text};
use serde_json::{Value, json};

fn library(files: &[(&str, &str)]) -> Library {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    Library::read(&[folder.path().to_owned()])
}

fn listing(files: &[(&str, &str)]) -> Listing {
    library(files).listing()
}

fn render(text: &str, args: &Value) -> Result<Rendered, String> {
    let vms = [testing::vm()];
    let library = library(&[("a.yaml", text)]);
    let mut rendered = library.render("t", args, &vms).map_err(|error| error.to_string())?;
    Ok(rendered.remove(0))
}

fn problem(text: &str) -> String {
    let (templates, problems) = read_text("a.yaml", text);
    assert!(templates.is_empty(), "expected only a problem");
    assert_eq!(problems.len(), 1, "{problems:?}");
    problems[0].message.clone()
}

#[test]
fn one_document_several_documents_and_lists_are_all_read() {
    let listed = listing(&[
        ("one.yaml", "id: a\nargv: [a]\n"),
        ("two.yml", "id: b\nargv: [b]\n---\nid: c\ncategory: own\nargv: [c]\n"),
        (
            "deep/er/list.yaml",
            "category: shared\ntemplates:\n- {id: d, argv: [d]}\n- {id: e, category: own, argv: [e]}\n",
        ),
        ("empty.yaml", "# nothing yet\n"),
        (".hidden.yaml", "id: hidden\nargv: [x]\n"),
        ("notes.txt", "not yaml: ["),
    ]);
    assert_eq!(listed.problems, []);
    let found: Vec<_> = listed.templates.iter().map(|t| (t.id.as_str(), t.category.as_str())).collect();
    assert_eq!(found, [("a", "one"), ("b", "two"), ("c", "own"), ("d", "shared"), ("e", "own")]);
}

#[test]
fn a_broken_file_is_a_problem_and_the_others_go_on() {
    let listed = listing(&[
        ("bad.yaml", "id: x\nargv: [a, b\nnext: 1\n"),
        ("good.yaml", "id: good\nargv: [true]\n"),
        ("half.yaml", "templates:\n- {id: fine, argv: [a]}\n- {id: wrong}\n"),
    ]);
    let ids: Vec<_> = listed.templates.iter().map(|t| t.id.as_str()).collect();
    assert_eq!(ids, ["fine", "good"]);
    let sources: Vec<_> = listed.problems.iter().map(|p| p.source.as_str()).collect();
    assert_eq!(sources, ["bad.yaml", "half.yaml"]);
    assert!(listed.problems[0].message.starts_with("line "), "{:?}", listed.problems[0]);
    assert!(listed.problems[1].message.starts_with("line 3: template `wrong`: it has nothing to run"));
}

#[test]
fn a_second_template_of_an_id_is_a_problem_that_names_the_first() {
    let listed = listing(&[("a.yaml", "id: x\ntitle: first\nargv: [a]\n"), ("b.yaml", "id: x\nargv: [b]\n")]);
    assert_eq!(listed.templates[0].title, "first");
    let message = "the id `x` is already used in a.yaml; choose another".to_owned();
    assert_eq!(listed.problems, [Problem { source: "b.yaml".into(), message }]);
}

#[test]
fn problems_say_line_and_what_would_be_right() {
    let cases = [
        ("id: t\nargv:\n  - echo\n  - \"{{nope}}\"\n", "line 4: template `t`: argv[1]: nothing is called `{{nope}}`"),
        ("id: Bad Id\nargv: [a]\n", "line 1: the id `Bad Id` does not fit"),
        ("title: x\nargv: [a]\n", "a template needs an `id`"),
        ("id: t\nargv: []\n", "line 1: template `t`: `argv` is empty"),
        ("id: t\nargv: [a]\nscript: b\n", "line 1: template `t`: it has both `argv` and `script`"),
        ("id: t\nargv: [a]\ntimeout: soon\n", "line 3: template `t`: timeout: `soon` is none"),
        ("id: t\nargv: [a]\nenv:\n  1X: y\n", "line 4: template `t`: env: `1X` is no name"),
        (
            "id: t\nargv: [a]\nparameters:\n- name: x\n  type: enum\n",
            "line 4: template `t`: parameter `x`: an enum needs",
        ),
        ("id: t\nargv: [a]\nparameters:\n- {name: x, type: integer, default: many}\n", "is not a whole number"),
        (
            "id: t\nargv: [a]\nparameters:\n- {name: x}\n- {name: x}\n",
            "line 5: template `t`: parameter `x`: there are two",
        ),
        ("id: t\nargv: [a]\nschema: {type: string}\n", "schema: it must have `type: object`"),
        ("id: t\nscript: echo {{x}}\nparameters: [{name: x}]\n", "write \"$PARAM_X\""),
        ("id: t\nscript: echo {{vm.name}}\n", "write \"$VM_NAME\""),
        ("id: t\nargv: [a]\ndangerus: true\n", "dangerus"),
        ("id: t\ntemplates: []\n", "beside `templates` only `category`"),
    ];
    for (text, expected) in cases {
        let message = problem(text);
        assert!(message.contains(expected), "{text}\n  gave {message}\n  not  {expected}");
        assert!(!message.contains('\n'), "one line: {message}");
    }
}

#[test]
fn whatever_is_typed_stays_one_word() {
    let text = "id: t\nparameters: [{name: x}]\nargv: [echo, \"a{{x}}b\", \"{{x}}\"]\n";
    for hostile in ["; rm -rf /", "$(id)", "`id`", "a b\tc\nd", "'\"", "{{vm.name}}", "--flag", "*", "\\{{x}}"] {
        let rendered = render(text, &json!({ "x": hostile })).unwrap();
        assert_eq!(rendered.argv, ["echo".to_owned(), format!("a{hostile}b"), hostile.to_owned()]);
    }
    let refused = render(text, &json!({"x": "a\0b"})).unwrap_err();
    assert!(refused.contains("NUL"), "{refused}");
}

#[test]
fn a_script_is_never_changed_and_finds_its_parameters_as_variables() {
    let text = "id: t\nparameters: [{name: log_file}, {name: n, type: integer, default: 3}, {name: o, required: false}]\n\
                script: 'tail -n \"$PARAM_N\" \"$PARAM_LOG_FILE\"; docker ps --format \"{{.Names}}\"'\n";
    let rendered = render(text, &json!({"log_file": "$(id)"})).unwrap();
    let script = "tail -n \"$PARAM_N\" \"$PARAM_LOG_FILE\"; docker ps --format \"{{.Names}}\"";
    assert_eq!(rendered.argv, ["/bin/sh", "-c", script, "sh"]);
    let expected = [
        ("PARAM_LOG_FILE", "$(id)"),
        ("PARAM_N", "3"),
        ("VM_NAME", "web-1"),
        ("VM_ADDRESS", "192.0.2.1"),
        ("VM_USER", "ops"),
    ];
    assert_eq!(rendered.env, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[test]
fn machines_differ_in_what_is_rendered_for_them() {
    let text = "id: t\nargv: [echo, \"{{vm.name}}.{{vm.labels.env}}:{{vm.port}}\"]\nenv: {WHO: \"{{vm.user}}\"}\n\
                workdir: /srv/{{vm.name}}\nstdin: hello {{vm.address}}\n";
    let mut other = testing::vm();
    other.name = "web-2".into();
    other.labels = vec![Label::new("env", "prod")];
    let rendered = library(&[("a.yaml", text)]).render("t", &json!({}), &[testing::vm(), other]).unwrap();
    assert_eq!(rendered[0].argv[1], "web-1.test:22");
    assert_eq!(rendered[1].argv[1], "web-2.prod:22");
    assert_eq!(rendered[1].workdir.as_deref(), Some("/srv/web-2"));
    assert_eq!(rendered[0].env, [("WHO".to_owned(), "ops".to_owned())]);
    assert_eq!(rendered[0].stdin.as_deref(), Some(b"hello 192.0.2.1".as_slice()));
}

#[test]
fn a_machine_without_a_label_that_is_needed_is_named() {
    let message = render("id: t\nargv: [echo, \"{{vm.labels.rack}}\"]\n", &json!({})).unwrap_err();
    assert_eq!(message, "the machine `web-1` has no label `rack`, which the template needs");
}

#[test]
fn words_of_optional_parameters_come_and_go_and_lists_become_words() {
    let text = "id: t\nschema:\n  type: object\n  properties:\n    all: {type: boolean}\n    names: {type: array}\n    n: {default: 7}\n\
                argv: [run, \"{{all}}\", \"{{names}}\", \"-n{{n}}\"]\n";
    assert_eq!(render(text, &json!({})).unwrap().argv, ["run", "-n7"]);
    let args = json!({"all": true, "names": ["a b", "c"], "n": 1.5});
    assert_eq!(render(text, &args).unwrap().argv, ["run", "true", "a b", "c", "-n1.5"]);
}

#[test]
fn a_template_that_is_gone_is_said_to_be_gone() {
    let gone = library(&[]).render("t", &json!({}), &[testing::vm()]).unwrap_err();
    assert!(matches!(gone, corral_plugin_sdk::Error::NotFound(_)));
}

#[test]
fn the_short_form_of_parameters_becomes_a_schema() {
    let text = "id: t\ntimeout: 15m\nmode: terminal\ndangerous: true\napplies_to: env=prod\nargv: [a]\nparameters:\n\
                - {name: log_file, description: which, pattern: '^/', max_length: 9}\n\
                - {name: n, type: integer, default: 3, minimum: 1, maximum: 5}\n\
                - {name: e, type: enum, values: [1.0, no], default: no}\n\
                - {name: key, secret: true, required: false}\n";
    let (templates, problems) = read_text("a.yaml", text);
    assert_eq!(problems, []);
    let template = &templates[0].template;
    assert_eq!((template.timeout_seconds, template.mode), (900, Mode::Terminal));
    assert_eq!(
        template.parameters,
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "type": "object",
            "additionalProperties": false,
            "required": ["log_file"],
            "x-order": ["log_file", "n", "e", "key"],
            "properties": {
                "log_file": {"type": "string", "title": "Log file", "description": "which", "minLength": 1,
                             "pattern": "^/", "maxLength": 9},
                "n": {"type": "integer", "title": "N", "default": 3, "minimum": 1, "maximum": 5},
                "e": {"type": "string", "title": "E", "enum": ["1.0", "no"], "default": "no"},
                "key": {"type": "string", "title": "Key", "format": "password", "writeOnly": true},
            },
        })
    );
}

#[test]
fn the_samples_are_without_problems_and_run_with_their_defaults() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    let listed = Library::read(std::slice::from_ref(&folder)).listing();
    assert_eq!(listed.problems, []);
    assert!((10..=14).contains(&listed.templates.len()), "{}", listed.templates.len());
    for template in listed.templates {
        assert!(!template.description.is_empty() && !template.title.is_empty(), "{}", template.id);
        let schema = jsonschema::validator_for(&template.parameters).unwrap();
        let mut args = serde_json::Map::new();
        for (name, property) in template.parameters["properties"].as_object().unwrap() {
            let value = property.get("default").or_else(|| property["examples"].get(0));
            args.insert(name.clone(), value.unwrap_or_else(|| panic!("{}: {name}", template.id)).clone());
        }
        let args = Value::Object(args);
        assert!(schema.is_valid(&args), "{}: {args}", template.id);
        let rendered =
            Library::read(std::slice::from_ref(&folder)).render(&template.id, &args, &[testing::vm()]).unwrap();
        assert!(!rendered[0].argv.is_empty());
        if let [shell, flag, script, _] = rendered[0].argv.as_slice() {
            assert_eq!((shell.as_str(), flag.as_str()), ("/bin/sh", "-c"));
            let parsed = std::process::Command::new("/bin/sh").args(["-n", "-c", script]).status().unwrap();
            assert!(parsed.success(), "{}: the script does not parse", template.id);
        }
    }
}
