//! How one output differs from another, within bounds of time and size.

use std::time::{Duration, Instant};

use similar::{Algorithm, TextDiff};

use super::Group;

/// Lines of a diff that are shown, and lines of each text that are compared.
pub(super) const DIFF_LINES_MAX: usize = 2_000;
/// Bytes of a diff that are shown.
const DIFF_BYTES_MAX: usize = 64 * 1024;
/// Bytes of all diffs together.
const DIFFS_BYTES_MAX: usize = 2 * 1024 * 1024;
/// Time for all diffs of one answer. A diff that is cut off by it is correct, but longer than it need be.
const DIFFS_TIME_MAX: Duration = Duration::from_secs(2);
/// Lines around a difference.
const CONTEXT_LINES: usize = 3;

/// Compares each group with the first.
pub(super) async fn against_the_first(mut groups: Vec<Group>) -> Vec<Group> {
    if groups.len() < 2 {
        return groups;
    }
    let work = tokio::task::spawn_blocking(move || {
        let deadline = Instant::now() + DIFFS_TIME_MAX;
        let mut room = DIFFS_BYTES_MAX;
        let Some((first, others)) = groups.split_first_mut() else { return groups };
        for other in others {
            if room == 0 || Instant::now() >= deadline {
                break;
            }
            let (diff, whole) = unified(first, other, deadline, room.min(DIFF_BYTES_MAX));
            room -= diff.len();
            other.truncated |= !whole || first.truncated;
            other.diff = Some(diff);
        }
        groups
    });
    match work.await {
        Ok(groups) => groups,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

/// A unified diff, and whether it is all of it.
fn unified(from: &Group, to: &Group, deadline: Instant, bytes_max: usize) -> (String, bool) {
    let name = |group: &Group| group.vms.first().map_or(String::new(), |(_, name, _)| name.clone());
    let diff = TextDiff::configure()
        .algorithm(Algorithm::Myers)
        .deadline(deadline)
        .diff_lines(from.text.as_str(), to.text.as_str());
    let whole = diff.unified_diff().context_radius(CONTEXT_LINES).header(&name(from), &name(to)).to_string();
    let (mut end, mut lines) = (0, 0);
    for line in whole.split_inclusive('\n') {
        if lines == DIFF_LINES_MAX || end + line.len() > bytes_max {
            return (whole[..end].to_owned(), false);
        }
        end += line.len();
        lines += 1;
    }
    (whole, true)
}

#[cfg(test)]
mod tests {
    use corral_domain::{IdSource, ManualClock, RandomBytes, TaskStatus, Timestamp};
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    struct Zeros;

    impl RandomBytes for Zeros {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(0);
        }
    }

    fn group(name: &str, text: &str) -> Group {
        let clock = ManualClock::new(Timestamp::from_millis(0));
        let vm = IdSource { clock: &clock, random: &Zeros }.vm();
        Group {
            digest: text.to_owned(),
            lines: text.lines().count() as u64,
            bytes: text.len() as u64,
            exit_code: Some(0),
            vms: vec![(vm, name.to_owned(), TaskStatus::Succeeded)],
            text: text.to_owned(),
            truncated: false,
            diff: None,
        }
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(10)
    }

    #[test]
    fn the_diff_names_both_and_shows_what_differs() {
        let (diff, whole) = unified(&group("web-1", "a\nb\nc\n"), &group("web-2", "a\nx\nc\n"), soon(), DIFF_BYTES_MAX);
        assert_eq!((diff.as_str(), whole), ("--- web-1\n+++ web-2\n@@ -1,3 +1,3 @@\n a\n-b\n+x\n c\n", true));
    }

    #[test]
    fn what_is_too_long_is_cut_at_a_line_and_says_so() {
        let long = |word: &str| format!("{word} of some length\n").repeat(DIFF_LINES_MAX);
        let (diff, whole) = unified(&group("a", &long("this")), &group("b", &long("that")), soon(), DIFF_BYTES_MAX);
        assert!(!whole && diff.len() <= DIFF_BYTES_MAX && diff.ends_with('\n'), "{} bytes", diff.len());
        assert!(diff.lines().count() <= DIFF_LINES_MAX);
    }

    #[tokio::test]
    async fn the_first_has_no_diff_and_each_other_has_one() {
        let groups = vec![group("a", "1\n"), group("b", "2\n"), group("c", "1\n2\n")];
        let diffs: Vec<_> = against_the_first(groups).await.into_iter().map(|group| group.diff.is_some()).collect();
        assert_eq!(diffs, [false, true, true]);
    }

    proptest! {
        #[test]
        fn both_texts_can_be_read_off_a_diff(from in vec("[ab]", 0..5), to in vec("[ab]", 0..5)) {
            let text = |lines: &[String]| lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect::<String>();
            let (diff, _) = unified(&group("a", &text(&from)), &group("b", &text(&to)), soon(), DIFF_BYTES_MAX);
            prop_assert_eq!(diff.is_empty(), from == to);
            if from != to {
                // So few lines are all within the context.
                let side = |sign: char| {
                    let lines = diff.lines().skip(3).filter(|line| line.starts_with([' ', sign]));
                    lines.map(|line| line[1..].to_owned()).collect::<Vec<_>>()
                };
                prop_assert_eq!((side('-'), side('+')), (from, to));
            }
        }
    }
}
