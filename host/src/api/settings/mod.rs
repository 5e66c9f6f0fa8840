//! Settings that differ from their defaults.

mod list;
mod set;

pub use list::*;
pub use set::*;
