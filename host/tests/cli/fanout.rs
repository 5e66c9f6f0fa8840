//! How a job goes over its machines, and what can be done with it afterwards, from the command line.

use serde_json::Value;

use crate::clients::Fleet;

#[test]
fn a_dry_run_shows_waves_and_commands_and_starts_nothing() {
    let fleet = Fleet::new();
    let shown =
        fleet.ask(&["run", "-l", "all", "--canary", "1", "--dry-run", "--workdir", "/srv", "--script", "echo hi"]);
    assert_eq!(shown.code, 0, "{}", shown.err);
    assert!(shown.out.starts_with("2 VMs, mode durable; nothing is started\nhash "), "{}", shown.out);
    assert!(shown.out.contains("1. canary (1): here-1\n2. rest (1): here-2\n"), "{}", shown.out);
    assert!(shown.out.ends_with("here-[1-2]\n    cd -- /srv || exit 125\n    echo hi\n"), "{}", shown.out);
    let jobs = fleet.ask(&["job", "ls", "--json"]);
    assert_eq!(jobs.out.trim(), "[]");
}

#[test]
fn a_canary_that_fails_keeps_the_others_from_beginning_and_the_help_says_how_to_go_on() {
    let fleet = Fleet::new();
    let ran = fleet.ask(&["run", "-l", "all", "--mode", "direct", "--canary", "50%", "--script", "exit 3"]);
    assert_eq!(ran.code, 1);
    assert!(ran.err.contains("not started: 1 of 1 canary did not succeed (1 failed)"), "{}", ran.err);
    assert!(ran.err.contains("--which failed` runs those again"), "{}", ran.err);
    let again = fleet.ask(&["job", "retry", "last", "--which", "not-started"]);
    assert_eq!(again.code, 0, "{}", again.err);
    assert!(again.err.contains("runs again on here-2"), "{}", again.err);
    let none = fleet.ask(&["job", "retry", "last", "--which", "unreachable"]);
    assert_eq!(none.code, 7, "{}", none.err);
    assert!(none.err.contains("nothing to run again"), "{}", none.err);
}

#[test]
fn identical_output_is_shown_once_also_after_the_fact() {
    let fleet = Fleet::new();
    let ran = fleet.ask(&["run", "-l", "all", "--group", "--quiet", "--script", "echo one; echo two"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let expected = "---------------\nhere-[1-2] (2)\n---------------\none\ntwo\n";
    assert_eq!(ran.out, expected);
    assert_eq!(fleet.ask(&["job", "groups", "last"]).out, expected);
    let json: Value = serde_json::from_str(&fleet.ask(&["job", "groups", "last", "--json"]).out).unwrap();
    assert_eq!(json["groups"][0]["vms"].as_array().unwrap().len(), 2);
}

#[test]
fn a_task_is_cancelled_by_the_name_of_its_machine_and_a_job_is_closed() {
    let fleet = Fleet::new();
    let id = fleet.ask(&["run", "-l", "all", "--detach", "--script", "sleep 60"]).out.trim().to_owned();
    let unknown = fleet.ask(&["job", "cancel", &id, "--vm", "here-9"]);
    assert_eq!(unknown.code, 6, "{}", unknown.err);
    assert!(unknown.err.contains("did you mean `here-"), "{}", unknown.err);
    assert_eq!(fleet.ask(&["job", "cancel", &id, "--vm", "here-1"]).code, 0);
    let closed = fleet.ask(&["job", "close", &id]);
    assert_eq!(closed.code, 0, "{}", closed.err);
    assert!(fleet.ask(&["job", "show", &id]).out.contains("the job was closed by"));
    assert_eq!(fleet.ask(&["job", "close", &id]).code, 7, "it has ended");
}

#[test]
fn the_same_key_makes_one_job_and_a_wrong_share_is_explained() {
    let fleet = Fleet::new();
    let keyed = || fleet.ask(&["run", "-l", "all", "--detach", "--idempotency-key", "k1", "--script", "true"]).out;
    let first = keyed();
    assert_eq!(keyed(), first);
    let other = fleet.ask(&["run", "-l", "all", "--detach", "--idempotency-key", "k1", "--script", "false"]);
    assert_eq!(other.code, 7, "{}", other.err);
    let wrong = fleet.ask(&["run", "-l", "all", "--canary", "some", "--script", "true"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("as in `5`, or a part of them, as in `20%`"), "{}", wrong.err);
    let secret = fleet.ask(&["run", "-l", "all", "--run-as", "root", "--run-as-secret", "none", "--script", "true"]);
    assert_eq!(secret.code, 2);
    assert!(secret.err.contains("there is no secret `none`"), "{}", secret.err);
}
