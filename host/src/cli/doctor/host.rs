//! The database, the running host, its plugins, the port.

use std::path::Path;

use serde_json::Value;

use super::Check;
use crate::bundled;
use crate::cli::client::Client;
use crate::cli::exit::Failure;
use crate::cli::output::field;
use crate::config::Config;
use crate::datadir::DataDir;
use crate::wiring;

/// Whether the database can be opened by this version.
pub async fn database(path: &Path) -> Check {
    const NAME: &str = "database";
    let Ok(data) = DataDir::existing(Some(path)) else {
        return Check::ok(NAME, "none yet; the first start makes it");
    };
    match wiring::open_store(&data).await {
        Ok(store) => {
            store.close().await;
            Check::ok(NAME, format!("has the schema of this version, {}", env!("CARGO_PKG_VERSION")))
        }
        Err(Failure { message, hint, .. }) => {
            let hint = hint.unwrap_or_else(|| "look at the message; a backup may be needed".to_owned());
            Check::fail(NAME, message, hint)
        }
    }
}

/// Whether the secrets can be opened.
pub async fn secrets(path: &Path) -> Option<Check> {
    const NAME: &str = "secrets";
    let data = DataDir::existing(Some(path)).ok()?;
    let store = wiring::open_store(&data).await.ok()?;
    let found = wiring::vault(&data, &store).check().await;
    store.close().await;
    Some(match found {
        Ok(found) => Check::ok(NAME, found),
        Err(error) => {
            let (found, remedy) = split_remedy(&error.to_string());
            Check::fail(NAME, found, remedy)
        }
    })
}

/// What happened, and what to do about it: the part behind the first semicolon.
fn split_remedy(text: &str) -> (String, String) {
    match text.split_once("; ") {
        Some((found, remedy)) => (found.to_owned(), remedy.to_owned()),
        None => (text.to_owned(), "look at the file and at the backup of the data folder".to_owned()),
    }
}

/// The running host with its plugins, or whether one could start.
pub async fn host(path: &Path, config: &Config, token: Option<&str>) -> Vec<Check> {
    let info = DataDir::existing(Some(path)).ok().and_then(|data| data.run_info());
    let Some(info) = info else {
        return vec![Check::ok("host", "none runs on this folder"), port(config), embedded()];
    };
    let client = match Client::new(&info.url, token.unwrap_or("none")) {
        Ok(client) => client,
        Err(failure) => {
            return vec![Check::fail("host", failure.message, "use a token as `corral token create` prints")];
        }
    };
    let mut checks = vec![match client.get(&["healthz"], &[]).await {
        Ok(_) => Check::ok("host", format!("answers at {} (pid {})", info.url, info.pid)),
        Err(failure) => Check::fail("host", failure.message, format!("look at what the process {} writes", info.pid)),
    }];
    if token.is_none() {
        checks.push(Check::warn(
            "plugins",
            "not asked for: no token",
            "set CORRAL_TOKEN to one of `corral token create`",
        ));
        return checks;
    }
    match client.list(&["api", "plugins"], &[], None).await {
        Ok(plugins) => checks.extend(plugins.iter().map(plugin)),
        Err(failure) => checks.push(Check::warn("plugins", failure.message, failure.hint.unwrap_or_default())),
    }
    checks
}

fn plugin(plugin: &Value) -> Check {
    let (id, state, reason) = (field(plugin, "id"), field(plugin, "state"), field(plugin, "reason"));
    let found = format!("{id} {}: {state} {reason}", field(plugin, "version"));
    let found = found.trim_end().to_owned();
    match state.as_str() {
        "active" | "disabled" => Check::ok("plugin", found),
        "discovered" | "compiling" => Check::warn("plugin", found, "wait a moment"),
        "blocked" => Check::warn("plugin", found, format!("look at it: corral plugin show {id}")),
        _ => Check::fail("plugin", found, format!("after repairing it: corral plugin reload {id}")),
    }
}

fn port(config: &Config) -> Check {
    const NAME: &str = "port";
    let address = match config.server.address() {
        Ok(address) => address,
        Err(failure) => return Check::fail(NAME, failure.message, failure.hint.unwrap_or_default()),
    };
    match std::net::TcpListener::bind(address) {
        Ok(_) => Check::ok(NAME, format!("{address} is free")),
        Err(error) => {
            Check::fail(NAME, format!("{address}: {error}"), "end what listens there, or choose another with --listen")
        }
    }
}

fn embedded() -> Check {
    let manifests = bundled::plugins().iter().filter_map(|(path, _)| path.strip_suffix("/plugin.toml"));
    let ids: Vec<_> = manifests.collect();
    if ids.is_empty() && bundled::beside_the_binary().is_none() {
        return Check::warn("plugins", "none are built into this binary", "cargo xtask plugins, then build it again");
    }
    Check::ok("plugins", format!("bundled: {}", ids.join(", ")))
}
