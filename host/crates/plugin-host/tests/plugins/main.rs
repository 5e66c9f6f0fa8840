//! The plugin host against real components, hostile ones among them.

mod bench;
mod capabilities;
mod filters;
mod hostile;
mod loading;
mod reload;
mod templates;
