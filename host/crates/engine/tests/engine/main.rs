//! The engine over the real store, with fakes for machines and plugins.

mod durable;
mod fanout;
mod health;
mod jobs;

mod machine;
mod quota;
mod restart;
mod runner;
mod search;
mod support;
