//! What a person sees of repeated lines and progress bars, over batches of any size.

use corral_plugin_collapse::{Collapse, KEY_MAX, REPORT_FIRST, shown};
use corral_plugin_sdk::testing::{self, Filtered};
use corral_plugin_sdk::{Error, LogFilter};

fn open(config: &str) -> Result<Collapse, Error> {
    testing::set_config(config);
    Collapse::open(&testing::stream())
}

/// Lines in batches of a size, and what the end of the stream adds.
fn batches(config: &str, lines: &[String], size: usize) -> Vec<Filtered> {
    let mut filter = open(config).unwrap();
    let mut out = Vec::new();
    for batch in lines.chunks(size) {
        out.extend(testing::run(&mut filter, batch).unwrap().lines);
    }
    out.extend(filter.finish().unwrap().into_iter().map(|text| Filtered { text, annotations: Vec::new() }));
    out
}

/// As `text {key=value …}`.
fn seen(config: &str, lines: &[&str], size: usize) -> Vec<String> {
    let lines: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    let show = |line: Filtered| {
        let labels: Vec<_> = line.annotations.iter().map(|label| format!("{}={}", label.key, label.value)).collect();
        if labels.is_empty() { line.text } else { format!("{} {{{}}}", line.text, labels.join(" ")) }
    };
    batches(config, &lines, size).into_iter().map(show).collect()
}

fn repeat(text: &str, count: usize) -> Vec<&str> {
    vec![text; count]
}

#[test]
fn of_lines_that_are_the_same_one_stays_and_one_says_how_many_there_were() {
    let mut lines = vec!["a"];
    lines.extend(repeat("waiting", 5));
    lines.push("b");
    assert_eq!(seen("{}", &lines, 100), ["a", "waiting", "waiting [repeated 4 times] {repeated=4}", "b"]);
}

#[test]
fn a_line_that_is_there_twice_is_left_as_it_is() {
    assert_eq!(seen("{}", &["a", "a", "b", "b", "c"], 100), ["a", "a", "b", "b", "c"]);
}

#[test]
fn a_run_over_several_batches_is_said_by_the_line_that_ends_it() {
    // One line a batch, as a slow command writes.
    let lines = ["up?", "up?", "up?", "up?", "up", "done"];
    assert_eq!(seen("{}", &lines, 1), ["up?", "up {repeated-before=3}", "done"]);
    assert_eq!(seen("{}", &lines, 3), ["up?", "up? [repeated 3 times] {repeated=3}", "up", "done"]);
}

#[test]
fn what_waits_at_the_end_of_the_stream_is_said_by_a_line_of_its_own() {
    assert_eq!(seen("{}", &repeat("x", 4), 1), ["x", "[the line before: repeated 3 times]"]);
    assert_eq!(seen("{}", &repeat("x", 2), 1), ["x", "[the line before: repeated once]"]);
    assert_eq!(seen("{}", &["x"], 1), ["x"]);
    assert_eq!(seen("{}", &[], 1), [""; 0]);
}

#[test]
fn a_run_that_goes_on_says_so_ever_more_seldom() {
    let lines = vec!["still here".to_owned(); 100_000];
    let out = batches("{}", &lines, 1);
    assert!(out.len() <= 20, "{}", out.len());
    assert_eq!(out[1].text, format!("still here [repeated {REPORT_FIRST} times]"));
    assert_eq!(stands_for(&out), 100_000);
}

#[test]
fn the_first_lines_of_a_run_can_stay() {
    let config = r#"{"keep": 3}"#;
    assert_eq!(seen(config, &repeat("x", 6), 100)[..3], ["x", "x", "x"]);
    assert_eq!(
        seen(config, &[repeat("x", 6), vec!["y"]].concat(), 100),
        ["x", "x", "x", "x [repeated 3 times] {repeated=3}", "y"]
    );
    assert_eq!(seen(config, &[repeat("x", 3), vec!["y"]].concat(), 2), ["x", "x", "x", "y"]);
}

