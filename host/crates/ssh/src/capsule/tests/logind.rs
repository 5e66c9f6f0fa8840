//! Where logind ends what an account leaves behind. There is no systemd to try this with; what is decided from its files is.

use std::path::Path;
use std::process::Command;

use super::support::SHELLS;
use crate::capsule::script::SCRIPT;

/// Asks the script what it decides about a tree of files that stands for the machine's.
fn decide(shell: &str, root: &Path, account: &str) -> String {
    // Only the functions: what follows them reads a request.
    let functions = SCRIPT.split("\nIFS=' ' read -r _token").next().unwrap();
    let script = functions.replace("_root= _b=\n", "_root=$ROOT _b=\n");
    assert_ne!(script, functions);
    let script = format!(
        "{script}\nid() {{ case $1 in -u) echo {} ;; *) echo {account} ;; esac; }}\n\
         systemd-run() {{ [ \"$3\" = -q ]; }}\nshelter; echo \"scope:$_scope\"",
        if account == "root" { 0 } else { 1000 }
    )
    .replace("systemd-run()", "systemd_run()")
    .replace("systemd-run --user --scope -q true", "systemd_run --user --scope -q true")
    .replace("command -v systemd-run", "command -v systemd_run");
    let mut command = if shell == "busybox" { Command::new("busybox") } else { Command::new(shell) };
    if shell == "busybox" {
        command.arg("ash");
    }
    let output = command.args(["-c", &script, "sh"]).env("ROOT", root).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_capsule_goes_into_a_scope_or_is_refused_only_where_logind_would_end_it() {
    for shell in SHELLS {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        write("etc/systemd/logind.conf", "[Login]\nKillUserProcesses=yes\n");
        assert_eq!(decide(shell, root.path(), "app"), "scope:\n", "{shell}: systemd does not run");
        write("run/systemd/system/x", "");
        assert_eq!(decide(shell, root.path(), "root"), "scope:\n", "{shell}: root is left alone");
        assert_eq!(decide(shell, root.path(), "app"), "R linger app\n", "{shell}");
        write("var/lib/systemd/linger/app", "");
        assert_eq!(decide(shell, root.path(), "app"), "scope:systemd-run --user --scope -q\n", "{shell}");
        write("etc/systemd/logind.conf.d/50-mine.conf", "[Login]\nKillUserProcesses=no\n");
        assert_eq!(decide(shell, root.path(), "app"), "scope:\n", "{shell}: a drop-in has the last word");
        write("etc/systemd/logind.conf", "[Login]\n#KillUserProcesses=yes\n");
        std::fs::remove_dir_all(root.path().join("etc/systemd/logind.conf.d")).unwrap();
        assert_eq!(decide(shell, root.path(), "app"), "scope:\n", "{shell}: it does not by itself");
    }
}
