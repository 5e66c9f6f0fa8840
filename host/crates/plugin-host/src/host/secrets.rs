//! `corral:host/secrets`: secrets whose names were granted. Every read is written to the audit log, by the host and
//! before the value is given out.

use corral_domain::{Right, secret_name_problem};

use crate::bindings::corral::host::secrets::Host;
use crate::bindings::corral::types::types::Error;
use crate::guest::Guest;

impl Host for Guest {
    async fn get(&mut self, name: String) -> Result<String, Error> {
        if let Some(problem) = secret_name_problem(&name) {
            return Err(Error::InvalidInput(format!("the name of a secret {problem}")));
        }
        if !self.plugin.rights().scopes(Right::Secrets).any(|granted| granted == name) {
            return Err(self.deny(Right::Secrets, &format!("secrets:{name}")));
        }
        let found = self.services()?.secret(&self.plugin.manifest.id, &name).await?;
        let value = found.ok_or_else(|| {
            Error::NotFound(format!("there is no secret `{name}`; `corral secret set {name}` makes one"))
        })?;
        Ok(value.expose().to_owned())
    }
}
