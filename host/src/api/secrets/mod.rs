//! Secrets. Values go in and never come out.

mod list;
mod remove;
mod set;

pub use list::*;
pub use remove::*;
pub use set::*;
