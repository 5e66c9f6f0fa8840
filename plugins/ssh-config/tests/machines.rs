//! What machines a configuration becomes.

use std::fs;

use corral_plugin_sdk::FoundVm;
use corral_plugin_ssh_config::{Config, Source, Tree, machines};

fn read(files: &[(&str, &str)], home: Option<&str>) -> (Vec<FoundVm>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let home = home.map(str::to_owned);
    let source = Source { folder: folder.path().to_owned(), home: home.clone() };
    let tree = Tree::read(&source, "config").unwrap();
    (machines(&tree, &Config { home, ..Config::default() }), tree.warnings)
}

fn found(config: &str) -> Vec<FoundVm> {
    read(&[("config", config)], None).0
}

#[test]
fn concrete_aliases_become_machines_and_patterns_do_not() {
    let machines = found(
        "Host web-1 web-2 web-*\n User ops\n Port 2200\nHost * !x\n HostName %h.example\nHost github.com\n User git\n",
    );
    let names: Vec<_> = machines.iter().map(|vm| (vm.name.as_str(), vm.address.as_str(), vm.port)).collect();
    assert_eq!(names, [("web-1", "web-1.example", 2200), ("web-2", "web-2.example", 2200)]);
    assert_eq!(machines[0].user.as_deref(), Some("ops"));
    assert_eq!(machines[0].labels[0].key, "source");
}

#[test]
fn hops_that_are_no_aliases_are_machines_too_and_go_by_their_own_words() {
    let machines = found(
        "Host in\n ProxyJump bastion,ops@10.0.0.1:2200\nHost bastion\n Port 222\nHost 10.*\n IdentityFile ~/.ssh/inner\n",
    );
    let inner = machines.iter().find(|vm| vm.external_id == "in").unwrap();
    assert_eq!(inner.jump, ["bastion", "ops@10.0.0.1:2200"]);
    let hop = machines.iter().find(|vm| vm.external_id == "ops@10.0.0.1:2200").unwrap();
    assert_eq!((hop.address.as_str(), hop.port, hop.user.as_deref()), ("10.0.0.1", 2200, Some("ops")));
    assert_eq!(hop.identity_file.as_deref(), Some("~/.ssh/inner"));
    assert_eq!(machines.len(), 3);
}

#[test]
fn machines_that_jump_through_each_other_do_not_go_on_for_ever() {
    let machines = found("Host *\n ProxyJump x@y\nHost a\n");
    let ids: Vec<_> = machines.iter().map(|vm| vm.external_id.as_str()).collect();
    assert_eq!(ids, ["a", "x@y"]);
}

#[test]
fn the_old_way_to_write_a_jump_is_understood_and_other_commands_are_said_to_be_ignored() {
    let machines = found(
        "Host a\n ProxyCommand ssh -q -W %h:%p gate\nHost b\n ProxyCommand nc -x proxy %h %p\nHost c\n ProxyCommand none\n",
    );
    let by = |id: &str| machines.iter().find(|vm| vm.external_id == id).unwrap();
    assert_eq!(by("a").jump, ["gate"]);
    assert!(by("b").jump.is_empty());
    assert_eq!(by("b").labels[1].key, "ssh-config/proxy-command");
    assert_eq!(by("c").labels.len(), 1);
}

#[test]
fn tokens_of_a_key_are_filled_in_and_the_home_is_left_to_the_host() {
    let config = "Host a\n HostName h.example\n User u\n Port 5\n IdentityFile %d/.ssh/%n-%h-%p-%r%%\n";
    assert_eq!(found(config)[0].identity_file.as_deref(), Some("~/.ssh/a-h.example-5-u%"));
    let (machines, _) = read(&[("config", config)], Some("/home/ops"));
    assert_eq!(machines[0].identity_file.as_deref(), Some("/home/ops/.ssh/a-h.example-5-u%"));
    assert_eq!(found("Host a\n IdentityFile none\n")[0].identity_file, None);
}

#[test]
fn includes_are_found_by_every_way_to_write_the_folder_and_nothing_outside_is_read() {
    let files = |include: &str| {
        vec![("config".to_owned(), format!("Include {include}\n")), ("d/x".into(), "Host inner\n".into())]
    };
    for (include, home, works) in [
        ("d/x", None, true),
        ("d/*", None, true),
        ("~/.ssh/d/x", None, true),
        ("%d/.ssh/d/x", None, true),
        ("/home/ops/.ssh/d/[x-z]", Some("/home/ops"), true),
        ("/root/.ssh/d/x", None, true),
        ("/root/.ssh/d/x", Some("/home/ops"), false),
        ("/etc/ssh/ssh_config.d/*", None, false),
        ("~/elsewhere", None, false),
        ("../outside", None, false),
    ] {
        let owned = files(include);
        let files: Vec<_> = owned.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        let (machines, _) = read(&files, home);
        assert_eq!(machines.len(), usize::from(works), "{include}");
    }
    let (_, warnings) = read(&[("config", "Include /etc/ssh/extra\nHost \"a\n")], None);
    assert_eq!(warnings.len(), 2, "{warnings:?}");
}

#[test]
fn a_file_that_includes_itself_ends() {
    let (machines, warnings) = read(&[("config", "Include config\nHost a\n")], None);
    assert_eq!(machines.len(), 1);
    assert!(warnings.iter().any(|warning| warning.contains("nested deeper")));
}

#[test]
fn match_exec_is_never_run_and_its_block_is_skipped() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("ran");
    let config =
        format!("Match exec \"touch {0}\"\n User bad\nMatch !exec \"touch {0}\"\n User bad\nHost a\n", trace.display());
    assert_eq!(found(&config)[0].user, None);
    assert!(!trace.exists());
}
