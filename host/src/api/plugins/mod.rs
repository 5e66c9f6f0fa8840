//! Plugins.

mod list;
mod reload;
mod show;

pub use list::*;
pub use reload::*;
pub use show::*;
