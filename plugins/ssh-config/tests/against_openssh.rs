//! What `ssh -G` says is what the plugin must say, over a corpus of configurations.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use corral_plugin_ssh_config::{Source, Tree, resolve};

/// Name of the case; files below `.ssh`, of which `config` is the first one; aliases to compare. `@` in a text stands
/// for the folder `.ssh`.
type Case = (&'static str, &'static [(&'static str, &'static str)], &'static [&'static str]);

const CORPUS: &[Case] = &[
    ("plain", &[("config", "Host web\n  HostName 192.0.2.1\n  User ops\n  Port 2222\n")], &["web"]),
    (
        "first match wins",
        &[("config", "Host a\n User one\nHost a\n User two\n Port 9\nHost *\n User three\n Port 10\n")],
        &["a", "b"],
    ),
    ("defaults first", &[("config", "User early\nPort 99\nHost a\n User late\n HostName a.example\n")], &["a", "b"]),
    (
        "defaults last",
        &[("config", "Host a b\n Port 7\nHost *\n User all\n IdentityFile @/id_all\n")],
        &["a", "b", "c"],
    ),
    (
        "wildcards",
        &[("config", "Host web-?\n User q\nHost *.example.org\n User star\n Port 5\n")],
        &["web-1", "web-10", "x.example.org"],
    ),
    (
        "negation",
        &[("config", "Host * !db-* !edge\n User most\nHost db-*\n User postgres\n")],
        &["web", "db-1", "edge"],
    ),
    ("only negated", &[("config", "Host !a\n User never\n")], &["a", "b"]),
    ("negation last", &[("config", "Host web-* !web-2\n Port 8\n")], &["web-1", "web-2"]),
    ("equals signs", &[("config", "Host=a\nHostName = a.example\nPort= 44\nUser =x\n")], &["a"]),
    ("quotes", &[("config", "Host \"a\" 'b'\n User \"ops team\"\n IdentityFile \"@/key with blanks\"\n")], &["a", "b"]),
    ("case of keywords", &[("config", "hOST a\n HOSTNAME up.example\n pOrT 3\n")], &["a"]),
    ("comments", &[("config", "# x\nHost a # b\n Port 4 # c\n#Port 5\n   # y\n User u#1\n")], &["a", "b"]),
    ("tabs and carriage returns", &[("config", "Host\ta\r\n\tPort\t\t6\r\n\tUser\tcr\r\n")], &["a"]),
    ("tokens of a host name", &[("config", "Host *\n HostName %h.internal.example\n")], &["a", "db"]),
    ("percent of a host name", &[("config", "Host a\n HostName x%%y.example\n")], &["a"]),
    (
        "several keys",
        &[(
            "config",
            "Host a\n IdentityFile @/one\n IdentityFile @/two\nHost *\n IdentityFile @/three\n IdentityFile @/one\n",
        )],
        &["a", "b"],
    ),
    (
        "keys with tokens",
        &[("config", "Host a\n User u\n Port 8\n IdentityFile ~/.ssh/%h\n IdentityFile %d/.ssh/id\n")],
        &["a"],
    ),
    (
        "jump",
        &[("config", "Host in\n ProxyJump ops@bastion:2200\nHost bastion\n HostName 198.51.100.1\n")],
        &["in", "bastion"],
    ),
    (
        "several jumps",
        &[("config", "Host in\n ProxyJump a,u@b,[2001:db8::1]:22\nHost *\n ProxyJump none\n")],
        &["in", "other"],
    ),
    ("jump none first", &[("config", "Host gate\n ProxyJump none\nHost *\n ProxyJump gate\n")], &["gate", "x"]),
    ("command before jump", &[("config", "Host a\n ProxyCommand nc %h %p\n ProxyJump b\n")], &["a"]),
    (
        "include by absolute path",
        &[("config", "Include @/more\nHost *\n User last\n"), ("more", "Host a\n Port 71\n User first\n")],
        &["a", "b"],
    ),
    (
        "include by pattern in order",
        &[
            ("config", "Include @/d/*.conf\n"),
            ("d/20.conf", "Host a\n Port 20\n"),
            ("d/10.conf", "Host a\n Port 10\n"),
            ("d/30.bak", "User no\n"),
            ("d/.x.conf", "User hidden\n"),
        ],
        &["a"],
    ),
    (
        "include several",
        &[("config", "Include @/x @/y @/absent\n"), ("x", "Host a\n User x\n"), ("y", "Host a\n User y\n Port 3\n")],
        &["a"],
    ),
    (
        "include inside a block",
        &[
            ("config", "Host a\n Include @/in\nHost b\n Port 2\n"),
            ("in", "User only-a\nHost b\n User never\nHost a\n Port 1\n"),
        ],
        &["a", "b"],
    ),
    (
        "after an include the block goes on",
        &[("config", "Host a\n Include @/in\n Port 12\n"), ("in", "Host z\n User z\n")],
        &["a", "z"],
    ),
    (
        "nested includes",
        &[("config", "Include @/1\n"), ("1", "Include @/2\nHost a\n Port 1\n"), ("2", "Host a\n User two\n")],
        &["a"],
    ),
    ("match all", &[("config", "Host a\n Port 1\nMatch all\n User every\n")], &["a", "b"]),
    (
        "match host",
        &[("config", "Host a\n HostName a.example\nMatch host *.example\n User by-name\nMatch host a\n Port 9\n")],
        &["a", "b"],
    ),
    (
        "match originalhost",
        &[(
            "config",
            "Host a\n HostName a.example\nMatch originalhost a,b\n User o\nMatch originalhost a.example\n Port 9\n",
        )],
        &["a", "b", "c"],
    ),
    ("match user", &[("config", "Host a\n User deploy\nMatch user deploy\n Port 77\n")], &["a"]),
    (
        "match negated",
        &[("config", "Match !host a\n User not-a\nMatch host * !originalhost b\n Port 5\n")],
        &["a", "b"],
    ),
    ("match with lists", &[("config", "Match originalhost *,!b\n User listed\n")], &["a", "b"]),
    (
        "match several criteria",
        &[(
            "config",
            "Host a\n User x\nMatch originalhost a user x\n Port 1\nMatch originalhost a user y\n HostName no\n",
        )],
        &["a", "b"],
    ),
    ("match exec that fails", &[("config", "Match exec false\n User never\nHost a\n Port 2\n")], &["a"]),
    ("match final", &[("config", "Match canonical\n User c\nHost a\n Port 2\n")], &["a"]),
    (
        "one name in several blocks",
        &[("config", "Host a\n Port 1\nHost b a\n User u\nHost a*\n HostName %h.example\n")],
        &["a", "b", "ab"],
    ),
    (
        "unknown keywords are of no matter",
        &[("config", "IgnoreUnknown Foo\nFoo bar\nHost a\n ForwardAgent yes\n ServerAliveInterval 5\n User u\n")],
        &["a"],
    ),
    ("ipv6", &[("config", "Host six\n HostName 2001:db8::7\n Port 22\n")], &["six"]),
    ("upper case aliases", &[("config", "Host Web DB\n User u\nHost web\n Port 3\n")], &["Web", "DB", "web"]),
];

