//! Plugins.

mod enable;
mod grants;
mod history;
mod install;
mod list;
mod log;
mod readme;
mod reload;
mod remove;
mod show;
mod stats;

pub use enable::*;
pub use grants::*;
pub use history::*;
pub use install::*;
pub use list::*;
pub use log::*;
pub use readme::*;
pub use reload::*;
pub use remove::*;
pub use show::*;
pub use stats::*;
