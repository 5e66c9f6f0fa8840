//! Whether the host lives, whether it serves, and its figures.

mod metrics;
mod probes;

pub use metrics::*;
pub use probes::*;
