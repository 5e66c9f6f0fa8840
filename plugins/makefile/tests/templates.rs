//! What templates Makefiles become, and what is run for them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use corral_plugin_makefile::{Config, Projects, Which};
use corral_plugin_sdk::{Listing, Template};
use serde_json::{Value, json};

fn projects(files: &[(&str, &str)], config: &Config) -> Projects {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    Projects::read(&[folder.path().to_owned()], config)
}

const SHOP: &str = "\
ENV ?= staging ## Where to
TAG ?= $(VERSION)
VERSION := 1.2
SECRET = x
UNUSED ?= y

##@ Shipping
.PHONY: deploy build
deploy: build ## Ships it
\t./ship --env=$(ENV) --tag=${TAG} $(SECRET)
## Makes it
build:
\tcc -o app app.c
app.o: app.c
\tcc -c app.c
";

fn listing(files: &[(&str, &str)], config: &Config) -> Listing {
    projects(files, config).listing()
}

fn argv(files: &[(&str, &str)], id: &str, args: &Value) -> Result<Vec<String>, String> {
    projects(files, &Config::default())
        .render(id, args)
        .map(|rendered| rendered.argv)
        .map_err(|error| error.to_string())
}

fn ids(listing: &Listing) -> Vec<&str> {
    listing.templates.iter().map(|template| template.id.as_str()).collect()
}

#[test]
fn documented_targets_become_templates_with_help_section_and_variables() {
    let listing = listing(&[("shop/Makefile", SHOP)], &Config::default());
    assert_eq!(listing.problems, []);
    assert_eq!(ids(&listing), ["shop/build", "shop/deploy"]);
    let Template { title, description, category, dangerous, parameters, .. } = &listing.templates[1];
    assert_eq!(
        (title.as_str(), description.as_str(), category.as_str()),
        ("make deploy", "Ships it", "shop: Shipping")
    );
    assert!(dangerous);
    assert_eq!(parameters["x-order"], json!(["directory", "ENV", "TAG", "make_jobs", "make_dry_run"]));
    assert_eq!(parameters["properties"]["ENV"]["default"], "staging");
    assert_eq!(parameters["properties"]["ENV"]["description"], "Where to");
    assert_eq!(parameters["properties"]["TAG"]["default"], "1.2");
    assert_eq!(parameters["required"], json!(["directory"]));
    assert_eq!(listing.templates[0].description, "Makes it");
    assert!(!listing.templates[0].dangerous);
}

#[test]
fn which_targets_are_offered_is_the_operators_choice() {
    let with = |targets| listing(&[("Makefile", SHOP)], &Config { targets, ..Config::default() });
    assert_eq!(ids(&with(Which::All)), ["app.o", "build", "deploy"]);
    assert_eq!(ids(&with(Which::Documented)), ["build", "deploy"]);
    let bare = ".PHONY: a\na:\n\techo\nb:\n\techo\n";
    let with =
        |text: &str, targets| ids(&listing(&[("Makefile", text)], &Config { targets, ..Config::default() })).join(" ");
    assert_eq!(with(bare, Which::Auto), "a");
    assert_eq!(with(bare, Which::Phony), "a");
    assert_eq!(with(bare, Which::Documented), "");
    assert_eq!(with("a:\nb:\n", Which::Auto), "a b");
}

#[test]
fn a_command_is_make_with_the_target_and_what_was_given() {
    let files = [("shop/Makefile", SHOP)];
    let all = json!({"directory": "/srv/shop", "ENV": "prod", "TAG": "1.2", "make_jobs": 4, "make_dry_run": true});
    assert_eq!(
        argv(&files, "shop/deploy", &all).unwrap(),
        ["make", "-C", "/srv/shop", "-n", "-j4", "--", "deploy", "ENV=prod"]
    );
    let few = json!({"directory": "/srv/shop with blanks"});
    assert_eq!(argv(&files, "shop/build", &few).unwrap(), ["make", "-C", "/srv/shop with blanks", "--", "build"]);
    assert!(argv(&files, "shop/build", &json!({})).unwrap_err().contains("`directory`"));
    assert!(argv(&files, "shop/gone", &few).unwrap_err().contains("no target `shop/gone`"));
}

#[test]
fn a_directory_that_is_configured_is_the_default() {
    let directories = BTreeMap::from([("shop".to_owned(), "/srv/shop".to_owned())]);
    let config = Config { directories, ..Config::default() };
    let listed = listing(&[("shop/Makefile", SHOP)], &config);
    assert_eq!(listed.templates[0].parameters["required"], json!([]));
    let rendered = projects(&[("shop/Makefile", SHOP)], &config).render("shop/build", &json!({})).unwrap();
    assert_eq!(rendered.argv[2], "/srv/shop");
}

