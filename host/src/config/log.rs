//! `[log]`: what the host tells about itself, on standard error.

use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

use crate::cli::exit::{Exit, Failure};

/// What the host tells about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// For people or for machines.
    pub format: LogFormat,
    /// Directives as of `RUST_LOG`, which wins where it is set: `info,corral_ssh=debug`.
    pub filter: String,
}

/// How log records are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One line for people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "warn,corral=info".to_owned() }
    }
}

impl Log {
    /// The filter, parsed.
    pub fn directives(&self) -> Result<EnvFilter, Failure> {
        let text =
            std::env::var("RUST_LOG").ok().filter(|text| !text.is_empty()).unwrap_or_else(|| self.filter.clone());
        EnvFilter::try_new(&text).map_err(|error| {
            Failure::new(Exit::Usage, format!("the log filter `{text}` cannot be read: {error}"))
                .hint("it looks like `info,corral_ssh=debug`; it comes from log.filter or RUST_LOG")
        })
    }

    pub(super) fn check(&self) -> Result<(), Failure> {
        self.directives().map(drop)
    }
}
