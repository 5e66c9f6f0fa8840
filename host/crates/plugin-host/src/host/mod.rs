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

use wasmtime::component::{HasSelf, Linker};

use crate::bindings::corral;
use crate::grants::{denial, unserved};
use crate::guest::Guest;
use crate::manifest::Capability;

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

/// The answer of an interface that the host cannot serve: why not, depending on what was granted.
fn denied(guest: &Guest, capability: &Capability) -> corral::types::types::Error {
    let interface = capability.grant();
    let text =
        if guest.plugin.may(capability) { unserved(&interface) } else { denial(&guest.plugin.manifest.id, &interface) };
    corral::types::types::Error::Denied(text)
}
