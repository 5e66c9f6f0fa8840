//! The engine over the real store, with fakes for machines and plugins.

mod durable;
mod health;
mod fanout;
mod jobs;
mod restart;
mod support;
