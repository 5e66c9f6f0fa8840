//! Which log filters a job asks for.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Log filters by the ids of their plugins. Their place in the chain is their own, not that in these lists.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Filters {
    /// These too.
    #[serde(default)]
    pub with: Vec<String>,
    /// Not these. For admins.
    #[serde(default)]
    pub without: Vec<String>,
}

impl From<Filters> for corral_domain::FilterChoice {
    fn from(Filters { with, without }: Filters) -> Self {
        Self { with, without }
    }
}

impl From<corral_domain::FilterChoice> for Filters {
    fn from(corral_domain::FilterChoice { with, without }: corral_domain::FilterChoice) -> Self {
        Self { with, without }
    }
}
