//! `corral:host/secrets`: not served by this version; says which grant is missing.

use crate::bindings::corral::host::secrets::Host;
use crate::bindings::corral::types::types::Error;
use crate::guest::Guest;
use crate::host::denied;
use crate::manifest::Capability;

impl Host for Guest {
    async fn get(&mut self, _name: String) -> Result<String, Error> {
        Err(denied(self, &Capability::Secrets))
    }
}
