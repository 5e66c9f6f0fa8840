//! `corral:host/logs`: not served by this version; says which grant is missing.

use crate::bindings::corral::host::logs::{Host, LogLine};
use crate::bindings::corral::types::types::{Error, JobId, VmId};
use crate::guest::Guest;
use crate::host::denied;
use crate::manifest::Capability;

impl Host for Guest {
    async fn read(&mut self, _: JobId, _: VmId, _first: u64, _count: u32) -> Result<Vec<LogLine>, Error> {
        Err(denied(self, &Capability::Logs))
    }
}