#[test]
fn nothing_that_is_typed_reaches_a_shell_or_make_as_code() {
    let files = [("Makefile", SHOP)];
    let schema = &listing(&files, &Config::default()).templates[1].parameters;
    let validator = jsonschema::validator_for(schema).unwrap();
    assert!(validator.is_valid(&json!({"directory": "/srv", "ENV": "eu-1/prod:2,x=1"})));
    for hostile in
        ["$(shell id)", "`id`", "a;b", "a|b", "a&b", "a>b", "\"", "'", "a\nb", "$x", "\\", "(a)", "*", "~", "#"]
    {
        let args = json!({"directory": "/srv", "ENV": hostile});
        assert!(!validator.is_valid(&args), "{hostile}");
        assert!(argv(&files, "deploy", &args).unwrap_err().contains("`ENV`"), "{hostile}");
    }
    for args in [
        json!({"directory": "srv"}),
        json!({"directory": "/a\nb"}),
        json!({}),
        json!({"directory": "/", "make_jobs": 0}),
        json!({"directory": "/", "NEW": "x"}),
    ] {
        assert!(!validator.is_valid(&args), "{args}");
    }
}

#[test]
fn several_projects_live_side_by_side_and_a_broken_one_hinders_none() {
    let huge = "#".repeat(2 << 20);
    let listed = listing(
        &[
            ("a/Makefile", "x: ## X\n"),
            ("a/GNUmakefile", "first: ## F\n"),
            ("b/deep/makefile", "y: ## Y\n"),
            ("c/Makefile", &huge),
            ("d/Makefile", "A = 1\n"),
            (".git/Makefile", "z: ## Z\n"),
        ],
        &Config::default(),
    );
    assert_eq!(ids(&listed), ["a/first", "b/deep/y"]);
    let problems: Vec<_> = listed.problems.iter().map(|problem| problem.source.as_str()).collect();
    assert_eq!(problems, ["c/Makefile", "d/Makefile"]);
}

#[test]
fn targets_whose_ids_would_be_the_same_are_a_problem() {
    let listed = listing(&[("Makefile", "a+b: ## one\na@b: ## two\n")], &Config::default());
    assert_eq!(ids(&listed), ["a_b"]);
    assert_eq!(listed.problems.len(), 1);
}

#[test]
fn every_template_of_the_corpus_has_a_schema_and_renders_with_its_defaults() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus");
    let config = Config { targets: Which::All, ..Config::default() };
    let templates = Projects::read(std::slice::from_ref(&corpus), &config).listing().templates;
    assert!(templates.len() >= 50, "{}", templates.len());
    for template in templates {
        let validator = jsonschema::validator_for(&template.parameters).unwrap();
        let mut args = json!({"directory": "/srv/app"});
        for (name, property) in template.parameters["properties"].as_object().unwrap() {
            if let Some(default) = property.get("default") {
                args[name] = default.clone();
            }
        }
        assert!(validator.is_valid(&args), "{}: {args}", template.id);
        let rendered = Projects::read(std::slice::from_ref(&corpus), &config).render(&template.id, &args).unwrap();
        assert_eq!(rendered.argv[..3], ["make", "-C", "/srv/app"]);
    }
}

#[test]
fn any_text_is_survived_and_the_schema_admits_what_the_plugin_takes() {
    let seed: u64 = 0x3a4e_f11e;
    println!("seed {seed}");
    let parts = [
        "a",
        ":",
        "=",
        "$(",
        ")",
        "${",
        "}",
        "\n",
        "\t",
        "#",
        "##",
        " ",
        "ifdef",
        "else",
        "endif",
        "define",
        "endef",
        "\\\n",
        "$",
        "ü",
        "?=",
        "include x",
        "%",
        "A",
    ];
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    for _ in 0..500 {
        let text: String = (0..next() % 80).map(|_| parts[next() % parts.len()]).collect();
        corral_plugin_makefile::Makefile::read(&text, &|_| Some("A = $(A)\n".to_owned()));
    }
    let schema: Value = serde_json::from_str(include_str!("../config.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (config, good) in [
        ("{}", true),
        (r#"{"targets": "all", "directories": {"shop": "/srv/shop"}}"#, true),
        (r#"{"targets": "some"}"#, false),
        (r#"{"directory": {}}"#, false),
    ] {
        assert_eq!(validator.is_valid(&serde_json::from_str(config).unwrap()), good, "{config}");
        assert_eq!(serde_json::from_str::<Config>(config).is_ok(), good, "{config}");
    }
}
