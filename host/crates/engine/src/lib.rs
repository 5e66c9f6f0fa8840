//! State manager, use cases, scheduler and log ingest.
pub mod ports;
