//! Plugins.

mod list;
mod log;
mod reload;
mod show;
mod stats;

pub use list::*;
pub use log::*;
pub use reload::*;
pub use show::*;
pub use stats::*;
