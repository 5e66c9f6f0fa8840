//! The component-model bindings, and the adapters between them and this crate's plain types.
//!
//! The types and the host's interfaces are generated once, in `host`; each extension point's world is generated beside
//! them and uses those. A component keeps only the imports that it calls.

mod convert;
pub(crate) mod services;

use crate::{Level, Result};

pub mod host {
    wit_bindgen::generate!({
        inline: "
            package corral:sdk@0.1.0;
            world imports {
                import corral:types/types@0.1.0;
                import corral:host/log@0.1.0;
                import corral:host/config@0.1.0;
                import corral:host/kv@0.1.0;
                import corral:host/vms@0.1.0;
                import corral:host/jobs@0.1.0;
                import corral:host/logs@0.1.0;
                import corral:host/http@0.1.0;
                import corral:host/secrets@0.1.0;
            }
        ",
        path: ["../../wit/types/0.1.0", "../../wit/host/0.1.0"],
        world: "corral:sdk/imports",
        generate_all,
    });
}

use host::corral::host as imports;

pub(crate) fn log(level: Level, message: &str) {
    use imports::log::Level as Wire;
    let level = match level {
        Level::Trace => Wire::Trace,
        Level::Debug => Wire::Debug,
        Level::Info => Wire::Info,
        Level::Warn => Wire::Warn,
        Level::Error => Wire::Error,
    };
    imports::log::write(level, message);
}

pub(crate) fn config() -> String {
    imports::config::get()
}

pub(crate) fn kv_get(key: &str) -> Result<Option<Vec<u8>>> {
    Ok(imports::kv::get(key)?)
}

pub(crate) fn kv_set(key: &str, value: &[u8]) -> Result<()> {
    Ok(imports::kv::set(key, value)?)
}

pub(crate) fn kv_delete(key: &str) -> Result<()> {
    Ok(imports::kv::delete(key)?)
}

pub(crate) fn kv_keys(prefix: &str) -> Result<Vec<String>> {
    Ok(imports::kv::keys(prefix)?)
}

pub(crate) fn secret(name: &str) -> Result<String> {
    Ok(imports::secrets::get(name)?)
}

pub(crate) fn fetch(request: &crate::http::Request) -> Result<crate::http::Response> {
    let response = imports::http::fetch(&imports::http::Request {
        method: request.method.clone(),
        url: request.url.clone(),
        headers: request.headers.clone(),
        body: request.body.clone(),
        timeout_ms: request.timeout_ms,
    })?;
    Ok(crate::http::Response { status: response.status, headers: response.headers, body: response.body })
}

macro_rules! generate_world {
    ($package:literal, $world:literal, $module:literal, { $($interface:literal: $path:path),* }) => {
        wit_bindgen::generate!({
            path: ["../../wit/types/0.1.0", "../../wit/host/0.1.0", $package],
            world: $world,
            pub_export_macro: true,
            default_bindings_module: $module,
            with: {
                "corral:types/types@0.1.0": crate::bindings::host::corral::types::types,
                "corral:host/log@0.1.0": crate::bindings::host::corral::host::log,
                "corral:host/config@0.1.0": crate::bindings::host::corral::host::config,
                "corral:host/kv@0.1.0": crate::bindings::host::corral::host::kv,
                $($interface: $path),*
            },
        });
    };
}

pub mod command_template;
pub mod discovery;
pub mod log_filter;
