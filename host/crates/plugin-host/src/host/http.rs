//! `corral:host/http`: not served by this version; says which grant is missing.

use corral_domain::Right;

use crate::bindings::corral::host::http::{Host, Request, Response};
use crate::bindings::corral::types::types::Error;
use crate::guest::Guest;

impl Host for Guest {
    async fn fetch(&mut self, _request: Request) -> Result<Response, Error> {
        self.require(Right::Http)?;
        Err(Error::Unavailable("`corral:host/http` is not served by this version of the host".to_owned()))
    }
}
