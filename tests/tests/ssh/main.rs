//! The SSH crate against real OpenSSH servers, servers that misbehave, and the demo fleet.

mod auth;
mod broken;
mod cancel;
mod capsule;
mod demo;
mod host_keys;
mod local;
mod probe;
mod run;
mod support;
