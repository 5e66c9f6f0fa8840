//! What the host offers to plugins, one file per interface. An interface that was not granted still links, so that a
//! component which imports it runs; its calls answer `denied` with the name of the missing grant.

mod config;
mod http;
mod jobs;
mod kv;
mod log;
mod logs;
mod secrets;
mod vms;

use corral_domain::{JobId, Right, VmId};
use wasmtime::component::{HasSelf, Linker};

use crate::bindings::corral;
use crate::bindings::corral::types::types::Error;
use crate::grants::denial;
use crate::guest::Guest;
use crate::guest_log::LogLevel;
use crate::services::{ServiceError, Services};

/// Makes every interface of `corral:host` importable.
pub fn add_to_linker(linker: &mut Linker<Guest>) -> wasmtime::Result<()> {
    type Own = HasSelf<Guest>;
    corral::types::types::add_to_linker::<_, Own>(linker, |guest| guest)?;
    corral::host::log::add_to_linker::<_, Own>(linker, |guest| guest)?;
    corral::host::config::add_to_linker::<_, Own>(linker, |guest| guest)?;
    corral::host::kv::add_to_linker::<_, Own>(linker, |guest| guest)?;
    corral::host::vms::add_to_linker::<_, Own>(linker, |guest| guest)?;
    corral::host::jobs::add_to_linker::<_, Own>(linker, |guest| guest)?;
    corral::host::logs::add_to_linker::<_, Own>(linker, |guest| guest)?;
    corral::host::http::add_to_linker::<_, Own>(linker, |guest| guest)?;
    corral::host::secrets::add_to_linker::<_, Own>(linker, |guest| guest)?;
    Ok(())
}

impl corral::types::types::Host for Guest {}

impl Guest {
    /// Refuses unless something of a right was granted.
    fn require(&self, right: Right) -> Result<(), Error> {
        if self.plugin.rights().has(right) { Ok(()) } else { Err(self.deny(right, &right.example())) }
    }

    /// A denial that names the grant that is missing; the operator sees it in the plugin's log.
    fn deny(&self, right: Right, grant: &str) -> Error {
        let text = denial(&self.plugin.manifest, right, grant);
        self.plugin.log.write(LogLevel::Warn, &format!("denied: {text}"));
        Error::Denied(text)
    }

    fn services(&self) -> Result<&dyn Services, Error> {
        Ok(&**self.plugin.services.get()?)
    }
}

impl From<ServiceError> for Error {
    fn from(error: ServiceError) -> Self {
        match error {
            ServiceError::Invalid(text) => Self::InvalidInput(text),
            ServiceError::NotFound(text) => Self::NotFound(text),
            ServiceError::Denied(text) => Self::Denied(text),
            ServiceError::Unavailable(text) => Self::Unavailable(text),
        }
    }
}

fn vm_id(text: &str) -> Result<VmId, Error> {
    text.parse().map_err(|error| Error::InvalidInput(format!("`{}` is no id of a VM: {error}", start_of(text))))
}

fn job_id(text: &str) -> Result<JobId, Error> {
    text.parse().map_err(|error| Error::InvalidInput(format!("`{}` is no id of a job: {error}", start_of(text))))
}

fn start_of(text: &str) -> &str {
    &text[..text.floor_char_boundary(80)]
}
