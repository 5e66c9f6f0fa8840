//! SSH by russh: connections, host keys, authentication, command runs; commands on this machine; and the demo fleet's
//! servers.
//!
//! Invariants kept here:
//! - A command is sent at most once. What fails before it was sent is tried again on a fresh connection; what fails
//!   afterwards is [`RunError::Lost`](corral_engine::ports::RunError::Lost), never a second run.
//! - No byte is exchanged as a user before the host key was checked, on every hop for itself.
//! - Output is never dropped while the command runs: a slow taker slows the command.
//! - A server opens no channel towards the host: whatever it tries is refused.
//! - Every wait has a limit ([`SshConfig`]), every answer of a server a largest size.
//!
//! What holds for a slow taker: russh reads a connection's channels in one loop and grants window on receipt, so a
//! channel whose taker is slow holds at most 128 packets (4 MiB) and then stops every channel of its connection, until
//! the taker goes on. Memory stays bounded; other machines are not touched, other commands on the same machine wait.
//!
//! This crate must not know: databases, HTTP, WebAssembly, jobs. It tells of host keys and never stores them.

mod auth;
mod breaker;
mod cancel;
mod capsule;
mod chain;
mod config;
mod connection;
pub mod demo;
mod exec;
mod facts;
mod failure;
mod handler;
mod handshake;
mod hostcert;
mod hostkey;
mod known_hosts;
mod local;
mod machine;
mod pool;
mod reach;
mod record;
mod runner;
mod wrap;

pub use breaker::BreakerConfig;
pub use config::{AgentSocket, HostKeySink, SshConfig};
pub use known_hosts::{KnownHosts, fingerprint};
pub use local::LocalRunner;
pub use machine::MachineRunner;
pub use runner::SshRunner;
