//! Counts what test runners report: cargo's, Vitest's and Node's.

/// How many tests passed and failed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Held.
    pub passed: u64,
    /// Did not.
    pub failed: u64,
    /// Were left out; any makes the step fail.
    pub ignored: u64,
}

impl Tally {
    /// Takes one line of a runner's output into account.
    pub fn read(&mut self, line: &str) {
        let plain = without_colours(line);
        let text = plain.trim();
        if let Some(rest) = text.strip_prefix("test result: ") {
            self.add(number_before(rest, " passed"), number_before(rest, " failed"), number_before(rest, " ignored"));
        } else if let Some(rest) = text.strip_prefix("Tests ").filter(|rest| rest.ends_with(')')) {
            self.add(number_before(rest, " passed"), number_before(rest, " failed"), number_before(rest, " skipped"));
        } else if let Some(rest) = text.strip_prefix("# ").or_else(|| text.strip_prefix("ℹ ")) {
            match rest.split_once(' ') {
                Some(("pass", count)) => self.add(count.parse().unwrap_or(0), 0, 0),
                Some(("fail", count)) => self.add(0, count.parse().unwrap_or(0), 0),
                Some(("skipped", count)) => self.add(0, 0, count.parse().unwrap_or(0)),
                _ => {}
            }
        }
    }

    fn add(&mut self, passed: u64, failed: u64, ignored: u64) {
        self.passed += passed;
        self.failed += failed;
        self.ignored += ignored;
    }
}

fn number_before(text: &str, word: &str) -> u64 {
    let Some(at) = text.find(word) else { return 0 };
    let digits = text[..at].rsplit(|c: char| !c.is_ascii_digit()).next().unwrap_or("");
    digits.parse().unwrap_or(0)
}

fn without_colours(line: &str) -> String {
    let mut plain = String::with_capacity(line.len());
    let mut escape = false;
    for c in line.chars() {
        match (escape, c) {
            (false, '\u{1b}') => escape = true,
            (false, c) => plain.push(c),
            (true, c) => escape = !c.is_ascii_alphabetic(),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[&str]) -> Tally {
        let mut tally = Tally::default();
        for line in lines {
            tally.read(line);
        }
        tally
    }

    #[test]
    fn results_of_every_runner_are_summed() {
        let tally = of(&[
            "test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.02s",
            "test result: \u{1b}[31mFAILED\u{1b}[0m. 3 passed; 2 failed; 1 ignored; 0 measured; 0 filtered out",
            "\u{1b}[2m      Tests \u{1b}[22m \u{1b}[1m\u{1b}[31m1 failed\u{1b}[39m\u{1b}[22m | \u{1b}[32m4 passed\u{1b}[39m (5)",
            "ℹ pass 7",
            "# fail 1",
        ]);
        assert_eq!(tally, Tally { passed: 26, failed: 4, ignored: 1 });
    }

    #[test]
    fn other_lines_count_nothing() {
        assert_eq!(of(&["# a heading 5", "Tests are good", "12 passed", "test a ... ok"]), Tally::default());
    }
}
