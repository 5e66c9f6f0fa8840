//! What a cancellation left.

use corral_domain::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// What is known of a cancelled command's processes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Receipt {
    /// When the machine answered.
    #[schema(value_type = String, format = DateTime)]
    pub at: Timestamp,
    /// Processes that were found and told to end.
    pub signalled: u32,
    /// Of those, how many had to be killed.
    pub killed: u32,
    /// Of those, how many are confirmed to be gone.
    pub gone: u32,
    /// Pids of those that are still there.
    pub survivors: Vec<u32>,
    /// What could not be found out, and why; empty if everything is known.
    pub unknown: String,
    /// All of it in a sentence.
    pub message: String,
}

impl From<&corral_domain::Receipt> for Receipt {
    fn from(receipt: &corral_domain::Receipt) -> Self {
        Self {
            at: receipt.at,
            signalled: receipt.signalled,
            killed: receipt.killed,
            gone: receipt.gone,
            survivors: receipt.survivors.clone(),
            unknown: receipt.unknown.clone(),
            message: receipt.message(),
        }
    }
}
