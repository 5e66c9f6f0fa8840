//! `corral:host/jobs`: not served by this version; says which grant is missing.

use crate::bindings::corral::host::jobs::Host;
use crate::bindings::corral::types::types::{Error, Job, JobId, VmId};
use crate::guest::Guest;
use crate::host::denied;
use crate::manifest::Capability;

impl Host for Guest {
    async fn get(&mut self, _id: JobId) -> Result<Job, Error> {
        Err(denied(self, &Capability::Jobs))
    }

    async fn recent(&mut self, _limit: u32) -> Result<Vec<Job>, Error> {
        Err(denied(self, &Capability::Jobs))
    }

    async fn submit(&mut self, _template: String, _args: String, _targets: Vec<VmId>) -> Result<JobId, Error> {
        Err(denied(self, &Capability::Jobs))
    }

    async fn cancel(&mut self, _id: JobId) -> Result<(), Error> {
        Err(denied(self, &Capability::Jobs))
    }
}
