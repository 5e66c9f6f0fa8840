//! Search.

mod logs;

pub use logs::*;
