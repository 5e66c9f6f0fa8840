//! `plugin.toml`: plain data that is read before any guest code runs. The API version is checked before anything
//! else, so that a plugin for a later host is told so instead of being blamed for keys that this host does not know.

use std::time::Duration;

use corral_domain::PluginKind;
use serde::Deserialize;

use crate::error::LoadError;
use crate::limits::{Ceilings, Limits};
use crate::pipeline::{FilterPlace, RawPlace};
use crate::units::{parse_size, parse_time, show_size, show_time};
use crate::wants::{RawWant, Want, check_mounts, want};

/// First API version that this host speaks.
pub const API_FIRST: (u64, u64) = (0, 1);
/// Last API version that this host speaks.
pub const API_LAST: (u64, u64) = (0, 1);
/// Largest manifest, in bytes.
pub const MANIFEST_MAX: usize = 64 * 1024;
const ID_MAX: usize = 63;
const TEXT_MAX: usize = 500;
const WANTS_MAX: usize = 32;

/// What a plugin says of itself, checked.
#[derive(Debug, Clone, PartialEq)]
pub struct Manifest {
    /// Unique id.
    pub id: String,
    /// For people.
    pub name: String,
    /// Of the plugin.
    pub version: semver::Version,
    /// API that it was built against: `0.1`.
    pub api: String,
    /// What it extends; at least one, none twice.
    pub provides: Vec<PluginKind>,
    /// One line about it.
    pub description: String,
    /// What it wants beyond `log` and `config`.
    pub wants: Vec<Want>,
    /// Its limits, within the operator's ceiling.
    pub limits: Limits,
    /// What happens to lines while it is down.
    pub policy: Policy,
    /// Of a log filter: its place among others.
    pub filter: FilterPlace,
    /// File of its configuration's JSON Schema, beside the manifest.
    pub config_schema: Option<String>,
    /// Configuration where the operator gave none.
    pub config_default: serde_json::Value,
}

/// What happens to a stream's lines while its filter is down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Policy {
    /// They wait; if the filter stays down, the task fails and nothing unfiltered is stored.
    #[default]
    Hold,
    /// They go on unfiltered.
    PassThrough,
    /// The task fails at once.
    FailJob,
}

