//! `corral:host/log`: always granted.

use crate::bindings::corral::host::log::{Host, Level};
use crate::guest::Guest;
use crate::guest_log::LogLevel;

impl Host for Guest {
    async fn write(&mut self, level: Level, message: String) {
        let level = match level {
            Level::Trace => LogLevel::Trace,
            Level::Debug => LogLevel::Debug,
            Level::Info => LogLevel::Info,
            Level::Warn => LogLevel::Warn,
            Level::Error => LogLevel::Error,
        };
        self.plugin.log.write(level, &message);
    }
}
