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
//! `corral plugin new` writes a project around it that builds at once; `corral plugin build`, `test`, `dev` and `install` do
//! the rest. Underneath it is plain cargo: `cargo build --release --target wasm32-wasip2`, and the `.wasm` lies beside its
//! `plugin.toml` as `plugin.wasm`.
//!
//! # What a plugin is given
//!
//! | | needs in `plugin.toml` | |
//! | --- | --- | --- |
//! | [`config`] | | the configuration, in a type of the plugin's own |
//! | [`info!`] and its like, [`log()`] | | the plugin's log, which the operator sees |
//! | [`kv`] | `kv` | small durable state |
//! | [`vms`] | `vms` | the inventory |
//! | [`jobs`] | `jobs`, `jobs.submit` | jobs: reading them, starting them |
//! | [`logs`] | `logs` | stored output |
//! | [`http`] | `http` | requests to hosts that were granted |
//! | [`secret`] | `secrets` | secrets that were granted |
//! | `std::fs` | `read-file` | folders that were granted, at the mounts of the manifest, read-only |
//!
//! Nothing else is there: no network, no environment, no files. A call that was not granted answers [`Error::Denied`] with the
//! command that grants it: pass that text on.
//!
//! # Errors
//!
//! An [`Error`] is shown to people as it is, so its text is a sentence: what happened, and what to do. Which case it is tells
//! the host what to make of it: the caller's fault, worth another try, a defect. A panic is a trap: the instance is thrown away
//! with all that it held, and a plugin that traps too often is set aside.
//!
//! # A template
//!
//! ```
//! use corral_plugin_sdk::prelude::*;
//! use serde_json::json;
//!
//! struct Disk;
//!
//! impl CommandTemplates for Disk {
//!     fn templates() -> Result<Listing> {
//!         let parameters = json!({
//!             "type": "object",
//!             "properties": { "path": { "type": "string", "default": "/" } }
//!         });
//!         let disk = Template {
//!             id: "usage".into(),
//!             title: "Disk usage".into(),
//!             description: "How full a file system is.".into(),
//!             category: "disk".into(),
//!             parameters,
//!             mode: Mode::Durable,
//!             dangerous: false,
//!             timeout_seconds: 60,
//!             applies_to: String::new(),
//!         };
//!         Ok(Listing { templates: vec![disk], problems: Vec::new() })
//!     }
//!
//!     fn render(_template: &str, args: &serde_json::Value, vms: &[Vm]) -> Result<Vec<Rendered>> {
//!         let path = args["path"].as_str().unwrap_or("/");
//!         // Words, not a line of shell: the host quotes them.
//!         let argv = vec!["df".to_owned(), "-h".to_owned(), path.to_owned()];
//!         Ok(vms.iter().map(|_| Rendered { argv: argv.clone(), ..Rendered::default() }).collect())
//!     }
//! }
//!
//! corral_plugin_sdk::export_command_templates!(Disk);
//!
//! # use corral_plugin_sdk::testing;
//! let commands = Disk::render("usage", &json!({ "path": "/srv" }), &[testing::vm()])?;
//! assert_eq!(commands[0].argv, ["df", "-h", "/srv"]);
//! # Ok::<(), Error>(())
//! ```
//!
//! # A discovery
//!
//! ```
//! use corral_plugin_sdk::prelude::*;
//!
//! struct Racks;
//!
//! impl Discovery for Racks {
//!     fn discover(cursor: Option<&str>) -> Result<Page> {
//!         // The host asks again with `next` until there is none.
//!         let rack: u16 = cursor.map_or(Ok(1), str::parse).map_err(|_| Error::Internal("a bad cursor".into()))?;
//!         let found = FoundVm {
//!             external_id: format!("rack-{rack}"),
//!             name: format!("rack-{rack}"),
//!             address: format!("10.0.{rack}.1"),
//!             port: 22,
//!             labels: vec![Label::new("rack", rack.to_string())],
//!             ..FoundVm::default()
//!         };
//!         Ok(Page { vms: vec![found], next: (rack < 3).then(|| (rack + 1).to_string()) })
//!     }
//! }
//!
//! corral_plugin_sdk::export_discovery!(Racks);
//!
//! assert_eq!(Racks::discover(None)?.next.as_deref(), Some("2"));
//! assert_eq!(Racks::discover(Some("3"))?.next, None);
//! # Ok::<(), Error>(())
//! ```
//!
//! # Tests
//!
//! Off `wasm32` the host's side is a stand-in, [`testing`]: `cargo test` runs a plugin's logic as it is. Whether the component is put
//! together right is for `corral plugin test`, which runs `examples/*.json` on the real plugin host.
//!
//! This crate must not know what any plugin does, nor how the host runs it.

#![deny(missing_docs)]

mod discovery;
mod filter;
mod host;
pub mod http;
pub mod jobs;
pub mod logs;
mod template;
#[cfg(not(target_arch = "wasm32"))]
pub mod testing;
mod types;
pub mod vms;

#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod bindings;
mod export;

pub use discovery::{Discovery, FoundVm, Page};
pub use filter::{Batch, Change, Edit, Edits, Line, Lines, LogFilter, StreamInfo};
pub use host::{Level, config, config_text, kv, log, secret};
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
