//! What the host offers: the log, the configuration, small durable state. Off `wasm32` each has a stand-in for tests.

use serde::de::DeserializeOwned;

use crate::{Error, Result};

/// How much a log line matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Every step.
    Trace,
    /// For the plugin's author.
    Debug,
    /// Worth knowing.
    Info,
    /// Something is not right.
    Warn,
    /// Something failed.
    Error,
}

/// Writes a line to the plugin's panel. The macros [`debug!`](crate::debug) to [`error!`](crate::error) format it first.
pub fn log(level: Level, message: &str) {
    #[cfg(target_arch = "wasm32")]
    crate::bindings::log(level, message);
    #[cfg(not(target_arch = "wasm32"))]
    eprintln!("{level:?}: {message}");
}

/// Logs for the plugin's author.
#[macro_export]
macro_rules! debug {
    ($($arg:tt)*) => { $crate::log($crate::Level::Debug, &::std::format!($($arg)*)) };
}

/// Logs what is worth knowing.
#[macro_export]
macro_rules! info {
    ($($arg:tt)*) => { $crate::log($crate::Level::Info, &::std::format!($($arg)*)) };
}

/// Logs that something is not right.
#[macro_export]
macro_rules! warn {
    ($($arg:tt)*) => { $crate::log($crate::Level::Warn, &::std::format!($($arg)*)) };
}

/// Logs that something failed.
#[macro_export]
macro_rules! error {
    ($($arg:tt)*) => { $crate::log($crate::Level::Error, &::std::format!($($arg)*)) };
}

/// The plugin's configuration as JSON; `{}` where the operator configured nothing and the manifest has no default.
pub fn config_text() -> String {
    #[cfg(target_arch = "wasm32")]
    let text = crate::bindings::config();
    #[cfg(not(target_arch = "wasm32"))]
    let text = crate::testing::config_text();
    if text.trim().is_empty() { "{}".into() } else { text }
}

/// The plugin's configuration in a type of its own.
///
/// ```
/// use corral_plugin_sdk::{config, testing};
///
/// #[derive(serde::Deserialize)]
/// struct Config {
///     hide: Vec<String>,
/// }
///
/// testing::set_config(r#"{"hide": ["GET /healthz"]}"#);
/// assert_eq!(config::<Config>()?.hide, ["GET /healthz"]);
/// # Ok::<(), corral_plugin_sdk::Error>(())
/// ```
///
/// # Errors
///
/// The configuration does not fit the type; the text says where.
pub fn config<T: DeserializeOwned>() -> Result<T> {
    serde_json::from_str(&config_text())
        .map_err(|error| Error::InvalidInput(format!("the plugin's configuration cannot be used: {error}")))
}

/// The secret of a name. Needs the capability `secrets`; every reading is written to the audit log.
///
/// # Errors
///
/// `denied` where it was not granted, `not-found` where there is none of that name.
pub fn secret(name: &str) -> Result<String> {
    #[cfg(target_arch = "wasm32")]
    return crate::bindings::secret(name);
    #[cfg(not(target_arch = "wasm32"))]
    crate::testing::secret(name)
}

/// Small durable state, private to the plugin: 1 MiB in at most 1,024 keys. Needs the capability `kv`. What is set is on disk within
/// a second; a crash of the host may lose that second.
///
/// ```
/// use corral_plugin_sdk::kv;
///
/// kv::set("last-seen", b"42")?;
/// assert_eq!(kv::get("last-seen")?.as_deref(), Some(b"42".as_slice()));
/// assert_eq!(kv::keys("last-")?, ["last-seen"]);
/// kv::delete("last-seen")?;
/// # Ok::<(), corral_plugin_sdk::Error>(())
/// ```
pub mod kv {
    use crate::Result;

    /// What is kept under a key.
    ///
    /// # Errors
    ///
    /// `denied` without the grant.
    pub fn get(key: &str) -> Result<Option<Vec<u8>>> {
        #[cfg(target_arch = "wasm32")]
        return crate::bindings::kv_get(key);
        #[cfg(not(target_arch = "wasm32"))]
        Ok(crate::testing::with_kv(|kv| kv.get(key).cloned()))
    }

    /// Keeps a value under a key.
    ///
    /// # Errors
    ///
    /// `denied` without the grant, `invalid-input` for a key that is empty or too long, `unavailable` where there is no room.
    pub fn set(key: &str, value: &[u8]) -> Result<()> {
        #[cfg(target_arch = "wasm32")]
        return crate::bindings::kv_set(key, value);
        #[cfg(not(target_arch = "wasm32"))]
        {
            crate::testing::with_kv(|kv| kv.insert(key.to_owned(), value.to_vec()));
            Ok(())
        }
    }

    /// Forgets a key; one that is not there is no error.
    ///
    /// # Errors
    ///
    /// `denied` without the grant.
    pub fn delete(key: &str) -> Result<()> {
        #[cfg(target_arch = "wasm32")]
        return crate::bindings::kv_delete(key);
        #[cfg(not(target_arch = "wasm32"))]
        {
            crate::testing::with_kv(|kv| kv.remove(key));
            Ok(())
        }
    }

    /// Keys that begin so, in order.
    ///
    /// # Errors
    ///
    /// `denied` without the grant.
    pub fn keys(prefix: &str) -> Result<Vec<String>> {
        #[cfg(target_arch = "wasm32")]
        return crate::bindings::kv_keys(prefix);
        #[cfg(not(target_arch = "wasm32"))]
        Ok(crate::testing::with_kv(|kv| kv.keys().filter(|key| key.starts_with(prefix)).cloned().collect()))
    }
}
