//! Commands that ask a running host.

use serde_json::Value;

use crate::support::{Ended, Host, Site};

/// A host with two machines that are this one.
pub struct Fleet {
    pub site: Site,
    pub token: String,
    pub host: Host,
}

impl Fleet {
    pub fn new() -> Self {
        let site = Site::new();
        let host = site.serve(&[]);
        let fleet = Self { token: site.token("admin"), site, host };
        for (name, label) in [("here-1", "role=web"), ("here-2", "role=db")] {
            let added = fleet.ask(&["vm", "add", name, "--local", "--label", label]);
            assert_eq!(added.code, 0, "{}", added.err);
        }
        fleet
    }

    pub fn ask(&self, args: &[&str]) -> Ended {
        self.site.ask(&self.token, args)
    }

    /// `corral run` with its connection before the `--`.
    fn run(&self, args: &[&str], words: &[&str]) -> Ended {
        let data = self.site.data();
        let mut command = self.site.corral(&["run", "--data", data.to_str().unwrap()]);
        command.args(args).arg("--").args(words).env("CORRAL_TOKEN", &self.token);
        crate::support::ended(command.output().unwrap())
    }
}

#[test]
fn words_reach_the_command_as_they_are_and_lines_carry_the_name_of_their_machine() {
    let fleet = Fleet::new();
    let ran = fleet.run(&["-l", "all"], &["echo", "a  b", "$HOME"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let mut lines: Vec<_> = ran.out.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["here-1: a  b $HOME", "here-2: a  b $HOME"]);
    assert!(ran.err.contains("2 succeeded"), "{}", ran.err);
}

#[test]
fn a_command_that_fails_somewhere_ends_with_1_and_both_streams_are_kept_apart() {
    let fleet = Fleet::new();
    let ran = fleet.ask(&["run", "--vm", "here-1", "--quiet", "--script", "echo out; echo err >&2; exit 3"]);
    assert_eq!(ran.code, 1);
    assert_eq!((ran.out.as_str(), ran.err.as_str()), ("here-1: out\n", "here-1: err\n"));
}

#[test]
fn piped_output_is_byte_for_byte_what_the_command_wrote() {
    let fleet = Fleet::new();
    let script = r"printf 'a\033[31mb\377\000c\n'; printf 'last'";
    let ran = fleet.ask(&["run", "--vm", "here-1", "--no-prefix", "--quiet", "--script", script]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert_eq!(ran.raw, b"a\x1b[31mb\xff\0c\nlast", "also the newline that is not there");
    let logs = fleet.ask(&["logs", "last"]);
    assert_eq!(logs.raw, ran.raw);
}

#[test]
fn ten_thousand_lines_come_once_each_and_in_order() {
    let fleet = Fleet::new();
    let ran = fleet.ask(&["run", "--vm", "here-1", "--no-prefix", "--quiet", "--script", "seq 10000"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let expected = (1..=10_000).map(|n| n.to_string()).collect::<Vec<_>>().join("\n") + "\n";
    assert_eq!(ran.out, expected);
    assert_eq!(fleet.ask(&["logs", "last"]).out, expected, "from the store, too");
    assert_eq!(fleet.ask(&["logs", "last", "--tail", "2"]).out, "9999\n10000\n");
    assert_eq!(fleet.ask(&["logs", "last", "-f"]).out, expected, "following a job that has ended ends");
}

#[test]
fn for_machines_everything_is_json() {
    let fleet = Fleet::new();
    let ran = fleet.ask(&["run", "-l", "role=web", "--json", "--script", "echo hi"]);
    let lines: Vec<Value> = ran.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[0]["vm"], &lines[0]["text"]), (&"here-1".into(), &"hi".into()));
    assert_eq!(lines[1]["job"]["status"], "succeeded");
    for list in [&["vm", "ls"][..], &["job", "ls"], &["plugin", "ls"], &["command", "ls"]] {
        let listed = fleet.ask(&[list, &["--json"]].concat());
        assert_eq!(listed.code, 0, "{}", listed.err);
        assert!(serde_json::from_str::<Value>(&listed.out).unwrap().is_array());
    }
    let shown = fleet.ask(&["job", "show", "last", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&shown.out).unwrap()["tasks"][0]["vm_name"], "here-1");
}

#[test]
fn what_is_not_known_is_named_with_what_was_probably_meant() {
    let fleet = Fleet::new();
    for args in [&["vm", "show", "heer-1"][..], &["run", "--vm", "here-1,heer-1", "--script", "true"]] {
        let refused = fleet.ask(args);
        assert_eq!(refused.code, 6, "{}", refused.err);
        assert!(refused.err.contains("heer-1") && refused.err.contains("did you mean `here-1`"), "{}", refused.err);
    }
    assert_eq!(fleet.ask(&["job", "ls", "--json"]).out.trim(), "[]", "nothing was run");
}

#[test]
fn targets_are_never_everything_by_accident() {
    let fleet = Fleet::new();
    for selector in ["", "role=nothing"] {
        let refused = fleet.run(&["-l", selector], &["true"]);
        assert_eq!(refused.code, 2, "{selector:?}: {}", refused.err);
    }
    assert_eq!(fleet.run(&[], &["true"]).code, 2, "no targets at all");
    assert_eq!(fleet.run(&["-l", "all"], &[]).code, 2, "nothing to run");
}

#[test]
fn a_role_that_is_too_small_is_told() {
    let fleet = Fleet::new();
    let viewer = fleet.site.token("viewer");
    let refused = fleet.site.ask(&viewer, &["run", "-l", "all", "--script", "true"]);
    assert_eq!(refused.code, 5, "{}", refused.err);
    assert!(refused.err.contains("operator"), "{}", refused.err);
}

#[test]
fn a_test_of_the_way_says_each_step() {
    let fleet = Fleet::new();
    let tested = fleet.ask(&["vm", "test", "here-1"]);
    assert_eq!(tested.code, 0, "{}", tested.err);
    assert!(tested.out.contains("✓ exec") && tested.out.contains(" ms"), "{}", tested.out);
    // Nothing listens on port 1.
    assert_eq!(fleet.ask(&["vm", "add", "gone", "127.0.0.1:1"]).code, 0);
    let tested = fleet.ask(&["vm", "test", "gone"]);
    assert_eq!(tested.code, 1);
    assert!(tested.out.contains("✗ connect") && tested.out.contains("to do:"), "{}", tested.out);
    assert_eq!(fleet.ask(&["vm", "rm", "gone", "here-2"]).code, 0);
    let names = fleet.ask(&["vm", "ls", "--json"]).out;
    assert!(!names.contains("gone") && !names.contains("here-2") && names.contains("here-1"));
}

#[test]
fn a_host_that_is_not_there_is_code_3_and_no_token_is_code_5() {
    let site = Site::new();
    let token = "corral_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let refused = site.run(&["vm", "ls", "--url", "http://127.0.0.1:1", "--token", token]);
    assert_eq!(refused.code, 3, "{}", refused.err);
    assert!(refused.err.contains("127.0.0.1:1"), "{}", refused.err);
    let refused = site.run(&["vm", "ls", "--url", "http://127.0.0.1:1"]);
    assert_eq!(refused.code, 5, "{}", refused.err);
    assert!(refused.err.contains("corral token create"), "{}", refused.err);
    let refused = site.run(&["vm", "ls"]);
    assert_eq!(refused.code, 3, "{}", refused.err);
    assert!(refused.err.contains("corral serve"), "{}", refused.err);
}

#[test]
fn a_job_can_be_left_to_itself_found_again_and_stopped() {
    let fleet = Fleet::new();
    let started = fleet.ask(&["run", "--vm", "here-1", "--detach", "--script", "echo begun; exec sleep 600"]);
    assert_eq!(started.code, 0, "{}", started.err);
    let id = started.out.trim();
    let end = &id[id.len() - 6..];
    assert_eq!(fleet.ask(&["job", "cancel", end]).code, 0);
    // Following ends when the job has.
    assert_eq!(fleet.ask(&["logs", end, "-f"]).code, 0);
    let shown = fleet.ask(&["job", "ls", "--status", "cancelled", "--json"]);
    assert!(shown.out.contains(id), "{}", shown.out);
}
