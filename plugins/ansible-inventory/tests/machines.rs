//! What machines an inventory becomes, and what is left out of it.

use std::fs;
use std::path::Path;

use corral_plugin_ansible_inventory::{Config, Inventory, machines, read};
use corral_plugin_sdk::FoundVm;

fn found_in(files: &[(&str, &str)], path: &str, config: &str) -> (Vec<FoundVm>, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    let mut inventory = Inventory::default();
    read(&folder.path().join(path), &mut inventory);
    let config: Config = serde_json::from_str(config).unwrap();
    (machines(&mut inventory, &config), inventory.messages)
}

fn found(text: &str) -> (Vec<FoundVm>, Vec<String>) {
    found_in(&[("hosts", text)], "hosts", "{}")
}

fn labels(vm: &FoundVm) -> Vec<String> {
    vm.labels.iter().map(|label| format!("{}={}", label.key, label.value)).collect()
}

#[test]
fn variables_say_how_a_machine_is_reached_and_groups_are_labels() {
    let config = r#"{"labels": ["stage", "rack", "absent"]}"#;
    let text = "[web]\nw1 ansible_host=192.0.2.1 ansible_port=2222 ansible_user=ops ansible_ssh_private_key_file=~/.ssh/id rack=7\n\
                [prod:children]\nweb\n[prod:vars]\nstage=prod\n";
    let (vms, messages) = found_in(&[("hosts", text)], "hosts", config);
    assert_eq!(messages, [""; 0]);
    let vm = &vms[0];
    assert_eq!((vm.external_id.as_str(), vm.address.as_str(), vm.port), ("w1", "192.0.2.1", 2222));
    assert_eq!((vm.user.as_deref(), vm.identity_file.as_deref()), (Some("ops"), Some("~/.ssh/id")));
    assert_eq!(labels(vm), ["source=ansible-inventory", "group/prod=yes", "group/web=yes", "stage=prod", "rack=7"]);
}

#[test]
fn hops_are_machines_too_unless_they_are_hosts() {
    let (vms, _) = found(
        "in ansible_ssh_common_args='-o ProxyJump=ops@gate:2200,bastion'\nbastion ansible_host=198.51.100.1\n\
         odd ansible_ssh_common_args='-o ProxyCommand=\"nc %h %p\"'\n",
    );
    let by = |id: &str| vms.iter().find(|vm| vm.external_id == id).unwrap();
    assert_eq!(by("in").jump, ["ops@gate:2200", "bastion"]);
    assert_eq!((by("ops@gate:2200").address.as_str(), by("ops@gate:2200").port), ("gate", 2200));
    assert_eq!(by("bastion").address, "198.51.100.1");
    assert_eq!(labels(by("odd"))[1], "ansible-inventory/proxy-command=ignored");
    assert_eq!(vms.len(), 4);
}

#[test]
fn what_is_encrypted_or_would_have_to_be_run_is_left_out_with_a_message() {
    let text = r#"
all:
  hosts:
    a:
      ansible_user: !vault |
        $ANSIBLE_VAULT;1.1;AES256
        6162
    b: {ansible_host: "{{ ip }}"}
    c: {ansible_user: "{% if x %}y{% endif %}"}
    d: {ansible_connection: winrm}
    e: {ansible_port: many}
"#;
    let (vms, messages) = found_in(&[("hosts.yml", text)], "hosts.yml", "{}");
    let names: Vec<_> = vms.iter().map(|vm| vm.name.as_str()).collect();
    assert_eq!(names, ["a", "c", "e"]);
    assert!(vms.iter().all(|vm| vm.user.is_none() && vm.port == 22));
    for expected in [
        "a: `ansible_user` is encrypted",
        "b: `ansible_host` is a template",
        "b: its address is not known",
        "c: `ansible_user` is a template",
        "d: it is reached by `winrm`",
        "e: its port is `many`",
    ] {
        assert!(messages.iter().any(|message| message.starts_with(expected)), "{expected}: {messages:?}");
    }
}

#[test]
fn programs_plugins_and_vaults_are_never_used_and_the_others_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("ran");
    let script = format!("#!/bin/sh\ntouch {}\n", trace.display());
    let (vms, messages) = found_in(
        &[
            ("inv/script", script.as_str()),
            ("inv/aws.yml", "plugin: amazon.aws.aws_ec2\nregions: [eu-1]\n"),
            ("inv/broken.yml", "all: [\n"),
            ("inv/list.yml", "- a\n"),
            ("inv/bad.ini", "[g:what]\nx\n"),
            ("inv/late.ini", "[g:children]\nnowhere\n"),
            ("inv/vault.yml", "$ANSIBLE_VAULT;1.1;AES256\n6162\n"),
            ("inv/good.ini", "ok\n"),
            ("inv/group_vars/all.yml", "$ANSIBLE_VAULT;1.1;AES256\n6162\n"),
            ("inv/host_vars/ok.yml", "- no mapping\n"),
        ],
        "inv",
        "{}",
    );
    assert_eq!(vms.iter().map(|vm| vm.name.as_str()).collect::<Vec<_>>(), ["ok"]);
    assert!(!Path::new(&trace).exists());
    for expected in [
        "script: it is a program",
        "aws.yml: it configures the inventory plugin `amazon.aws.aws_ec2`",
        "broken.yml: line",
        "list.yml: an inventory is a mapping",
        "bad.ini: line 1: `what` is no kind of section",
        "late.ini: line 2: there is no group `nowhere`",
        "vault.yml: it is encrypted",
        "group_vars/all.yml: it is encrypted",
        "host_vars/ok.yml: variables are a mapping",
    ] {
        assert!(messages.iter().any(|message| message.starts_with(expected)), "{expected}: {messages:?}");
    }
}