#[test]
fn numbers_make_a_difference_unless_one_says_that_they_do_not() {
    let lines = ["copied 1 of 400", "copied 22 of 400", "copied 333 of 400", "copied 400 of 400", "done 4"];
    assert_eq!(seen("{}", &lines, 100), lines);
    let folded = ["copied 1 of 400", "copied 400 of 400 [repeated 3 times] {repeated=3}", "done 4"];
    assert_eq!(seen(r#"{"numbers": true}"#, &lines, 100), folded);
}

#[test]
fn blank_and_very_long_lines_are_never_folded() {
    let long = "x".repeat(KEY_MAX + 1);
    let lines = ["", "", "", "  ", "  ", "  ", &long, &long, &long];
    assert_eq!(seen("{}", &lines, 100), lines);
}

#[test]
fn progress_bars_become_what_a_terminal_shows_in_the_end() {
    for (line, expected) in [
        ("10%\r20%\r100%", "100%"),
        ("loading...\rok", "okading..."),
        ("loading...\r\x1b[Kok", "ok"),
        ("loading...\r\x1b[2Kok", "ok"),
        ("12345\x08\x08ab", "123ab"),
        ("\x1b[32m50%\x1b[0m\r\x1b[32m100%\x1b[0m done", "\x1b[32m100%\x1b[0m done"),
        ("\x1b[31mred\x1b[0m\r\x1b[1mb", "\x1b[1mb\x1b[0m\x1b[31med\x1b[0m"),
        ("a\r\rb\r\r\n", "b"),
        ("ab\rc\r", "cb"),
        ("abc\x1b[2Gx\r", "abc"),
        ("\r\x1b[K", ""),
        ("größer\rkl", "klößer"),
        ("\x1b[?25lx\ry\x1b[?25h", "y"),
        ("a\tb\rX", "X       b"),
    ] {
        let found = shown(line).map(|(text, _)| text);
        let expected = if line == "abc\x1b[2Gx\r" { None } else { Some(expected.to_owned()) };
        assert_eq!(found, expected, "{line:?}");
    }
}

#[test]
fn what_is_no_progress_bar_is_left_as_it_is() {
    let wide = format!("{}\rx", "y".repeat(100_000));
    for line in [
        "",
        "plain",
        "windows\r",
        "windows\r\r",
        "up\x1b[1A\rx",
        "title\x1b]0;x\x07\ry",
        "cut\r\x1b[3",
        "cut\r\x1b",
        &wide,
    ] {
        assert_eq!(shown(line), None, "{line:?}");
    }
    let lines = ["windows\r", "10%\r20%"];
    assert_eq!(seen(r#"{"progress": false}"#, &lines, 100), lines);
}

#[test]
fn a_progress_bar_says_how_often_it_was_written_over_and_counts_as_what_it_became() {
    let lines = ["1%\r2%\rdone", "done", "done", "next"];
    assert_eq!(seen("{}", &lines, 100), ["done {overwritten=2}", "done [repeated 2 times] {repeated=2}", "next"]);
}

/// Lines that went in, by what is said of them.
fn stands_for(lines: &[Filtered]) -> u64 {
    let one = |line: &Filtered| {
        let of = |key: &str| {
            line.annotations.iter().find(|label| label.key == key).map(|label| label.value.parse::<u64>().unwrap())
        };
        let end = line.text.strip_prefix("[the line before: repeated ").map(|rest| match rest {
            "once]" => 1,
            rest => rest.strip_suffix(" times]").unwrap().parse::<u64>().unwrap(),
        });
        end.unwrap_or(of("repeated").unwrap_or(1) + of("repeated-before").unwrap_or(0))
    };
    lines.iter().map(one).sum()
}

/// The runs of a stream: text, and how often.
fn runs(lines: &[String]) -> Vec<(String, u64)> {
    let mut runs: Vec<(String, u64)> = Vec::new();
    for line in lines {
        match runs.last_mut() {
            Some((text, count)) if text == line => *count += 1,
            _ => runs.push((line.clone(), 1)),
        }
    }
    runs
}

/// The runs, by what the filter says.
fn said(lines: &[Filtered]) -> Vec<(String, u64)> {
    let mut runs: Vec<(String, u64)> = Vec::new();
    for line in lines {
        let of = |key: &str| {
            line.annotations.iter().find(|label| label.key == key).map(|label| label.value.parse::<u64>().unwrap())
        };
        if line.text.starts_with("[the line before") {
            runs.last_mut().unwrap().1 += stands_for(std::slice::from_ref(line));
            continue;
        }
        if let Some(before) = of("repeated-before") {
            runs.last_mut().unwrap().1 += before;
        }
        let text = line.text.split(" [repeated").next().unwrap().to_owned();
        let count = of("repeated").unwrap_or(1);
        match runs.last_mut() {
            Some((last, sum)) if *last == text => *sum += count,
            _ => runs.push((text, count)),
        }
    }
    runs
}

/// Numbers that follow from a seed.
struct Random(u64);

impl Random {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % most
    }
}

#[test]
fn nothing_but_repetitions_is_lost_whatever_the_batches_and_whenever_it_is_replaced() {
    let seed = 0x00c0_11a5;
    println!("seed {seed}");
    let mut random = Random(seed);
    for round in 0..500 {
        let mut lines = Vec::new();
        for _ in 0..random.below(30) {
            let text = ["a", "b", "c", "waiting for it"][random.below(4)];
            lines.extend(vec![text.to_owned(); 1 + random.below(40)]);
        }
        let config = format!(r#"{{"keep": {}}}"#, 1 + random.below(4));
        let mut filter = open(&config).unwrap();
        let (mut out, mut from) = (Vec::new(), 0);
        while from < lines.len() {
            let to = (from + 1 + random.below(20)).min(lines.len());
            out.extend(testing::run(&mut filter, &lines[from..to]).unwrap().lines);
            from = to;
            if random.below(3) == 0 {
                filter = Collapse::load(&testing::stream(), &filter.save()).unwrap();
            }
        }
        out.extend(filter.finish().unwrap().into_iter().map(|text| Filtered { text, annotations: Vec::new() }));
        assert_eq!(said(&out), runs(&lines), "round {round} of seed {seed}");
        assert!(out.len() <= lines.len() + 1);
    }
}

#[test]
fn a_state_that_cannot_be_read_is_refused() {
    open("{}").unwrap();
    for state in ["", "nonsense", r#"{"version":99,"run":null}"#, r#"{"version":1,"run":{"key":1}}"#] {
        assert!(Collapse::load(&testing::stream(), state.as_bytes()).is_err(), "{state}");
    }
}

#[test]
fn a_configuration_that_cannot_work_is_refused_and_the_schema_says_the_same() {
    let schema: serde_json::Value = serde_json::from_str(include_str!("../config.schema.json")).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    for (config, good) in [
        ("{}", true),
        (r#"{"repeated": false, "numbers": true, "keep": 100, "progress": false}"#, true),
        (r#"{"keep": 0}"#, false),
        (r#"{"keep": 101}"#, false),
        (r#"{"kep": 1}"#, false),
        (r#"{"numbers": 1}"#, false),
    ] {
        assert_eq!(validator.is_valid(&serde_json::from_str(config).unwrap()), good, "{config}");
        assert_eq!(open(config).is_ok(), good, "{config}");
    }
    assert_eq!(seen(r#"{"repeated": false}"#, &["a", "a", "a"], 100), ["a", "a", "a"]);
}
