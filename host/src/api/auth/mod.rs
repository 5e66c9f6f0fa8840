//! Logging in and out.

mod link;
mod login;
mod logout;
mod me;

pub use link::*;
pub use login::*;
pub use logout::*;
pub use me::*;
