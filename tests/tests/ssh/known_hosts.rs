//! Our reader of known_hosts beside `ssh-keygen -F`, over files that nobody wrote.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use corral_ssh::KnownHosts;
use proptest::prelude::*;

/// Names asked for in each file; each costs a process.
const NAMES: [(&str, u16); 5] =
    [("web-1.example", 22), ("web-1.example", 2222), ("WEB-2", 22), ("10.0.0.7", 22), ("db.example", 2222)];

fn keys() -> &'static [String] {
    static KEYS: OnceLock<Vec<String>> = OnceLock::new();
    KEYS.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap();
        let make = |kind: &&str| {
            let path = folder.path().join(kind);
            let made =
                Command::new("ssh-keygen").args(["-q", "-N", "", "-t", *kind, "-f"]).arg(&path).status().unwrap();
            assert!(made.success());
            let public = std::fs::read_to_string(path.with_extension("pub")).unwrap();
            public.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
        };
        ["ed25519", "ecdsa", "rsa"].iter().map(make).collect()
    })
}

fn one_name() -> impl Strategy<Value = String> {
    let host = prop::sample::select(vec![
        "web-1.example",
        "Web-1.Example",
        "web-2",
        "10.0.0.7",
        "db.example",
        "*.example",
        "web-?",
        "web-*",
        "*",
        "10.0.*",
    ]);
    let port = prop::sample::select(vec!["", "", "2222", "22"]);
    (any::<prop::sample::Index>(), host, port).prop_map(|(negated, host, port)| {
        let mark = if negated.index(5) == 0 { "!" } else { "" };
        if port.is_empty() { format!("{mark}{host}") } else { format!("{mark}[{host}]:{port}") }
    })
}

fn line() -> impl Strategy<Value = String> {
    let names = prop::collection::vec(one_name(), 1..4).prop_map(|names| names.join(","));
    let marker = prop::sample::select(vec!["", "", "", "@revoked ", "@cert-authority ", "@unknown "]);
    let key = any::<prop::sample::Index>();
    let comment = prop::sample::select(vec!["", " a comment", "  "]);
    let whole = (marker, names, key, comment)
        .prop_map(|(marker, names, key, comment)| format!("{marker}{names} {}{comment}", key.get(keys())));
    let junk =
        prop::sample::select(vec!["", "# a comment", "   ", "web-1.example", "web-1.example ssh-ed25519", "x y z"]);
    prop_oneof![6 => whole, 1 => junk.prop_map(str::to_owned)]
}

/// Lines that ssh-keygen finds for a name, by what they say: plain, revoked, authority.
fn found(path: &Path, name: &str) -> [usize; 3] {
    let found = Command::new("ssh-keygen").args(["-F", name, "-f"]).arg(path).output().unwrap();
    let text = String::from_utf8(found.stdout).unwrap();
    let mut counts = [0; 3];
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let kind = if line.contains("@revoked") { 1 } else { usize::from(line.contains("@cert-authority")) * 2 };
        counts[kind] += 1;
    }
    counts
}

fn ours(known: &KnownHosts, host: &str, port: u16) -> [usize; 3] {
    [known.keys(host, port).len(), known.revoked(host, port).len(), known.authorities(host, port).len()]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_file_is_read_as_openssh_reads_it(lines in prop::collection::vec(line(), 0..8), hashed in any::<bool>()) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("known_hosts");
        std::fs::write(&path, lines.join("\n") + "\n").unwrap();
        if hashed {
            // What cannot be hashed stays as it is; that it complains is no matter here.
            let _ = Command::new("ssh-keygen").args(["-q", "-H", "-f"]).arg(&path).output().unwrap();
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let known = KnownHosts::parse(&text);
        for (host, port) in NAMES {
            let name = if port == 22 { host.to_lowercase() } else { format!("[{}]:{port}", host.to_lowercase()) };
            prop_assert_eq!(ours(&known, host, port), found(&path, &name), "{} in\n{}", name, text);
        }
    }
}
