//! The HTTP and WebSocket face of the host: JSON under `/api`, the socket at `/api/ws`, the dashboard everywhere else.
//!
//! Invariants:
//! - A handler turns a request into one use case of the engine and its answer into JSON; it decides nothing itself.
//! - Every route below `/api` needs a login unless [`router`] says otherwise, in one place.
//! - Every error is a problem document. Errors from within are logged once and told to nobody.
//! - Bodies, pages, sockets and queues are bounded.
//!
//! Only this module knows axum. It must not know: SQL, SSH, WebAssembly, how the engine is put together.

mod app;
mod auth;
mod commands;
mod discovery;
mod document;
mod events;
mod extract;
mod health;
mod jobs;
mod logs;
mod plugins;
mod problem;
mod request;
mod router;
mod search;
mod secrets;
mod serve;
mod settings;
mod ssh_hosts;
mod targets;
mod types;
mod vms;
mod web;
mod ws;

pub use app::App;
pub use document::openapi;
pub use router::router;
pub use serve::serve;

#[cfg(test)]
mod tests;
