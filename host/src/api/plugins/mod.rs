//! Plugins.

mod enable;
mod grants;
mod history;
mod list;
mod log;
mod readme;
mod reload;
mod show;
mod stats;

pub use enable::*;
pub use grants::*;
pub use history::*;
pub use list::*;
pub use log::*;
pub use readme::*;
pub use reload::*;
pub use show::*;
pub use stats::*;
