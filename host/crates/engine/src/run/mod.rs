//! Running jobs: which task begins when, and what becomes of it.

mod attempt;
mod control;
mod direct;
mod durable;
mod elevate;
mod input;
mod job;
mod output;
mod task;

pub(crate) use control::{AtWork, JobControl, control_met_again};
pub(crate) use input::Inputs;
pub(crate) use job::start_job;
pub(crate) use task::resume;
