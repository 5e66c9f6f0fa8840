//! `corral:host/config`: always granted.

use crate::bindings::corral::host::config::Host;
use crate::guest::Guest;

impl Host for Guest {
    async fn get(&mut self) -> String {
        self.plugin.config.clone()
    }
}
