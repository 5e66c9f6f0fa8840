//! Output that was stored: read by window, or taken away as a file.

mod ansi;
mod archive;
mod export;
mod pack;
mod read;
mod stream;

pub use archive::*;
pub use export::*;
pub use read::*;
