//! What an operator can set: from a file (`corral.toml`), then the environment (`CORRAL_SECTION_KEY`), then flags; the
//! later wins. One file per section.
//!
//! Invariants: a key that is not known is refused, so that a typo never silently means the default; every error names
//! the key and the place it came from. Secrets are no part of it.

mod health;
mod limits;
mod log;
mod output;
mod plugins;
mod server;
mod ssh;
mod storage;

use std::path::{Path, PathBuf};

use figment::Figment;
use figment::error::Kind;
use figment::providers::{Env, Format, Serialized, Toml};
use serde::{Deserialize, Serialize};

pub use health::Health;
pub use limits::Limits;
pub use log::{Log, LogFormat};
pub use output::Output;
pub use plugins::{FilterRuleTable, OnePlugin, Plugins};
pub use server::Server;
pub use ssh::Ssh;
pub use storage::Storage;

use crate::cli::exit::{Exit, Failure};
use crate::cli::suggest;

const PREFIX: &str = "CORRAL_";
/// Variables of this prefix that are read elsewhere.
const NOT_SETTINGS: [&str; 4] = ["url", "token", "config", "log"];
const FILE_BYTES_MAX: u64 = 1024 * 1024;

/// All settings.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Where it listens.
    pub server: Server,
    /// Where it keeps what it knows.
    pub storage: Storage,
    /// Plugins and templates.
    pub plugins: Plugins,
    /// Connections to the machines.
    pub ssh: Ssh,
    /// What it tells.
    pub log: Log,
    /// How much of what commands write it keeps.
    pub output: Output,
    /// How much it does at once.
    pub limits: Limits,
    /// How it looks at machines.
    pub health: Health,
}

impl Config {
    /// The engine's limits and intervals.
    pub fn engine_settings(&self) -> corral_engine::Settings {
        let mut settings = self.limits.to_engine();
        self.health.apply(&self.limits, &mut settings);
        self.output.apply(&mut settings);
        settings
    }

    /// Reads file and environment; `flags` has the last word.
    pub fn load(file: Option<&Path>, flags: &Flags) -> Result<Self, Failure> {
        let mut figment = Figment::new();
        if let Some(path) = chosen_file(file) {
            let text = read(&path)?;
            figment = figment.merge(Named { inner: Toml::string(&text), name: path.display().to_string() });
        }
        Self::extract(flags.merge_into(figment.merge(environment())))
    }

    /// Only the defaults and `flags`.
    pub fn without_file(flags: &Flags) -> Result<Self, Failure> {
        Self::extract(flags.merge_into(Figment::new()))
    }

    fn extract(figment: Figment) -> Result<Self, Failure> {
        let config: Self = figment.extract().map_err(explain)?;
        config.limits.check()?;
        config.health.check()?;
        config.log.check()?;
        config.server.check()?;
        config.ssh.check()?;
        Ok(config)
    }
}

/// What was said on the command line; what was not said is absent and overrides nothing.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    values: Vec<(&'static str, figment::value::Value)>,
}

impl Flags {
    /// Sets `section.key` if a value was given.
    pub fn set<T: Serialize>(mut self, key: &'static str, value: Option<T>) -> Self {
        if let Some(value) = value.and_then(|value| figment::value::Value::serialize(value).ok()) {
            self.values.push((key, value));
        }
        self
    }

    fn merge_into(&self, mut figment: Figment) -> Figment {
        for (key, value) in &self.values {
            figment = figment.merge(Serialized::default(key, value));
        }
        figment
    }
}

/// A provider whose errors name the file.
struct Named<P> {
    inner: P,
    name: String,
}

impl<P: figment::Provider> figment::Provider for Named<P> {
    fn metadata(&self) -> figment::Metadata {
        figment::Metadata::named(format!("the file {}", self.name))
    }

    fn data(&self) -> figment::Result<figment::value::Map<figment::Profile, figment::value::Dict>> {
        self.inner.data()
    }
}

/// `CORRAL_SERVER_PUBLIC_URL` is `server.public_url`: the first underscore ends the section.
fn environment() -> Env {
    Env::prefixed(PREFIX).ignore(&NOT_SETTINGS).map(|key| key.as_str().to_lowercase().replacen('_', ".", 1).into())
}

/// The file that was named, or the usual one if it is there.
fn chosen_file(named: Option<&Path>) -> Option<PathBuf> {
    if let Some(path) = named {
        return Some(path.to_owned());
    }
    let usual = crate::datadir::config_home().map(|home| home.join("corral").join("corral.toml"));
    usual.filter(|path| path.is_file())
}

