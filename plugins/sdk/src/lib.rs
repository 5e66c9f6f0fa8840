//! What a Corral plugin is written with: a trait per extension point, export macros, batch iterators, typed
//! configuration.
//!
//! A plugin implements one of [`CommandTemplates`], [`LogFilter`] and [`Discovery`] over the plain types of this crate
//! and exports it with one macro. The component-model bindings exist only on `wasm32`; everywhere else the same code
//! compiles against stand-ins, so that a plugin's logic is tested with plain `cargo test`.
//!
//! This is a whole filter. It keeps health checks out of the logs and marks slow requests:
//!
//! ```
//! use corral_plugin_sdk::prelude::*;
//!
//! #[derive(Default, Deserialize)]
//! #[serde(default)]
//! struct Config {
//!     hide: Vec<String>,
//! }
//!
//! struct Quiet {
//!     hide: Vec<String>,
//! }
//!
//! impl LogFilter for Quiet {
//!     fn open(_stream: &StreamInfo) -> Result<Self> {
//!         Ok(Self { hide: config::<Config>()?.hide })
//!     }
//!
//!     fn process(&mut self, batch: &Batch<'_>, edits: &mut Edits) -> Result<()> {
//!         for line in batch {
//!             if self.hide.iter().any(|part| line.text.contains(part.as_str())) {
//!                 edits.drop(line.index);
//!             } else if line.text.contains(" slow ") {
//!                 edits.annotate(line.index, "speed", "slow");
//!             }
//!         }
//!         Ok(())
//!     }
//! }
//!
//! corral_plugin_sdk::export_log_filter!(Quiet);
//!
//! # use corral_plugin_sdk::testing;
//! testing::set_config(r#"{"hide": ["GET /healthz"]}"#);
//! let mut filter = Quiet::open(&testing::stream())?;
//! let out = testing::run(&mut filter, &["GET /healthz 200", "GET / slow 200"])?;
//! assert_eq!(out.texts(), ["GET / slow 200"]);
//! assert_eq!(out.lines[0].annotations[0].value, "slow");
//! # Ok::<(), Error>(())
//! ```
//!
//! Build it with `cargo build --target wasm32-wasip2` and put the `.wasm` beside its `plugin.toml`.
//!
//! This crate must not know what any plugin does, nor how the host runs it.

mod discovery;
mod filter;
mod host;
pub mod jobs;
pub mod logs;
mod template;
pub mod testing;
mod types;
pub mod vms;

#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod bindings;
mod export;

pub use discovery::{Discovery, FoundVm, Page};
pub use filter::{Batch, Change, Edit, Edits, Line, Lines, LogFilter, StreamInfo};
pub use host::{Level, config, config_text, kv, log};
pub use template::{CommandTemplates, Listing, Mode, Problem, Rendered, Template};
pub use types::{Error, Label, OutputStream, Result, Vm, VmStatus};

/// All that a plugin's first line brings in.
pub mod prelude {
    pub use crate::{
        Batch, CommandTemplates, Discovery, Edits, Error, FoundVm, Label, Line, Listing, LogFilter, Mode, OutputStream,
        Page, Problem, Rendered, Result, StreamInfo, Template, Vm, config,
    };
    pub use crate::{debug, error, info, warn};
    pub use serde::{Deserialize, Serialize};
}
