//! Jobs.

mod cancel;
mod check;
mod create;
mod list;
mod show;

pub use cancel::*;
pub use check::*;
pub use create::*;
pub use list::*;
pub use show::*;