#[test]
fn mistakes_name_their_line_and_nothing_of_the_file_is_used() {
    for (text, expected) in [
        ("a\n[x y]\n", "line 2: `[x y]` is no section"),
        ("a b\n", "line 1: `b` is not key=value"),
        ("a b='c\n", "line 1: a quote is not closed"),
        ("w[1:\n", "line 1: "),
        ("a\n[g:vars]\nx\n", "line 3: a variable is key=value"),
        ("[g:vars]\nx=1\n", "line 1: there is no group `g`"),
        ("[a:children]\nb\n[b:children]\na\n", "line 4: the groups `b` and `a` would be inside each other"),
        ("w[0:999999]\n", "line 1: the range `[0:999999]` is too long"),
        ("w[0:9999]x[0:9999]\n", "line 1: a range stands for more than"),
    ] {
        let (vms, messages) = found_in(&[("hosts.ini", text)], "hosts.ini", "{}");
        assert!(vms.is_empty(), "{text}");
        assert!(
            messages.iter().any(|message| message.starts_with(&format!("hosts.ini: {expected}"))),
            "{text}: {messages:?}"
        );
    }
}

#[test]
fn groups_in_many_layers_are_followed_once_each() {
    // Two groups a layer, each in both of the layer above: a way for every number of 30 bits.
    let mut text = "[g00]\nh\n[g01]\nh\n".to_owned();
    for layer in 1..30 {
        for side in 0..2 {
            let below = layer - 1;
            let group = format!("[g{layer}{side}:children]\ng{below}0\ng{below}1\n[g{layer}{side}:vars]\nx={layer}\n");
            text.push_str(&group);
        }
    }
    let (vms, messages) = found_in(&[("hosts.ini", &text)], "hosts.ini", r#"{"labels": ["x"]}"#);
    assert_eq!((vms.len(), vms[0].labels.len()), (1, 60), "{messages:?}");
}

#[test]
fn groups_can_be_left_out_and_labels_are_what_the_host_keeps() {
    let many: String = (0..100).map(|n| format!("[group{n:03}]\nh\n")).collect::<Vec<_>>().concat();
    let text = format!("{many}[bad key:x]\n").replace("[bad key:x]\n", "[größe]\nh\n[windows]\nw\n");
    let (vms, messages) = found_in(&[("hosts.ini", &text)], "hosts.ini", r#"{"ignore_groups": ["windows"]}"#);
    assert_eq!(vms.len(), 1);
    assert_eq!(vms[0].labels.len(), 60);
    assert!(messages.iter().any(|message| message.contains("only 60 of its labels")), "{messages:?}");
    let good = |c: char| c.is_ascii_alphanumeric() || "._/-".contains(c);
    assert!(vms[0].labels.iter().all(|label| label.key.len() <= 63 && label.key.chars().all(good)));
}

#[test]
fn the_schema_admits_what_the_plugin_takes() {
    let schema: serde_json::Value = serde_json::from_str(include_str!("../config.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (config, good) in [
        ("{}", true),
        (
            r#"{"inventories": ["/etc/ansible/hosts", "~/ansible/x"], "labels": ["env"], "ignore_groups": ["win"]}"#,
            true,
        ),
        (r#"{"inventories": ["/etc/passwd"]}"#, false),
        (r#"{"labels": ["a b"]}"#, false),
        (r#"{"inventory": []}"#, false),
    ] {
        assert_eq!(validator.is_valid(&serde_json::from_str(config).unwrap()), good, "{config}");
    }
    assert!(serde_json::from_str::<Config>(r#"{"inventory": []}"#).is_err());
}

#[test]
fn any_text_is_survived() {
    let seed: u64 = 0xa115_1b1e;
    println!("seed {seed}");
    let parts = [
        "[", "]", ":", "a", "web", "=", "\"", "'", "\n", "#", " ", "vars", "children", "1:3", "{", "}", "- ", "\\",
        "ü", "!vault |", "&a", "*a",
    ];
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    for round in 0..300 {
        let text: String = (0..next() % 60).map(|_| parts[next() % parts.len()]).collect();
        let name = ["hosts", "hosts.ini", "hosts.yml"][round % 3];
        found_in(&[(name, &text)], name, "{}");
    }
}
