//! Whole-system tests: the real binary, real sshd, real plugins, a real browser.
//!
//! What the tests share is here; the tests are in `tests/system/`. Every program that they start is ended by them, by its
//! process id; every file lies in a temporary folder; every address is in 127.0.0.0/8.
//! Must not know the host's crates: these tests see what a person, a script or a browser sees.

pub mod account;
pub mod bench;
pub mod browser;
pub mod client;
pub mod faults;
pub mod fleet;
pub mod guests;
pub mod host;
pub mod sshd;
