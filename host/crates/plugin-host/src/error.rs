//! What can go wrong with a plugin: while it is loaded, and while it is called. Messages are for people: what
//! happened, and what to do.

use std::time::Duration;

use corral_engine::ports::PluginError;

use crate::units::{show_size, show_time};

/// Why a plugin could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A file of it could not be read.
    #[error("cannot read {what}: {problem}")]
    Read {
        /// Which file.
        what: String,
        /// What the system said.
        problem: String,
    },
    /// It was built for another host.
    #[error("plugin needs API {needs}, this host has {first} to {last}; install a version of it for this host")]
    Api {
        /// What it needs.
        needs: String,
        /// First version that this host has.
        first: String,
        /// Last version that this host has.
        last: String,
    },
    /// `plugin.toml` is wrong.
    #[error("plugin.toml: {0}")]
    Manifest(String),
    /// Another plugin has its id.
    #[error("the id `{id}` is taken by the plugin from {holder}; give one of them another id or remove it")]
    IdTaken {
        /// The id.
        id: String,
        /// Where its holder is.
        holder: String,
    },
    /// It wants what was not granted.
    #[error("{0}")]
    Blocked(String),
    /// Its configuration is not what its schema asks for.
    #[error("configuration: {0}")]
    Config(String),
    /// The operator switched it off.
    #[error("switched off; `corral plugin enable {0}` switches it on")]
    Disabled(String),
    /// The configuration says that it is not to be used.
    #[error("switched off by the configuration; set `enabled = true` under `[plugins.{0}]` to use it")]
    DisabledByConfiguration(String),
    /// The file is not a component.
    #[error("{0}")]
    NotAComponent(String),
    /// It was compiled but does not fit the contract.
    #[error("{0}")]
    Contract(String),
    /// It loaded, and failed its first call.
    #[error("its first call failed: {0}")]
    Smoke(#[source] CallError),
    /// The host is stopping.
    #[error("the host is stopping")]
    Stopping,
}

/// Why a call of a plugin did not give an answer.
#[derive(Debug, thiserror::Error)]
pub enum CallError {
    /// It computed for too long.
    #[error("{what} was stopped after {} of CPU, its limit is {}", show_time(*.used), show_time(*.limit))]
    Cpu {
        /// Which call.
        what: &'static str,
        /// How long it ran, in whole milliseconds.
        used: Duration,
        /// The limit.
        limit: Duration,
    },
    /// It did not answer in time.
    #[error("{what} did not answer within {}", show_time(*.limit))]
    Time {
        /// Which call.
        what: &'static str,
        /// The limit.
        limit: Duration,
    },
    /// It wanted more memory than it may have.
    #[error("{what} wanted more memory than its limit of {}", show_size(*.limit))]
    Memory {
        /// Which call.
        what: &'static str,
        /// The limit.
        limit: u64,
    },
    /// It wanted a larger table or more parts than a plugin may have.
    #[error("{what} wanted larger tables or more instances than a plugin may have")]
    Tables {
        /// Which call.
        what: &'static str,
    },
    /// It trapped.
    #[error("{what} trapped: {message}")]
    Trap {
        /// Which call.
        what: &'static str,
        /// Trap, and the last words on its standard error.
        message: String,
    },
    /// It answered more than is read.
    #[error("{what} answered {problem}")]
    Answer {
        /// Which call.
        what: &'static str,
        /// What was wrong with the answer.
        problem: String,
    },
    /// It answered with an error of the contract.
    #[error("{what} answered: {}", .error)]
    Refused {
        /// Which call.
        what: &'static str,
        /// The error.
        error: GuestError,
    },
    /// All places for instances are taken; not its fault.
    #[error("all places for plugin instances are taken; try again when fewer jobs run")]
    Full,
    /// The instance was given up in an earlier call.
    #[error("the instance was given up after an earlier failure")]
    Gone,
}

/// `error` of the contract.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GuestError {
    /// `invalid-input`
    #[error("{0}")]
    InvalidInput(String),
    /// `not-found`
    #[error("not found: {0}")]
    NotFound(String),
    /// `denied`
    #[error("denied: {0}")]
    Denied(String),
    /// `unavailable`
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// `internal`
    #[error("{0}")]
    Internal(String),
}

impl CallError {
    /// Whether the plugin is to blame, so that the failure counts against its restart budget. An error of the
    /// contract is an answer, not a failure.
    pub fn is_fault(&self) -> bool {
        !matches!(self, Self::Full | Self::Gone | Self::Refused { .. })
    }

    /// As the engine is told.
    pub fn into_plugin_error(self, plugin: &str) -> PluginError {
        match self {
            Self::Refused { error: GuestError::InvalidInput(text), .. } => PluginError::InvalidInput(text),
            Self::Refused { error: GuestError::NotFound(text), .. } => PluginError::NotFound(text),
            Self::Refused { error: GuestError::Unavailable(text), .. } => {
                PluginError::Unavailable(format!("plugin `{plugin}`: {text}"))
            }
            Self::Full => PluginError::Unavailable(self.to_string()),
            other => PluginError::Failed(format!("plugin `{plugin}`: {other}")),
        }
    }
}
