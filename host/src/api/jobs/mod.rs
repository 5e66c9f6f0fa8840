//! Jobs.

mod activity;
mod cancel;
mod check;
mod close;
mod create;
mod groups;
mod list;
mod preview;
mod retry;
mod show;

pub use activity::*;
pub use cancel::*;
pub use check::*;
pub use close::*;
pub use create::*;
pub use groups::*;
pub use list::*;
pub use preview::*;
pub use retry::*;
pub use show::*;
