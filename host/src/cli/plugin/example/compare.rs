//! The difference between what was expected and what came.

use similar::{ChangeTag, TextDiff};

use super::Answer;

/// A line of a difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiffLine {
    /// `-` was expected and did not come, `+` came and was not expected, a blank is as it should be.
    pub sign: char,
    /// What.
    pub text: String,
}

/// What is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Difference {
    /// In one sentence.
    Said(String),
    /// Line by line.
    Lines {
        /// Of what: `lines`, `commands`.
        what: &'static str,
        /// All lines of both.
        lines: Vec<DiffLine>,
    },
}

/// Compares; none if they are the same.
pub fn compare(what: &'static str, expected: &Answer, came: &Answer) -> Option<Difference> {
    if expected == came {
        return None;
    }
    let (old, new): (Vec<&str>, Vec<&str>) =
        (expected.0.iter().map(String::as_str).collect(), came.0.iter().map(String::as_str).collect());
    let diff = TextDiff::from_slices(&old, &new);
    let lines = diff.iter_all_changes().map(|change| DiffLine {
        sign: match change.tag() {
            ChangeTag::Delete => '-',
            ChangeTag::Insert => '+',
            ChangeTag::Equal => ' ',
        },
        text: change.value().to_owned(),
    });
    Some(Difference::Lines { what, lines: lines.collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(lines: &[&str]) -> Answer {
        Answer(lines.iter().map(|line| (*line).to_owned()).collect())
    }

    #[test]
    fn a_difference_shows_what_was_expected_and_what_came_in_place() {
        assert_eq!(compare("lines", &answer(&["a", "b"]), &answer(&["a", "b"])), None);
        let Some(Difference::Lines { lines, .. }) =
            compare("lines", &answer(&["a", "b", "c"]), &answer(&["a", "x", "c"]))
        else {
            panic!("they differ")
        };
        let shown: Vec<String> = lines.iter().map(|line| format!("{}{}", line.sign, line.text)).collect();
        assert_eq!(shown, [" a", "-b", "+x", " c"]);
    }
}
