use std::time::Duration;

use super::*;

const GOOD: &str = r#"
    id = "redact"
    name = "Redact"
    version = "0.1.0"
    api = "0.1"
    provides = ["log-filter"]
"#;

fn parse(text: &str) -> Result<Manifest, LoadError> {
    Manifest::parse(text, &Ceilings::default())
}

fn refusal(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

#[test]
fn the_shortest_manifest_gets_the_usual_limits_and_holds_lines() {
    let manifest = parse(GOOD).unwrap();
    assert_eq!(manifest.limits, Limits::default());
    assert_eq!(manifest.policy, Policy::Hold);
    assert_eq!(manifest.wants, vec![]);
    assert_eq!(manifest.config_default, serde_json::json!({}));
}

#[test]
fn everything_that_can_be_said_is_read() {
    let more = r#"
        description = "d"
        [[wants]]
        capability = "read-file"
        path = "~/.ssh"
        mount = "/ssh"
        reason = "to read ssh_config"
        [[wants]]
        capability = "kv"
        reason = "to remember"
        optional = true
        [limits]
        memory = "32 MiB"
        cpu-per-call = "100 ms"
        time-per-call = "2 s"
        [failure]
        policy = "pass-through"
        [config]
        schema = "config.schema.json"
        default = { rules = [] }
    "#;
    let manifest = parse(&format!("{GOOD}{more}")).unwrap();
    assert_eq!(manifest.limits.memory, 32 << 20);
    assert_eq!(manifest.limits.cpu_per_call, Duration::from_millis(100));
    assert_eq!(manifest.policy, Policy::PassThrough);
    let grants: Vec<_> = manifest.wants.iter().map(|want| want.capability.wish()).collect();
    assert_eq!(grants, ["read-file:~/.ssh", "kv"]);
    assert_eq!(manifest.config_default, serde_json::json!({"rules": []}));
}

#[test]
fn another_api_is_named_before_unknown_keys_are() {
    let text = GOOD.replace("0.1\"\n    provides", "0.3\"\n    provides") + "\nlater-key = 1\n[later]\nx = 1";
    assert_eq!(refusal(&text), "plugin needs API 0.3, this host has 0.1 to 0.1; install a version of it for this host");
}

#[test]
fn what_is_wrong_is_named() {
    for (text, needle) in [
        ("", "`api` is missing"),
        ("not toml at all", "plugin.toml: "),
        ("api = 0.1", "`api` is `0.1`"),
        ("api = \"one\"", "`api` is `one`"),
        (&format!("{GOOD}\nunknown = 1"), "unknown field `unknown`"),
        (&GOOD.replace("\"redact\"", "\"Re Dact\""), "the id `Re Dact` is not valid"),
        (&GOOD.replace("\"redact\"", "\"saved\""), "the id `saved` belongs"),
        (&GOOD.replace("\"0.1.0\"", "\"1\""), "version"),
        (&GOOD.replace("[\"log-filter\"]", "[]"), "`provides` names nothing"),
        (&GOOD.replace("[\"log-filter\"]", "[\"x\"]"), "unknown variant `x`"),
        (&GOOD.replace("[\"log-filter\"]", "[\"log-filter\", \"log-filter\"]"), "twice"),
        (
            &format!("{GOOD}\n[limits]\nmemory = \"1 GiB\""),
            "asks for 1 GiB of memory; the operator allows up to 256 MiB",
        ),
        (&format!("{GOOD}\n[limits]\ncpu-per-call = \"1 h\""), "is not a time"),
        (&format!("{GOOD}\n[failure]\npolicy = \"open\""), "unknown variant `open`"),
        (&format!("{GOOD}\n[[wants]]\ncapability = \"root\"\nreason = \"r\""), "no capability `root`"),
        (&format!("{GOOD}\n[[wants]]\ncapability = \"kv\"\nreason = \"\""), "needs a `reason`"),
        (&format!("{GOOD}\n[[wants]]\ncapability = \"read-file\"\nreason = \"r\""), "needs a `path`"),
        (
            &format!(
                "{GOOD}\n[[wants]]\ncapability = \"read-file\"\nreason = \"r\"\npath = \"/a/../etc\"\nmount = \"/m\""
            ),
            "`path` is",
        ),
        (&format!("{GOOD}\n[config]\nschema = \"../x\""), "names a file beside the manifest"),
    ] {
        let refusal = refusal(text);
        assert!(refusal.contains(needle), "{refusal:?} should say {needle:?}");
    }
}

#[test]
fn the_id_of_a_broken_manifest_is_still_found() {
    assert_eq!(peek_id("id = \"good\"\napi = 7\n"), Some("good".into()));
    assert_eq!(peek_id("id = \"Not Good\""), None);
    assert_eq!(peek_id("id ="), None);
}
