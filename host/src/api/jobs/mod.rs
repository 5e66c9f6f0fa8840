//! Jobs.

mod cancel;
mod create;
mod list;
mod show;

pub use cancel::*;
pub use create::*;
pub use list::*;
pub use show::*;
