//! Why a use case did not do what was asked.

use corral_domain::{FieldError, Refusal};
use corral_storage::StorageError;

use crate::Role;
use crate::ports::{Failure, PluginError, SecretError};

/// Nothing was changed, and this is why.
#[derive(Debug, thiserror::Error)]
pub enum UseCaseError {
    /// The state does not allow it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The actor's role is too small.
    #[error("this needs the role {needs}")]
    Forbidden {
        /// The smallest role that may.
        needs: Role,
    },
    /// A VM could not do its part.
    #[error("{0}")]
    Machine(Failure),
    /// A plugin could not do its part.
    #[error(transparent)]
    Plugin(#[from] PluginError),
    /// The store could not do its part.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// A secret cannot be read or kept.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// There was output, and it is not kept any more.
    #[error("the output of this job is not kept any more: it was removed for its age or for room")]
    OutputRemoved,
    /// Too much is waiting already.
    #[error("{0}; try again in a moment")]
    Overloaded(&'static str),
    /// The host is being stopped.
    #[error("the host is being stopped")]
    Stopping,
}

impl UseCaseError {
    pub(crate) fn invalid(field: &str, message: impl Into<String>) -> Self {
        Self::Refused(Refusal::Invalid(vec![FieldError::new(field, message)]))
    }

    pub(crate) fn not_found(kind: &'static str, id: impl ToString) -> Self {
        Self::Refused(Refusal::NotFound { kind, id: id.to_string() })
    }
}
