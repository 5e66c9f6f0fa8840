//! The way of a line: split, filtered, made durable, then shown.
//!
//! A viewer's cursor is a line number. The number of durable lines is published after each write, and everything below
//! it can be read, from memory if it is recent and from the store otherwise. So history and live output are one read,
//! and there is no seam at which a line could be missed or seen twice.

mod hub;
mod quota;
mod read;
pub(crate) mod retention;
mod split;
mod task_log;

pub(crate) use hub::LogHub;
pub(crate) use quota::Quota;
pub use read::{LogWindow, end_without_log};
pub use retention::Retention;
pub use split::LineSplitter;
pub(crate) use task_log::TaskLog;
