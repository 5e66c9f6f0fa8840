//! A plugin's author, from an empty folder to the output of a real job: `corral plugin new`, the real toolchains of three
//! languages, `test`, `install` into a running host.
//!
//! What a toolchain fetches from its registry lies in `target/plugin-toolchains` and is fetched once. Where a registry does
//! not answer, a test of CI fails; elsewhere it says that it was not run.

mod author;
mod bundled;
mod dev;
mod jobs;
mod replay;
mod rust;
mod scripted;
mod toolchains;

use std::time::Duration;

/// How long something may take that takes a moment.
pub const SOON: Duration = Duration::from_mins(1);
/// How long a build may take on a busy machine.
pub const LONG: Duration = Duration::from_mins(10);
