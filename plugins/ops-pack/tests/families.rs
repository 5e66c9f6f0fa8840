//! Packages on machines of both families, and every script in every shell that such machines have as `/bin/sh`.
//!
//! A machine is a folder with the programs that one of its family has; each says by which name and with which words it was called.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use corral_plugin_ops_pack::{Config, Pack};
use serde_json::{Value, json};

const DEBIAN: &[&str] = &["apt-get", "apt-cache", "dpkg-query"];
const FEDORA: &[&str] = &["dnf", "rpm"];
const CENTOS: &[&str] = &["yum", "rpm"];
/// What stands for `/bin/sh`: Debian's, Red Hat's, and that of small systems.
const SHELLS: &[&[&str]] = &[&["dash"], &["bash", "--posix"], &["busybox", "sh"]];
/// Where a program says that something is not there (`EX_UNAVAILABLE`).
const UNAVAILABLE: i32 = 69;

fn argv(id: &str, args: &Value) -> Vec<String> {
    let config: Config = serde_json::from_str(r#"{"sudo": false}"#).unwrap();
    Pack::new(config).render(id, args).unwrap().argv
}

fn machine(programs: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for program in programs {
        let path = folder.path().join(program);
        std::fs::write(&path, format!("#!/bin/sh\necho {program} \"$@\"\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    for tool in ["awk", "cat"] {
        let path = std::env::split_paths(&std::env::var_os("PATH").unwrap())
            .map(|folder| folder.join(tool))
            .find(|path| path.is_file());
        std::os::unix::fs::symlink(path.unwrap(), folder.path().join(tool)).unwrap();
    }
    folder
}

/// What a template called there, and how it ended.
fn run(argv: &[String], shell: Option<&[&str]>, path: &Path) -> (String, Option<i32>) {
    let own = [argv[0].as_str()];
    let shell = shell.unwrap_or(&own);
    let program = std::env::split_paths(&std::env::var_os("PATH").unwrap())
        .map(|folder| folder.join(shell[0]))
        .find(|program| program.is_file())
        .unwrap_or_else(|| panic!("{} is not installed", shell[0]));
    let output =
        Command::new(program).args(&shell[1..]).args(&argv[1..]).env_clear().env("PATH", path).output().unwrap();
    assert!(!String::from_utf8_lossy(&output.stderr).contains("rror"), "{argv:?}: {output:?}");
    (String::from_utf8_lossy(&output.stdout).trim_end().to_owned(), output.status.code())
}

#[test]
fn on_each_family_its_own_programs_are_called_whatever_the_shell() {
    let package = || json!({"package": "openssl"});
    let cases = [
        (
            "package-version",
            package(),
            r"dpkg-query --show --showformat=${Package} ${Version} ${db:Status-Abbrev}\n -- openssl",
            "rpm --query -- openssl",
            "rpm --query -- openssl",
        ),
        (
            "package-files",
            package(),
            "dpkg-query --listfiles -- openssl",
            "rpm --query --list -- openssl",
            "rpm --query --list -- openssl",
        ),
        (
            "package-search",
            package(),
            "apt-cache search --names-only -- openssl",
            "dnf --quiet search openssl",
            "yum --quiet search openssl",
        ),
        ("packages-refresh", json!({}), "apt-get --quiet update", "dnf --quiet makecache", "yum --quiet makecache"),
        (
            "package-install",
            package(),
            "apt-get --quiet --yes install -- openssl",
            "dnf --assumeyes install openssl",
            "yum --assumeyes install openssl",
        ),
        (
            "package-remove",
            package(),
            "apt-get --quiet --yes remove -- openssl",
            "dnf --assumeyes remove openssl",
            "yum --assumeyes remove openssl",
        ),
        (
            "packages-upgrade",
            json!({}),
            "apt-get --quiet update\napt-get --quiet --yes -o Dpkg::Options::=--force-confold dist-upgrade",
            "dnf --assumeyes --refresh upgrade",
            "yum --assumeyes update",
        ),
        ("updates-list", json!({}), "0 to upgrade", "dnf --quiet check-update", "yum --quiet check-update"),
    ];
    let machines = [machine(DEBIAN), machine(FEDORA), machine(CENTOS)];
    let nothing = machine(&[]);
    for (id, args, debian, fedora, centos) in cases {
        let argv = argv(id, &args);
        for shell in SHELLS {
            for (machine, expected) in machines.iter().zip([debian, fedora, centos]) {
                let (said, code) = run(&argv, Some(shell), machine.path());
                // `echo` of some shells reads `\n`; where a word had one, the line ends there.
                let said = said.replace('\n', if expected.contains('\n') { "\n" } else { r"\n" });
                assert_eq!((said.as_str(), code), (expected, Some(0)), "{id} by {shell:?}");
            }
            let (said, code) = run(&argv, Some(shell), nothing.path());
            assert_eq!((said.as_str(), code), ("", Some(UNAVAILABLE)), "{id} by {shell:?} where there is nothing");
        }
    }
}

#[test]
fn every_script_parses_in_every_shell() {
    let pack = Pack::new(serde_json::from_str("{}").unwrap());
    let mut parsed = 0;
    for template in pack.listing().templates {
        let mut args = json!({});
        for (name, property) in template.parameters["properties"].as_object().unwrap() {
            let value = ["default", "const"].iter().find_map(|key| property.get(*key).cloned());
            let listed = || ["examples", "enum"].iter().find_map(|key| property.get(*key)?.get(0).cloned());
            if let Some(value) = value.or_else(listed).or_else(|| property.get("minimum").cloned()) {
                args[name] = value;
            }
        }
        let argv = pack.render(&template.id, &args).unwrap_or_else(|error| panic!("{}: {error}", template.id)).argv;
        for script in argv.windows(3).filter(|words| words[0] == "/bin/sh" && words[1] == "-c").map(|words| &words[2]) {
            for shell in SHELLS {
                let status = Command::new(shell[0]).args(&shell[1..]).args(["-n", "-c", script]).status().unwrap();
                assert!(status.success(), "{} does not parse by {shell:?}", template.id);
                parsed += 1;
            }
        }
    }
    assert!(parsed >= 60, "{parsed}");
}
