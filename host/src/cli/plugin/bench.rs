//! Where a plugin is tried on this machine, without a host.

use std::path::PathBuf;

use corral_plugin_host::Workshop;

use crate::cli::exit::Failure;
use crate::wiring;

/// The place to try plugins in. Compiled code is kept in the cache folder of the account.
pub async fn workshop() -> Result<Workshop, Failure> {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = folder("XDG_CACHE_HOME").or_else(|| folder("HOME").map(|home| home.join(".cache")));
    wiring::workshop(cache.unwrap_or_else(std::env::temp_dir).join("corral").join("plugins")).await
}
