//! `corral:host/http`: not served by this version; says which grant is missing.

use crate::bindings::corral::host::http::{Host, Request, Response};
use crate::bindings::corral::types::types::Error;
use crate::guest::Guest;
use crate::host::denied;
use crate::manifest::Capability;

impl Host for Guest {
    async fn fetch(&mut self, _request: Request) -> Result<Response, Error> {
        Err(denied(self, &Capability::Http))
    }
}
