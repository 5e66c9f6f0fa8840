//! Finding VMs in other places, and taking them over.

mod find;
mod import;
mod sources;

pub use find::*;
pub use import::*;
pub use sources::*;
