//! Which VMs somebody means.

use corral_domain::VmId;
use corral_engine::Targets;
use serde::Deserialize;
use utoipa::ToSchema;

use super::problem::Problem;

/// VMs by id, or by a selector: exactly one of the two.
#[derive(Debug, Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetsBody {
    /// These, in this order.
    #[schema(value_type = Option<Vec<String>>)]
    pub vms: Option<Vec<VmId>>,
    /// Those that it admits now: `env=prod,role=web,!canary`; `all` means every VM.
    pub selector: Option<String>,
}

impl TryFrom<TargetsBody> for Targets {
    type Error = Problem;

    fn try_from(body: TargetsBody) -> Result<Self, Problem> {
        match (body.vms, body.selector) {
            (Some(vms), None) if vms.is_empty() => {
                Err(Problem::invalid_field("targets.vms", "no VM is chosen; an empty list never means all of them"))
            }
            (Some(vms), None) => Ok(Self::Vms(vms)),
            (None, Some(selector)) => Ok(Self::Selector(selector)),
            (None, None) => Err(Problem::invalid_field("targets", "has either `vms` or `selector`")),
            (Some(_), Some(_)) => Err(Problem::invalid_field("targets", "has `vms` or `selector`, not both")),
        }
    }
}
