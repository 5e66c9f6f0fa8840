//! The event log, for people and tests. The dashboard listens on the socket instead.

mod list;

pub use list::*;
