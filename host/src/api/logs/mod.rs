//! Output that was stored.

mod read;
mod stream;

pub use read::*;
