//! The plugin host against real components, hostile ones among them.

mod bench;
mod capabilities;
mod filters;
mod hostile;
mod http;
mod installing;
mod loading;
mod reload;
mod templates;
mod trying;
