//! What plugin authors type, as far as it needs neither a toolchain nor a host.

use crate::support::{Site, path};

#[test]
fn a_project_is_not_written_over_what_is_there() {
    let site = Site::new();
    let new = |args: &[&str]| site.run(&[&["plugin", "new"], args].concat());
    let made = new(&["quiet-logs", "--kind", "log-filter"]);
    assert_eq!(made.code, 0, "{}", made.err);
    assert!(made.out.contains("cd quiet-logs") && made.out.contains("corral plugin build"), "{}", made.out);
    let again = new(&["quiet-logs", "--kind", "log-filter"]);
    assert_eq!(again.code, 2);
    assert!(again.err.contains("quiet-logs already") && again.err.contains("--dir"), "{}", again.err);
    let elsewhere = site.path("there/is/none/yet");
    let made = new(&["other", "--kind", "discovery", "--lang", "python", "--dir", path(&elsewhere)]);
    assert_eq!(made.code, 0, "{}", made.err);
    assert!(elsewhere.join("wit/deps/discovery/discovery.wit").is_file() && elsewhere.join("app.py").is_file());
}

#[test]
fn what_no_host_would_take_is_refused_at_the_start() {
    let site = Site::new();
    let refused = site.run(&["plugin", "new", "Quiet_Logs", "--kind", "log-filter"]);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("use a-z, 0-9 and -"), "{}", refused.err);
    let refused = site.run(&["plugin", "new", "racks", "--kind", "discovery", "--lang", "js"]);
    assert_eq!(refused.code, 2);
    assert!(refused.err.contains("--lang rust or --lang python"), "{}", refused.err);
    assert!(!site.path("racks").exists() && !site.path("Quiet_Logs").exists());
}

#[test]
fn a_folder_that_is_no_plugin_says_what_would_be() {
    let site = Site::new();
    for command in ["build", "check", "test", "pack"] {
        let none = site.run(&["plugin", command, "."]);
        assert_eq!(none.code, 6, "{command}: {}", none.err);
        assert!(
            none.err.contains("plugin.toml cannot be read") && none.err.contains("corral plugin new"),
            "{}",
            none.err
        );
    }
    let manifest = "id = \"a\"\nname = \"A\"\nversion = \"1.0.0\"\napi = \"0.9\"\nprovides = [\"log-filter\"]\n";
    std::fs::write(site.path("plugin.toml"), manifest).unwrap();
    let later = site.run(&["plugin", "check"]);
    assert_eq!(later.code, 1);
    assert!(later.err.contains("needs API 0.9, this host has 0.1 to 0.1"), "{}", later.err);
    std::fs::write(site.path("plugin.toml"), manifest.replace("0.9", "0.1")).unwrap();
    let bare = site.run(&["plugin", "build"]);
    assert_eq!(bare.code, 2);
    assert!(bare.err.contains("no sources that could be built"), "{}", bare.err);
    let bare = site.run(&["plugin", "check", "--json"]);
    assert_eq!(bare.code, 1);
    assert!(bare.out.contains("cannot read plugin.wasm"), "{}", bare.out);
}

#[test]
fn a_tool_that_is_missing_is_named_with_where_to_get_it() {
    let site = Site::new();
    for (lang, tool, remedy) in [
        ("rust", "`rustc` is not", "rustup.rs"),
        ("js", "`npm` is not", "nodejs.org"),
        ("python", "`python3` is not", "python.org"),
    ] {
        assert_eq!(site.run(&["plugin", "new", lang, "--kind", "log-filter", "--lang", lang]).code, 0);
        let nothing = site.corral(&["plugin", "build", lang]).env("PATH", site.path("home")).output().unwrap();
        let err = String::from_utf8_lossy(&nothing.stderr);
        assert_eq!(nothing.status.code(), Some(1), "{err}");
        assert!(err.contains(tool) && err.contains(remedy), "{err}");
    }
}

#[test]
fn a_file_that_is_no_package_is_not_sent() {
    let site = Site::new();
    std::fs::write(site.path("x.corral"), "not a package").unwrap();
    let mut command = site.corral(&["plugin", "install", "x.corral"]);
    // Nobody listens there: an attempt to send would end otherwise.
    let out = command.env("CORRAL_URL", "http://127.0.0.1:1").env("CORRAL_TOKEN", "corral_x").output().unwrap();
    let err = String::from_utf8_lossy(&out.stderr);
    assert_eq!(out.status.code(), Some(2), "{err}");
    assert!(err.contains("it is no package"), "{err}");
}
