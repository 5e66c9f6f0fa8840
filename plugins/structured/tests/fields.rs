//! Fields that are kept, bounds, odd input, configuration.

use corral_plugin_sdk::testing::{self, Filtered};
use corral_plugin_sdk::{Error, LogFilter};
use corral_plugin_structured::{FIELDS_MAX, Structured};

fn open(config: &str) -> Result<Structured, Error> {
    testing::set_config(config);
    Structured::open(&testing::stream())
}

fn run(config: &str, lines: &[&str]) -> Vec<Filtered> {
    let outcome = testing::run(&mut open(config).unwrap(), lines).unwrap();
    assert_eq!(outcome.texts(), lines, "no line is ever changed");
    outcome.lines
}

fn facts(config: &str, line: &str) -> String {
    let kept = &run(config, &[line])[0].annotations;
    kept.iter().map(|label| format!("{}={}", label.key, label.value)).collect::<Vec<_>>().join(" ")
}

const FIELDS: &str =
    r#"{"fields": [{"from": "request_id", "as": "request"}, {"from": "http.status"}, {"from": "user"}]}"#;

#[test]
fn fields_of_json_are_found_by_their_path_and_kept_under_their_name() {
    for (line, expected) in [
        (
            r#"{"level":"info","request_id":"a1","http":{"status":200,"x":[{}]},"user":null}"#,
            "level=info request=a1 http.status=200",
        ),
        (r#"{"http.status":404,"user":"ö \"x\""}"#, "http.status=404 user=ö \"x\""),
        (r#"{"user":true,"http":{"status":-1.5}}"#, "http.status=-1.5 user=true"),
        (r#"{"user":{"name":"x"},"request_id":["a"]}"#, ""),
        (r#"{"user":"first","user":"second"}"#, "user=first"),
        (r#"{"\u0075ser":"escaped key"}"#, "user=escaped key"),
        (r#"2026-11-21T10:00:00Z stdout F {"user":"behind a prefix"}"#, "user=behind a prefix"),
    ] {
        assert_eq!(facts(FIELDS, line), expected, "{line}");
    }
}

#[test]
fn fields_of_logfmt_are_found_by_their_key() {
    let line = r#"time=1 level=warn request_id=a1 http.status=500 user="a b\n\"c\"" msg=x"#;
    assert_eq!(facts(FIELDS, line), "level=warn request=a1 http.status=500 user=a b \"c\"");
    assert_eq!(facts(FIELDS, "a word user=x"), "");
}

#[test]
fn values_are_cut_at_a_character_and_control_characters_are_blanks() {
    let config = r#"{"value_max": 8, "fields": [{"from": "user"}]}"#;
    assert_eq!(facts(config, r#"{"user":"12345678"}"#), "user=12345678");
    assert_eq!(facts(config, r#"{"user":"1234567ö"}"#), "user=1234567…");
    assert_eq!(facts(config, r#"{"user":"a\u0000b\tc"}"#), "user=a b c");
}

#[test]
fn what_the_host_takes_of_a_line_is_never_exceeded() {
    let fields: Vec<_> = (0..FIELDS_MAX).map(|n| format!(r#"{{"from":"f{n}"}}"#)).collect();
    let config = format!(r#"{{"value_max": 1000, "fields": [{}]}}"#, fields.join(","));
    let values: Vec<_> = (0..FIELDS_MAX).map(|n| format!(r#""f{n}":"{}""#, "ü".repeat(5000))).collect();
    let line = format!(r#"{{"level":"error",{}}}"#, values.join(","));
    let kept = &run(&config, &[&line])[0].annotations;
    assert_eq!(kept.len(), FIELDS_MAX + 1);
    assert!(kept.iter().all(|label| label.value.len() <= 1024));
}

#[test]
fn garbage_huge_lines_and_deep_nesting_say_nothing_and_hurt_nobody() {
    let huge = "x".repeat(1 << 20);
    let braces = "{\"a\":".repeat(100_000);
    let nested = format!("{}1{}", "{\"a\":".repeat(50_000), "}".repeat(50_000));
    let brackets = "[".repeat(1 << 20);
    let quotes = format!("a=\"{} b=1", "\\\"".repeat(100_000));
    let equals = "=".repeat(1 << 20);
    let escapes = "\x1b[".repeat(100_000);
    let odd = [
        "\u{0}\u{1}\u{fffd}",
        "{\"\u{fffd}",
        "{\"a\":1e999999}",
        "{\"a\":\"\\ud800\"}",
        "\x1b",
        "\x1b[",
        "│",
        "[",
        "<",
        "a=\"\\",
    ];
    let mut lines: Vec<&str> = vec![&huge, &braces, &nested, &brackets, &quotes, &equals, &escapes];
    lines.extend(odd);
    for line in run(FIELDS, &lines) {
        assert_eq!(line.annotations, [], "{:.40}", line.text);
    }
    let long = format!(r#"{{"level":"error","x":"{}"}}"#, "y".repeat(1 << 20));
    assert_eq!(facts("{}", &long), "level=error");
    let level_below_deep_nesting = format!(r#"{{"level":"error","x":{}1{}}}"#, "[".repeat(20_000), "]".repeat(20_000));
    assert_eq!(facts("{}", &level_below_deep_nesting), "level=error");
}

#[test]
fn any_bytes_are_survived() {
    let seed: u64 = 0x5eed_1234;
    println!("seed {seed}");
    let parts = [
        "{", "}", "\"", "level", "=", ":", " ", "error", "[", "]", "<3>", "\\", "ü", "\x1b[1m", "E0102 ", "10:00:00",
        "\t", "|", "-",
    ];
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize
    };
    for _ in 0..20_000 {
        let line: String = (0..next() % 12).map(|_| parts[next() % parts.len()]).collect();
        run(FIELDS, &[&line]);
    }
}

#[test]
fn each_way_to_read_can_be_off() {
    let (json, logfmt, text) = (r#"{"level":"error","user":"j"}"#, "level=error user=l", "ERROR t");
    let lines = [json, logfmt, text];
    let found = |config: &str| lines.map(|line| facts(config, line));
    assert_eq!(found("{}"), ["level=error", "level=error", "level=error"]);
    assert_eq!(found(r#"{"json": false}"#), ["", "level=error", "level=error"]);
    assert_eq!(found(r#"{"logfmt": false}"#), ["level=error", "", "level=error"]);
    assert_eq!(found(r#"{"text": false}"#), ["level=error", "level=error", ""]);
    assert_eq!(
        found(r#"{"level": false, "fields": [{"from": "user"}, {"from": "level"}]}"#),
        ["user=j level=error", "user=l level=error", ""]
    );
}

#[test]
fn words_of_ones_own_stand_for_a_level() {
    let config = r#"{"words": {"AUDIT": "info", "note": "warn"}}"#;
    assert_eq!(facts(config, "[audit] login"), "level=info");
    assert_eq!(facts(config, "AUDIT login"), "level=info");
    assert_eq!(facts(config, "note: look"), "level=warn");
    assert_eq!(facts(config, r#"{"level":"Audit"}"#), "level=info");
    assert_eq!(facts("{}", "[audit] login"), "");
}

#[test]
fn a_configuration_that_cannot_work_is_refused_and_says_why() {
    for (config, expected) in [
        (r#"{"fields": [{"from": "a b"}]}"#, "give `as`"),
        (r#"{"fields": [{"from": "a", "as": "level"}]}"#, "two things"),
        (r#"{"fields": [{"from": "a"}, {"from": "b", "as": "a"}]}"#, "two things"),
        (r#"{"value_max": 5000}"#, "`value_max` is 5000"),
        (r#"{"words": {"a b": "info"}}"#, "`a b` does not fit"),
        (r#"{"words": {"ab": "loud"}}"#, "loud"),
        (r#"{"levels": true}"#, "levels"),
        ("[", "configuration"),
    ] {
        let message = open(config).err().expect("refused").to_string();
        assert!(message.contains(expected), "{config}: {message}");
    }
    let many: Vec<_> = (0..=FIELDS_MAX).map(|n| format!(r#"{{"from":"f{n}"}}"#)).collect();
    assert!(open(&format!(r#"{{"fields": [{}]}}"#, many.join(","))).is_err());
}

#[test]
fn the_schema_admits_what_the_plugin_takes() {
    let schema: serde_json::Value = serde_json::from_str(include_str!("../config.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let full = r#"{"level": true, "json": true, "logfmt": true, "text": true, "value_max": 100,
                   "fields": [{"from": "request_id", "as": "request"}], "words": {"audit": "info"}}"#;
    for config in ["{}", FIELDS, full] {
        assert!(validator.is_valid(&serde_json::from_str(config).unwrap()), "{config}");
        assert!(open(config).is_ok(), "{config}");
    }
    for config in
        [r#"{"value_max": 5000}"#, r#"{"fields": [{"as": "x"}]}"#, r#"{"words": {"a b": "info"}}"#, r#"{"x": 1}"#]
    {
        assert!(!validator.is_valid(&serde_json::from_str(config).unwrap()), "{config}");
        assert!(open(config).is_err(), "{config}");
    }
}

#[test]
fn a_running_stream_moves_to_another_version() {
    let filter = open("{}").unwrap();
    let mut next = Structured::load(&testing::stream(), &filter.save()).unwrap();
    assert_eq!(testing::run(&mut next, &["[warn] x"]).unwrap().lines[0].annotations[0].value, "warn");
}
