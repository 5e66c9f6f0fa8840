//! The inventory, as far as it was granted. Needs the capability `vms`.

use crate::{Result, Vm};

/// Pages that [`all`] follows at most.
const PAGES_MAX: usize = 1_000;

/// One machine.
///
/// # Errors
///
/// `denied` without the grant, `not-found` where there is none of that id or the grant's selector does not admit it.
pub fn get(id: &str) -> Result<Vm> {
    #[cfg(target_arch = "wasm32")]
    return crate::bindings::services::vm(id);
    #[cfg(not(target_arch = "wasm32"))]
    crate::testing::vm_of(id)
}

/// A page of the machines that a label selector admits (`env=prod,!canary`; empty for all), and where the next begins.
///
/// # Errors
///
/// `denied` without the grant, `invalid-input` for a selector that cannot be read.
pub fn query(selector: &str, cursor: Option<&str>) -> Result<(Vec<Vm>, Option<String>)> {
    #[cfg(target_arch = "wasm32")]
    return crate::bindings::services::vms(selector, cursor);
    #[cfg(not(target_arch = "wasm32"))]
    crate::testing::vms_of(selector, cursor)
}

/// All machines that a label selector admits.
///
/// ```
/// use corral_plugin_sdk::{testing, vms};
///
/// testing::set_vms([testing::vm()]);
/// assert_eq!(vms::all("env=test")?[0].name, "web-1");
/// # Ok::<(), corral_plugin_sdk::Error>(())
/// ```
///
/// # Errors
///
/// As [`query`].
pub fn all(selector: &str) -> Result<Vec<Vm>> {
    let (mut found, mut next) = query(selector, None)?;
    for _ in 1..PAGES_MAX {
        let Some(cursor) = next else { break };
        let (more, after) = query(selector, Some(&cursor))?;
        found.extend(more);
        next = after;
    }
    Ok(found)
}
