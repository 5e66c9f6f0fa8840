//! The plugin host against real components, hostile ones among them.

mod bad_input;
mod bench;
mod capabilities;
mod code_cache;
mod filters;
mod folders;
mod hostile;
mod http;
mod installing;
mod limits;
mod loading;
mod reload;
mod reload_long;
mod templates;
mod trying;
