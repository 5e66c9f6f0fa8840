//! Commands on what jobs wrote: search, export, and the care of the files.

use serde_json::Value;

use crate::clients::Fleet;

#[test]
fn a_search_prints_lines_under_the_name_of_their_machine_and_ends_as_grep_does() {
    let fleet = Fleet::new();
    let script = "echo alpha; echo beta; echo GAMMA >&2; seq 1 50";
    assert_eq!(fleet.ask(&["run", "--vm", "here-1", "--quiet", "--script", script]).code, 0);
    let found = fleet.ask(&["search", "beta"]);
    assert_eq!(found.code, 0, "{}", found.err);
    assert!(found.out.starts_with("here-1  job "), "{}", found.out);
    assert!(found.out.ends_with("2: beta\n"), "{}", found.out);
    assert_eq!(found.err, "", "no progress into a pipe");
    let found = fleet.ask(&["search", "-i", "-E", "^gamma$", "--stream", "stderr", "--vm", "here-1", "--job", "last"]);
    assert_eq!(found.code, 0, "{}", found.err);
    assert!(found.out.contains("GAMMA"), "{}", found.out);
    let found = fleet.ask(&["search", "-E", "^2[45]$", "-C", "1", "--since", "1h"]);
    let numbers: Vec<_> = found.out.lines().skip(1).map(|line| line.split_whitespace().last().unwrap()).collect();
    assert_eq!(numbers, ["23", "24", "25", "26"], "a line is shown once: {}", found.out);
    let found = fleet.ask(&["search", "alpha", "--json"]);
    let messages: Vec<Value> = found.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&messages[0]["type"], &messages[0]["line"]["text"]), (&"hit".into(), &"alpha".into()));
    assert_eq!(messages.last().unwrap()["type"], "end");

    assert_eq!(fleet.ask(&["search", "nowhere"]).code, 1);
    let refused = fleet.ask(&["search", "-E", "a("]);
    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(refused.err.contains("unclosed group at character 2"), "{}", refused.err);
    assert_eq!(fleet.ask(&["search", "a", "--since", "soon"]).code, 2);
    assert_eq!(fleet.ask(&["search", "a", "--vm", "heer-1"]).code, 6);
    assert_eq!(fleet.ask(&["search"]).code, 2, "nothing to search for");
}