/// What `ssh -G` prints: values by keyword.
fn openssh(config: &Path, alias: &str) -> BTreeMap<String, Vec<String>> {
    let output = Command::new("ssh").arg("-G").arg("-F").arg(config).arg(alias).output().expect("ssh is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut values: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let (keyword, value) = line.split_once(' ').unwrap_or((line, ""));
        values.entry(keyword.to_owned()).or_default().push(value.to_owned());
    }
    values
}

/// What `ssh -G` says of a keyword that is not set anywhere.
fn default(keyword: &str, alias: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("empty");
    fs::write(&config, "").unwrap();
    openssh(&config, alias).remove(keyword).unwrap_or_default()
}

#[test]
fn every_configuration_of_the_corpus_means_what_openssh_says() {
    let mut compared = 0;
    for (case, files, aliases) in CORPUS {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join(".ssh");
        let at = folder.display().to_string();
        for (name, text) in *files {
            let path = folder.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(
                path,
                text.replace('@', &at).replace(&format!("ops{at}"), "ops@").replace(&format!("u{at}b"), "u@b"),
            )
            .unwrap();
        }
        let source = Source { folder: folder.clone(), home: None };
        let tree = Tree::read(&source, "config").unwrap();
        assert_eq!(tree.warnings, [] as [String; 0], "{case}");
        for alias in *aliases {
            let theirs = openssh(&folder.join("config"), alias);
            let ours = resolve(&tree.items, alias, None);
            let of = |keyword: &str| theirs.get(keyword).cloned().unwrap_or_default();
            let what = format!("{case}: {alias}");
            assert_eq!(ours.address(alias).to_lowercase(), of("hostname").concat().to_lowercase(), "{what}: hostname");
            assert_eq!(ours.port.unwrap_or(22).to_string(), of("port").concat(), "{what}: port");
            let user = ours.user.clone().map_or_else(|| default("user", alias), |user| vec![user]);
            assert_eq!(user, of("user"), "{what}: user");
            let keys =
                if ours.identity_files.is_empty() { default("identityfile", alias) } else { ours.identity_files };
            assert_eq!(keys, of("identityfile"), "{what}: identityfile");
            let jump = ours.proxy_jump.filter(|jump| jump != "none");
            assert_eq!(jump.unwrap_or_default(), of("proxyjump").concat(), "{what}: proxyjump");
            let command = ours.proxy_command.filter(|command| command != "none");
            assert_eq!(command.unwrap_or_default(), of("proxycommand").concat(), "{what}: proxycommand");
            compared += 1;
        }
    }
    println!("{} configurations, {compared} names compared with ssh -G", CORPUS.len());
    assert!(CORPUS.len() >= 20);
}
