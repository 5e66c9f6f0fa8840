//! Removes old output: whole files, by age and by size, never one that a job still writes to.

use std::collections::HashSet;

use corral_domain::{JobId, Timestamp};
use corral_storage::{LogFile, StorageError};
use tokio::time::{Duration, sleep};

use crate::Engine;

/// Pause between two looks at what is stored.
const LOOK_EVERY: Duration = Duration::from_mins(10);
/// When it is looked for the first time after the start.
const FIRST_LOOK: Duration = Duration::from_mins(1);
/// A file stays for so long after its day has ended: a job that is just being made may still belong to it.
const GRACE_MILLIS: i64 = 60 * 60 * 1_000;
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1_000;

/// How much output is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retention {
    /// Days after that of its job for which output is kept; none: for ever.
    pub days: Option<u32>,
    /// Bytes on the disk that all output may take; then the oldest goes. None: as much as there is room.
    pub bytes: Option<u64>,
}

/// Looks now and then until the host stops.
pub(crate) async fn run(engine: Engine) {
    if engine.inner.settings.retention == Retention::default() {
        return;
    }
    // A host that has just started has other things to do.
    let mut pause = FIRST_LOOK;
    loop {
        tokio::select! {
            () = sleep(pause) => pause = LOOK_EVERY,
            () = engine.inner.stopping.cancelled() => return,
        }
        if let Err(error) = engine.remove_old_output().await {
            tracing::error!(%error, "old output could not be removed; it is tried again");
        }
    }
}

impl Engine {
    /// Removes the files whose time is over or that are too many, oldest first. Returns their days. A job that has not ended
    /// keeps the file of its day, whatever its age.
    pub async fn remove_old_output(&self) -> Result<Vec<String>, StorageError> {
        let logs = &self.inner.deps.logs;
        let files = logs.files().await?;
        let mut removed = Vec::new();
        for day in doomed(&files, self.inner.settings.retention, self.inner.deps.clock.now()) {
            let _alone = self.inner.upkeep.write().await;
            let state = self.state();
            let busy = |id: &JobId| logs.file_of(*id) == day;
            if state.jobs.keys().any(busy) || self.inner.at_work.jobs().iter().any(busy) {
                tracing::warn!(%day, "old output stays: a job of that day has not ended");
                continue;
            }
            logs.remove_file(&day).await?;
            tracing::info!(%day, "old output was removed");
            removed.push(day);
        }
        Ok(removed)
    }
}

/// Days whose files go, oldest first. Pure.
fn doomed(files: &[LogFile], keep: Retention, now: Timestamp) -> Vec<String> {
    let day = |millis: i64| Timestamp::from_millis(now.as_millis() - millis).to_string()[..10].to_owned();
    let ended_before = day(GRACE_MILLIS);
    let oldest_kept = keep.days.map(|days| day(i64::from(days) * DAY_MILLIS));
    let mut files: Vec<&LogFile> = files.iter().collect();
    files.sort_by(|left, right| left.day.cmp(&right.day));
    let mut total: u64 = files.iter().map(|file| file.bytes).sum();
    let mut doomed = Vec::new();
    let mut seen = HashSet::new();
    for file in files {
        let too_old = oldest_kept.as_ref().is_some_and(|oldest| file.day < *oldest);
        let too_much = keep.bytes.is_some_and(|most| total > most);
        // Days of a clock that was set back lie ahead and stay; so does what has no day.
        if (too_old || too_much) && file.day < ended_before && seen.insert(&file.day) {
            total -= file.bytes;
            doomed.push(file.day.clone());
        }
    }
    doomed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn go(days: Option<u32>, bytes: Option<u64>) -> Vec<String> {
        let files = ["2026-03-04", "2026-03-01", "2026-03-02", "2026-03-05", "other", "2026-03-09"];
        let files = files.map(|day| LogFile { day: day.to_owned(), bytes: 100 });
        doomed(&files, Retention { days, bytes }, "2026-03-05T12:00:00Z".parse().unwrap())
    }

    #[test]
    fn the_oldest_days_go_by_age_and_by_size_and_the_present_one_stays() {
        assert_eq!(go(None, None), Vec::<String>::new());
        assert_eq!(go(Some(3), None), ["2026-03-01"]);
        assert_eq!(go(Some(0), None), ["2026-03-01", "2026-03-02", "2026-03-04"]);
        assert_eq!(go(None, Some(450)), ["2026-03-01", "2026-03-02"]);
        assert_eq!(go(Some(3), Some(500)), ["2026-03-01"], "what went by age counts for the size");
        assert_eq!(go(None, Some(0)), ["2026-03-01", "2026-03-02", "2026-03-04"]);
    }

    #[test]
    fn a_day_that_has_just_ended_stays_for_an_hour() {
        let files = [LogFile { day: "2026-03-04".to_owned(), bytes: 100 }];
        let at = |time: &str| doomed(&files, Retention { days: None, bytes: Some(0) }, time.parse().unwrap()).len();
        assert_eq!((at("2026-03-05T00:59:00Z"), at("2026-03-05T01:01:00Z")), (0, 1));
    }
}
