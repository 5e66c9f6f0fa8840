//! Running jobs: which task begins when, and what becomes of it.

mod job;
mod output;
mod task;

pub(crate) use job::{JobControl, start_job};
