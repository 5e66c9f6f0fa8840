//! Private keys across lines and batches, handover, configuration.

use corral_plugin_redact::{Redact, rule_ids};
use corral_plugin_sdk::{Error, LogFilter, testing};

const MATERIAL: &str = "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtz";
const KEY: &str = "[redacted:private-key]";

fn mark(which: &str, kind: &str) -> String {
    format!("-----{which} {kind}PRIVATE KEY-----")
}

fn open(config: &str) -> Result<Redact, Error> {
    testing::set_config(config);
    Redact::open(&testing::stream())
}

fn texts(filter: &mut Redact, lines: &[&str]) -> Vec<String> {
    let outcome = testing::run(filter, lines).unwrap();
    outcome.lines.into_iter().map(|line| line.text).collect()
}

#[test]
fn every_line_of_a_key_is_replaced_and_the_lines_around_it_stay() {
    for kind in ["", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "] {
        let (begin, end) = (mark("BEGIN", kind), mark("END", kind));
        let lines = ["before", &begin, "Proc-Type: 4,ENCRYPTED", "", MATERIAL, "QUJD", &end, "after"];
        assert_eq!(texts(&mut open("{}").unwrap(), &lines), ["before", KEY, KEY, KEY, KEY, KEY, KEY, "after"]);
    }
}

#[test]
fn a_key_goes_on_in_the_next_batch_and_in_the_next_version() {
    let mut filter = open("{}").unwrap();
    assert_eq!(texts(&mut filter, &["a", &mark("BEGIN", "")]), ["a", KEY]);
    assert_eq!(texts(&mut filter, &[MATERIAL]), [KEY]);
    let mut next = Redact::load(&testing::stream(), &filter.save()).unwrap();
    assert_eq!(texts(&mut next, &[MATERIAL, &mark("END", ""), "b"]), [KEY, KEY, "b"]);
    let after = Redact::load(&testing::stream(), &next.save()).unwrap();
    assert_eq!(after.save(), open("{}").unwrap().save());
}

#[test]
fn a_state_that_cannot_be_read_is_refused() {
    for state in ["", "nonsense", r#"{"version":99,"block":null}"#] {
        assert!(Redact::load(&testing::stream(), state.as_bytes()).is_err(), "{state}");
    }
}

#[test]
fn a_key_on_one_line_leaves_what_stands_around_it() {
    let line = format!("key: \"{}\\n{MATERIAL}\\n{}\\n\" next", mark("BEGIN", ""), mark("END", ""));
    let text = &texts(&mut open("{}").unwrap(), &[&line, "free"])[..];
    assert_eq!(text, [format!("key: \"{KEY}\\n\" next"), "free".to_owned()]);
}

#[test]
fn a_key_that_never_ends_is_given_up_after_lines_that_are_none() {
    let begin = mark("BEGIN", "");
    let mut lines = vec![begin.as_str(), MATERIAL];
    lines.extend(["plain words of a log"; 20]);
    let texts = texts(&mut open("{}").unwrap(), &lines);
    assert_eq!(texts.iter().filter(|text| *text == KEY).count(), 10);
    assert_eq!(texts.last().unwrap(), "plain words of a log");
}

#[test]
fn a_key_is_followed_for_a_bounded_number_of_lines() {
    let begin = mark("BEGIN", "");
    let mut lines = vec![begin.as_str()];
    lines.extend(std::iter::repeat_n(MATERIAL, 3000));
    let texts = texts(&mut open("{}").unwrap(), &lines);
    assert!((1000..1100).contains(&texts.iter().filter(|text| *text == KEY).count()));
}

#[test]
fn a_word_put_together_by_two_lines_is_none_and_hides_none() {
    let lines = ["ends with pass", "word=x ok", "password=hunter2", "to", "ken=x", "ends with pas", "password=hunter2"];
    let mut expected = lines.map(str::to_owned);
    expected[2] = "password=[redacted:assignment]".into();
    expected[6] = "password=[redacted:assignment]".into();
    assert_eq!(texts(&mut open("{}").unwrap(), &lines), expected);
}

#[test]
fn patterns_of_ones_own_are_used_beside_the_rules() {
    let config = r#"{"patterns": [{"name": "customer", "pattern": "CUST-(?<secret>[0-9]{4})"}, {"name": "word", "pattern": "geheim"}]}"#;
    let lines = ["CUST-1234 and geheim", "password=x9", "none"];
    assert_eq!(
        texts(&mut open(config).unwrap(), &lines),
        ["CUST-[redacted:customer] and [redacted:word]", "password=[redacted:assignment]", "none"]
    );
}

#[test]
fn a_rule_that_is_disabled_does_nothing_and_annotations_can_be_off() {
    let mut filter = open(r#"{"disabled": ["assignment"], "annotate": false}"#).unwrap();
    let outcome = testing::run(&mut filter, &["password=hunter2", "redis://:hunter2@db"]).unwrap();
    assert_eq!(outcome.texts(), ["password=hunter2", "redis://:[redacted:url-credentials]@db"]);
    assert!(outcome.lines.iter().all(|line| line.annotations.is_empty()));
    let mut filter = open(r#"{"disabled": ["private-key"]}"#).unwrap();
    let begin = mark("BEGIN", "");
    assert_eq!(texts(&mut filter, &[&begin, "x"]), [begin.as_str(), "x"]);
}

#[test]
fn a_configuration_that_would_leave_secrets_in_is_refused_and_says_why() {
    for (config, expected) in [
        (r#"{"disabled": ["assignement"]}"#, "`assignement`"),
        (r#"{"patterns": [{"name": "x", "pattern": "("}]}"#, "does not compile"),
        (r#"{"patterns": [{"name": "x", "pattern": "a*"}]}"#, "matches the empty string"),
        (r#"{"patterns": [{"name": "Bad Name", "pattern": "a"}]}"#, "does not fit"),
        (r#"{"paterns": []}"#, "paterns"),
        ("[", "configuration"),
    ] {
        let message = open(config).err().expect("refused").to_string();
        assert!(message.contains(expected), "{config}: {message}");
    }
}

#[test]
fn the_schema_names_the_rules_that_there_are() {
    let schema: serde_json::Value = serde_json::from_str(include_str!("../config.schema.json")).unwrap();
    let named: Vec<_> = schema["properties"]["disabled"]["items"]["enum"].as_array().unwrap().clone();
    assert_eq!(named, rule_ids().map(serde_json::Value::from).collect::<Vec<_>>());
}
