//! Running jobs: which task begins when, and what becomes of it.

mod control;
mod job;
mod output;
mod task;

pub(crate) use control::JobControl;
pub(crate) use job::start_job;
