//! How many jobs a plugin may start: one at a time, and not without end.

use std::collections::VecDeque;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, SemaphorePermit};

use crate::slot::lock;

/// Jobs that a plugin may start within [`WINDOW`].
const JOBS_MAX: usize = 60;
/// See [`JOBS_MAX`].
const WINDOW: Duration = Duration::from_secs(60);

/// The jobs that one plugin started lately.
pub struct Submissions {
    one: Semaphore,
    lately: Mutex<VecDeque<Instant>>,
}

/// Why no job can be started now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BusyError {
    /// One is being started. A template that starts jobs of itself while it is rendered would never come to an end.
    #[error("a job of this plugin is being started already; start the next one when that is done")]
    One,
    /// Too many lately.
    #[error("this plugin has started {JOBS_MAX} jobs within {} s; try again later", WINDOW.as_secs())]
    Many,
}

impl Default for Submissions {
    fn default() -> Self {
        Self { one: Semaphore::new(1), lately: Mutex::default() }
    }
}

impl Submissions {
    /// Takes a turn, which lasts as long as what is answered is kept.
    pub fn begin(&self, now: Instant) -> Result<SemaphorePermit<'_>, BusyError> {
        let turn = self.one.try_acquire().map_err(|_| BusyError::One)?;
        let mut lately = lock(&self.lately);
        while lately.front().is_some_and(|at| now.duration_since(*at) >= WINDOW) {
            lately.pop_front();
        }
        if lately.len() >= JOBS_MAX {
            return Err(BusyError::Many);
        }
        lately.push_back(now);
        Ok(turn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_and_so_many_a_minute() {
        let (submissions, start) = (Submissions::default(), Instant::now());
        let turn = submissions.begin(start).unwrap();
        assert_eq!(submissions.begin(start).map(drop), Err(BusyError::One));
        drop(turn);
        for _ in 1..JOBS_MAX {
            drop(submissions.begin(start).unwrap());
        }
        assert_eq!(submissions.begin(start + WINDOW / 2).map(drop), Err(BusyError::Many));
        assert!(submissions.begin(start + WINDOW).is_ok());
    }
}
