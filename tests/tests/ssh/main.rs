//! The SSH crate against real OpenSSH servers, servers that misbehave, and the demo fleet.

mod auth;
mod breaker;
mod broken;
mod cancel;
mod capsule;
mod certificates;
mod demo;
mod hops;
mod host_keys;
mod known_hosts;
mod local;
mod options;
mod passwords;
mod probe;
mod run;
mod support;