fn read(path: &Path) -> Result<String, Failure> {
    let fail = |what: String| {
        Failure::new(Exit::Usage, format!("the configuration file {} {what}", path.display()))
            .hint("name another with --config, or leave it out to run with the defaults")
    };
    let size = std::fs::metadata(path).map_err(|error| fail(format!("cannot be read: {error}")))?.len();
    if size > FILE_BYTES_MAX {
        return Err(fail(format!("has {size} bytes, at most {FILE_BYTES_MAX} are read")));
    }
    std::fs::read_to_string(path).map_err(|error| fail(format!("cannot be read: {error}")))
}

/// One line for each thing that is wrong: where it was found, what it is, what was probably meant.
fn explain(error: figment::Error) -> Failure {
    let mut lines = Vec::new();
    for error in error {
        let place =
            error.metadata.as_ref().map_or_else(|| "the command line".to_owned(), |found| found.name.to_string());
        let path = error.path.join(".");
        lines.push(match &error.kind {
            Kind::UnknownField(name, known) => {
                let section = path.strip_suffix(name.as_str()).unwrap_or(&path).trim_end_matches('.');
                let at = if section.is_empty() { "the top level".to_owned() } else { format!("[{section}]") };
                let meant = suggest::closest(name, known.iter().copied()).map_or_else(
                    || format!("known are {}", known.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                format!("{place}: there is no key `{name}` in {at}; {meant}")
            }
            kind if path.is_empty() => format!("{place}: {kind}"),
            kind => format!("{place}: `{path}`: {kind}"),
        });
    }
    lines.dedup();
    Failure::new(Exit::Usage, lines.join("\n")).hint("docs/cli.md lists every key")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_text(text: &str) -> Result<Config, Failure> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("corral.toml");
        std::fs::write(&path, text).unwrap();
        Config::load(Some(&path), &Flags::default())
    }

    #[test]
    fn an_unknown_key_is_refused_by_name_with_what_was_probably_meant() {
        let error = from_text("[server]\nlissten = \"127.0.0.1:1\"\n").unwrap_err();
        assert_eq!(error.exit, Exit::Usage);
        assert!(error.message.contains("no key `lissten` in [server]"), "{}", error.message);
        assert!(error.message.contains("did you mean `listen`?"), "{}", error.message);
        assert!(error.message.contains("corral.toml"), "{}", error.message);
    }

    #[test]
    fn an_unknown_section_is_refused() {
        let error = from_text("[servr]\nlisten = \"x\"\n").unwrap_err();
        assert!(error.message.contains("did you mean `server`?"), "{}", error.message);
    }

    #[test]
    fn text_that_is_no_toml_says_where() {
        let error = from_text("[server\nlisten").unwrap_err();
        assert!(error.message.contains("line 1") || error.message.contains("1 |"), "{}", error.message);
    }

    #[test]
    fn plugins_have_settings_of_their_own_and_a_slip_among_the_keys_is_refused() {
        let config = from_text("[plugins]\nfolders = [\"/a\"]\n[plugins.redact]\nenabled = false\n").unwrap();
        assert!(!config.plugins.each["redact"].enabled);
        let error = from_text("[plugins]\nfoldres = [\"/a\"]\n").unwrap_err();
        assert!(error.message.contains("no key `foldres`; did you mean `folders`"), "{}", error.message);
        let error = from_text("[plugins.redact]\nenable = true\n").unwrap_err();
        assert!(error.message.contains("[plugins.redact]") && error.message.contains("enable"), "{}", error.message);
    }

    #[test]
    fn a_flag_wins_over_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("corral.toml");
        std::fs::write(&path, "[server]\nlisten = \"127.0.0.1:1\"\n[log]\nformat = \"json\"\n").unwrap();
        let flags = Flags::default().set("server.listen", Some("127.0.0.1:2"));
        let config = Config::load(Some(&path), &flags).unwrap();
        assert_eq!(config.server.listen, "127.0.0.1:2");
        assert_eq!(config.log.format, LogFormat::Json);
    }

    #[test]
    fn machines_are_looked_at_as_often_as_was_said() {
        let interval = |text| from_text(text).unwrap().engine_settings().health_interval.map(|time| time.as_secs());
        assert_eq!(interval(""), Some(30));
        assert_eq!(interval("[health]\ninterval_seconds = 0\n"), None);
        assert_eq!(interval("[limits]\nhealth_interval_seconds = 7\n"), Some(7));
        assert_eq!(interval("[limits]\nhealth_interval_seconds = 7\n[health]\ninterval_seconds = 9\n"), Some(9));
        let error = from_text("[health]\nparallelism = 0\n").unwrap_err();
        assert!(error.message.contains("health.parallelism is 0"), "{}", error.message);
    }

    #[test]
    fn a_value_of_the_wrong_kind_names_its_key() {
        let error = from_text("[limits]\ntasks = \"many\"\n").unwrap_err();
        assert!(error.message.contains("limits.tasks"), "{}", error.message);
    }
}
