//! What the programs share that measure (`cargo xtask bench …`): machines, what processes used, the page with the figures.

pub mod machines;
pub mod page;
pub mod process;
pub mod table;