#[derive(Deserialize)]
struct ApiOnly {
    api: Option<toml::Value>,
    id: Option<toml::Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Raw {
    id: String,
    name: String,
    version: semver::Version,
    /// Read by `ApiOnly` before; here so that it is a known key.
    #[serde(rename = "api")]
    _api: String,
    provides: Vec<PluginKind>,
    #[serde(default)]
    description: String,
    #[serde(default)]
    wants: Vec<RawWant>,
    #[serde(default)]
    limits: RawLimits,
    #[serde(default)]
    failure: RawFailure,
    #[serde(default)]
    filter: RawPlace,
    #[serde(default)]
    config: RawConfig,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct RawLimits {
    memory: Option<String>,
    cpu_per_call: Option<String>,
    time_per_call: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawFailure {
    #[serde(default)]
    policy: Policy,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct RawConfig {
    schema: Option<String>,
    default: Option<serde_json::Value>,
}

/// The id that a manifest names, however wrong the rest is. Lets a broken plugin be shown under its own name.
pub fn peek_id(text: &str) -> Option<String> {
    let id = toml::from_str::<ApiOnly>(text).ok()?.id?.as_str()?.to_owned();
    check_id(&id).is_ok().then_some(id)
}

impl Manifest {
    /// Reads a manifest and checks everything that can be checked without the rest of the folder.
    pub fn parse(text: &str, ceilings: &Ceilings) -> Result<Self, LoadError> {
        let wrong = |problem: String| LoadError::Manifest(problem);
        if text.len() > MANIFEST_MAX {
            return Err(wrong(format!("it has {} bytes; at most {MANIFEST_MAX} are read", text.len())));
        }
        let first: ApiOnly = toml::from_str(text).map_err(|error| wrong(one_line(&error)))?;
        let api = check_api(first.api.as_ref())?;
        let raw: Raw = toml::from_str(text).map_err(|error| wrong(one_line(&error)))?;
        check_id(&raw.id).map_err(wrong)?;
        check_texts(&raw).map_err(wrong)?;
        if raw.wants.len() > WANTS_MAX {
            return Err(wrong(format!("it wants {} capabilities; at most {WANTS_MAX}", raw.wants.len())));
        }
        let wants = raw.wants.into_iter().map(want).collect::<Result<Vec<_>, _>>().map_err(wrong)?;
        check_mounts(&wants).map_err(wrong)?;
        Ok(Self {
            id: raw.id,
            name: raw.name,
            version: raw.version,
            api,
            provides: raw.provides,
            description: raw.description,
            wants,
            limits: limits(&raw.limits, ceilings).map_err(wrong)?,
            policy: raw.failure.policy,
            filter: FilterPlace::checked(&raw.filter)?,
            config_schema: raw.config.schema,
            config_default: raw.config.default.unwrap_or_else(|| serde_json::json!({})),
        })
    }
}

fn one_line(error: &toml::de::Error) -> String {
    error.to_string().lines().map(str::trim_end).collect::<Vec<_>>().join(" / ")
}

fn check_api(api: Option<&toml::Value>) -> Result<String, LoadError> {
    let wrong = |shown: &str| {
        LoadError::Manifest(format!("`api` is {shown}; write the version as text, `api = \"{}\"`", show(API_LAST)))
    };
    let text = match api {
        None => return Err(wrong("missing")),
        Some(toml::Value::String(text)) => text,
        Some(other) => return Err(wrong(&format!("`{other}`"))),
    };
    let parts: Vec<Option<u64>> = text.split('.').map(|part| part.parse().ok()).collect();
    let [Some(major), Some(minor)] = parts[..] else { return Err(wrong(&format!("`{text}`"))) };
    if (major, minor) < API_FIRST || (major, minor) > API_LAST {
        return Err(LoadError::Api { needs: show((major, minor)), first: show(API_FIRST), last: show(API_LAST) });
    }
    Ok(show((major, minor)))
}

fn show((major, minor): (u64, u64)) -> String {
    format!("{major}.{minor}")
}

/// Checks an id: `a-z 0-9 -`, beginning with a letter.
pub fn check_id(id: &str) -> Result<(), String> {
    let good = id.len() <= ID_MAX
        && id.starts_with(|c: char| c.is_ascii_lowercase())
        && id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if good && id != "saved" {
        Ok(())
    } else if id == "saved" {
        Err("the id `saved` belongs to templates that people saved; choose another".into())
    } else {
        let id: String = id.chars().take(ID_MAX + 1).collect();
        Err(format!("the id `{id}` is not valid; use a-z, 0-9 and -, begin with a letter, at most {ID_MAX}"))
    }
}

fn check_texts(raw: &Raw) -> Result<(), String> {
    for (key, text) in [("name", &raw.name), ("description", &raw.description)] {
        if text.len() > TEXT_MAX || text.chars().any(char::is_control) {
            return Err(format!("`{key}` is one line of at most {TEXT_MAX} bytes"));
        }
    }
    if raw.name.trim().is_empty() {
        return Err("`name` must not be empty".into());
    }
    if raw.provides.is_empty() {
        return Err("`provides` names nothing; give command-template, log-filter or discovery".into());
    }
    for (index, kind) in raw.provides.iter().enumerate() {
        if raw.provides[..index].contains(kind) {
            return Err("`provides` names the same extension point twice".into());
        }
    }
    match &raw.config.schema {
        Some(file) if !is_beside(file) => {
            Err(format!("`config.schema` is `{file}`; it names a file beside the manifest"))
        }
        _ => Ok(()),
    }
}

/// Whether a text names a file in the manifest's own folder.
pub fn is_beside(file: &str) -> bool {
    !file.is_empty() && !file.starts_with('.') && !file.contains(['/', '\\', '\0'])
}

fn limits(raw: &RawLimits, ceilings: &Ceilings) -> Result<Limits, String> {
    let usual = Limits::default();
    let memory = raw.memory.as_deref().map(parse_size).transpose()?;
    let cpu = raw.cpu_per_call.as_deref().map(parse_time).transpose()?;
    let time = raw.time_per_call.as_deref().map(parse_time).transpose()?;
    if let Some(asked) = memory.filter(|asked| *asked > ceilings.memory || *asked == 0) {
        let (asked, most) = (show_size(asked), show_size(ceilings.memory));
        return Err(format!("it asks for {asked} of memory; the operator allows up to {most}"));
    }
    let over = |asked: Option<Duration>, most: Duration| asked.filter(|asked| *asked > most || asked.is_zero());
    if let Some(asked) = over(cpu, ceilings.cpu_per_call) {
        let (asked, most) = (show_time(asked), show_time(ceilings.cpu_per_call));
        return Err(format!("it asks for {asked} of CPU a call; the operator allows up to {most}"));
    }
    if let Some(asked) = over(time, ceilings.time_per_call) {
        let (asked, most) = (show_time(asked), show_time(ceilings.time_per_call));
        return Err(format!("it asks for {asked} a call; the operator allows up to {most}"));
    }
    Ok(Limits {
        memory: memory.unwrap_or(usual.memory.min(ceilings.memory)),
        cpu_per_call: cpu.unwrap_or(usual.cpu_per_call.min(ceilings.cpu_per_call)),
        time_per_call: time.unwrap_or(usual.time_per_call.min(ceilings.time_per_call)),
    })
}

#[cfg(test)]
#[path = "manifest_tests.rs"]
mod tests;
