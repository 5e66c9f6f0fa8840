//! How much a task and a job may store. At the limit capture stops with a line that says so; the command goes on.
//!
//! A task's log has more bytes than its limit exactly when that line is in it: lines are cut to fill the limit to the last byte
//! first. So a host that starts again knows without being told. For the limit of a job it says so once more.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use corral_domain::{Extras, LineRef, Lines};

const MIB: u64 = 1024 * 1024;

/// The limits of one task's log.
pub(crate) struct Quota {
    task_max: Option<u64>,
    job_max: Option<u64>,
    /// What all tasks of the job have stored, in bytes.
    job: Arc<AtomicU64>,
    reached: bool,
}

impl Quota {
    /// Limits in bytes; none: without.
    pub(crate) fn new(task_max: Option<u64>, job_max: Option<u64>, job: Arc<AtomicU64>) -> Self {
        Self { task_max, job_max, job, reached: false }
    }

    /// Whether nothing more is stored. `stored`: bytes that the task's log has.
    pub(crate) fn is_reached(&mut self, stored: u64) -> bool {
        self.reached |= self.task_max.is_some_and(|most| stored > most);
        self.reached
    }

    /// What of these lines is stored, perhaps with the line that says that no more is.
    pub(crate) fn admit(&mut self, lines: Lines, stored: u64) -> Lines {
        if lines.is_empty() {
            return lines;
        }
        if self.is_reached(stored) {
            return Lines::default();
        }
        let of_task = self.task_max.map(|most| (most.saturating_sub(stored), "task", most));
        let of_job = self.job_max.map(|most| (most.saturating_sub(self.job.load(Ordering::Relaxed)), "job", most));
        let tightest = of_task.into_iter().chain(of_job).min_by_key(|(room, ..)| *room);
        let admitted = match tightest {
            Some((room, whose, most)) if lines.raw_len() > room => {
                self.reached = true;
                cut(&lines, room, whose, most)
            }
            _ => lines,
        };
        self.job.fetch_add(admitted.raw_len(), Ordering::Relaxed);
        admitted
    }
}

/// The first lines, of `room` bytes in all, and one that says why no more follow.
fn cut(lines: &Lines, room: u64, whose: &str, most: u64) -> Lines {
    let mut kept = Lines::default();
    let mut room = usize::try_from(room).unwrap_or(usize::MAX);
    for mut line in lines.iter() {
        let size = line.text.len() + usize::from(!line.head.partial);
        if size <= room {
            room -= size;
            kept.push_line(line);
            continue;
        }
        line.head.partial = false;
        if let Some(length) = room.checked_sub(1) {
            kept.push_line(LineRef { text: &line.text[..length], ..line });
        }
        let text = format!(
            "[corral: the output of this {whose} reached {}; what follows is not stored, the command goes on]",
            size_of(most)
        );
        let annotations = BTreeMap::from([("corral".to_owned(), "quota".to_owned())]);
        kept.push_with(line.head, text.as_bytes(), Extras { annotations, changed_by: Vec::new() });
        break;
    }
    kept
}

fn size_of(bytes: u64) -> String {
    if bytes.is_multiple_of(MIB) { format!("{} MiB", bytes / MIB) } else { format!("{bytes} bytes") }
}

#[cfg(test)]
mod tests {
    use corral_domain::{LineHead, OutputStream, Timestamp};
    use proptest::prelude::*;

    use super::*;

    fn batch(sizes: &[usize]) -> Lines {
        let mut lines = Lines::default();
        for size in sizes {
            let head = LineHead { at: Timestamp::default(), stream: OutputStream::Stdout, partial: false };
            lines.push(head, &vec![b'x'; *size]);
        }
        lines
    }

    proptest! {
        #[test]
        fn the_limit_is_filled_to_the_last_byte_and_the_notice_comes_once(
            batches in proptest::collection::vec(proptest::collection::vec(0_usize..30, 0..6), 0..20),
            most in 0_u64..400,
        ) {
            let mut quota = Quota::new(Some(most), None, Arc::default());
            let (mut stored, mut written, mut notices) = (0, 0, 0);
            for sizes in &batches {
                let lines = batch(sizes);
                written += lines.raw_len();
                let admitted = quota.admit(lines, stored);
                notices += admitted.iter().filter(|line| line.text.starts_with(b"[corral: ")).count();
                stored += admitted.raw_len();
                // Another host would come to the same from the size alone.
                let again = Quota::new(Some(most), None, Arc::default()).is_reached(stored);
                prop_assert_eq!(again, quota.is_reached(stored));
            }
            if written <= most {
                prop_assert_eq!((stored, notices), (written, 0));
            } else {
                prop_assert_eq!(notices, 1);
                prop_assert!(stored > most && stored < most + 120);
            }
        }
    }

    #[test]
    fn tasks_of_a_job_share_its_limit() {
        let job = Arc::new(AtomicU64::new(0));
        let quota = || Quota::new(None, Some(100), job.clone());
        let (mut one, mut other) = (quota(), quota());
        assert_eq!(one.admit(batch(&[69]), 0).len(), 1);
        let last = other.admit(batch(&[9, 50]), 0);
        let texts: Vec<_> = last.iter().map(|line| String::from_utf8_lossy(line.text).into_owned()).collect();
        assert_eq!((texts[0].len(), texts[1].len()), (9, 19));
        assert!(texts[2].contains("output of this job reached 100 bytes"), "{texts:?}");
        assert_eq!(one.admit(batch(&[1]), 70).len(), 1, "the other task says it too, once");
        assert!(one.admit(batch(&[1]), 200).is_empty());
    }
}
