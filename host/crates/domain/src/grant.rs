//! What an operator can grant a plugin, as text: `kv`, `vms:env=dev`, `http:inventory.example.com`.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Selector, State, Vm, matches_pattern, secret_name_problem};

/// Longest grant, in bytes.
const GRANT_MAX: usize = 4_096;
/// Longest name of a host in a grant, in bytes, with its port.
const HOST_MAX: usize = 260;
/// Settings whose key begins so hold what an operator decided about a plugin.
const POLICY_KEY: &str = "plugin/";
/// Settings whose key begins so hold what the configuration granted a plugin at the last start.
const CONFIGURED_KEY: &str = "plugin-configured/";

/// What a grant is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Right {
    /// Read a folder.
    ReadFile,
    /// Small durable state.
    Kv,
    /// Read the inventory.
    Vms,
    /// Read jobs.
    Jobs,
    /// Start jobs, and cancel those.
    JobsSubmit,
    /// Read stored output.
    Logs,
    /// Outbound HTTP.
    Http,
    /// Read a secret.
    Secrets,
}

/// How far a right goes where more is said than its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// Nothing more can be said.
    None,
    /// A selector may say for which VMs.
    Selector,
    /// Something must be named.
    Named(&'static str),
}

impl Right {
    /// All, in the order in which they are shown.
    pub const ALL: [Self; 8] =
        [Self::ReadFile, Self::Kv, Self::Vms, Self::Jobs, Self::JobsSubmit, Self::Logs, Self::Http, Self::Secrets];

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadFile => "read-file",
            Self::Kv => "kv",
            Self::Vms => "vms",
            Self::Jobs => "jobs",
            Self::JobsSubmit => "jobs.submit",
            Self::Logs => "logs",
            Self::Http => "http",
            Self::Secrets => "secrets",
        }
    }

    /// The right of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|right| right.as_str() == name)
    }

    /// A grant of it as an example: with what it must name, if anything.
    pub fn example(self) -> String {
        match self.scope() {
            Scope::Named(what) => format!("{}:{what}", self.as_str()),
            _ => self.as_str().to_owned(),
        }
    }

    fn scope(self) -> Scope {
        match self {
            Self::Kv => Scope::None,
            Self::Vms | Self::Jobs | Self::JobsSubmit | Self::Logs => Scope::Selector,
            Self::ReadFile => Scope::Named("PATH"),
            Self::Http => Scope::Named("HOST"),
            Self::Secrets => Scope::Named("NAME"),
        }
    }
}

/// A grant: a right, and how far it goes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Grant {
    right: Right,
    scope: Option<String>,
}

/// A text that is no grant.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidGrant(String);

impl Grant {
    /// What it is about.
    pub fn right(&self) -> Right {
        self.right
    }

    /// What it names: a folder, a host, a secret, or the selector of the VMs that it is for. None: all VMs.
    pub fn scope(&self) -> Option<&str> {
        self.scope.as_deref()
    }

    /// Whether it gives something of a right of which `named` is wanted: a folder, or hosts or secrets by patterns. Of hosts and
    /// secrets nothing named means any.
    pub fn gives(&self, right: Right, named: &[impl AsRef<str>]) -> bool {
        let scope = self.scope.as_deref().unwrap_or_default();
        let mut named_by = named.iter().map(AsRef::as_ref);
        self.right == right
            && match right {
                Right::ReadFile => named_by.any(|path| path == scope),
                Right::Http | Right::Secrets if named.is_empty() => true,
                Right::Http => {
                    named_by.any(|host| matches_pattern(host, scope) || matches_pattern(host, split_port(scope).0))
                }
                Right::Secrets => named_by.any(|name| matches_pattern(name, scope)),
                _ => true,
            }
    }

    /// The same for a want as it is shown: `http:*.example.com`.
    pub fn fits(&self, want: &str) -> bool {
        let (name, named) = want.split_once(':').unwrap_or((want, ""));
        let Some(right) = Right::named(name) else { return false };
        let named: Vec<&str> = if right == Right::ReadFile { vec![named] } else { named.split('|').collect() };
        self.gives(right, if named == [""] { &[] } else { &named[..] })
    }

    /// Whether it goes as far as this VM. A grant that knows no VMs does not.
    pub fn admits(&self, vm: &Vm) -> bool {
        self.right.scope() == Scope::Selector
            && self.scope.as_deref().is_none_or(|text| text.parse::<Selector>().is_ok_and(|found| found.admits(vm)))
    }
}

impl FromStr for Grant {
    type Err = InvalidGrant;

    fn from_str(text: &str) -> Result<Self, InvalidGrant> {
        let wrong = |problem: String| Err(InvalidGrant(problem));
        let shown: String = text.chars().take(80).collect();
        if text.len() > GRANT_MAX || text.chars().any(char::is_control) {
            return wrong(format!("a grant is one line of at most {GRANT_MAX} bytes"));
        }
        let (name, scope) = match text.split_once(':') {
            Some((name, scope)) => (name.trim(), Some(scope.trim())),
            None => (text.trim(), None),
        };
        let Some(right) = Right::named(name) else {
            let all: Vec<_> = Right::ALL.into_iter().map(Right::example).collect();
            return wrong(format!("`{shown}` is no grant; there are {}", all.join(", ")));
        };
        match (right.scope(), scope) {
            (Scope::None, Some(_)) => return wrong(format!("`{name}` is granted as it is, without `:`")),
            (Scope::Named(_), None | Some("")) => {
                return wrong(format!("`{shown}` does not say which; write `{}`", right.example()));
            }
            (Scope::Selector, Some("")) => {
                return wrong(format!("`{shown}` has no selector; leave `:` out for all VMs"));
            }
            (Scope::Selector, Some(selector)) => {
                if let Err(error) = selector.parse::<Selector>() {
                    return wrong(format!("`{shown}`: {error}"));
                }
            }
            _ => {}
        }
        match (right, scope) {
            (Right::Http, Some(host)) if !is_host(host) => wrong(format!(
                "`{shown}`: a host is a name or an address, with `:PORT` if need be; no path, no `http://`"
            )),
            (Right::Secrets, Some(name)) => match secret_name_problem(name) {
                Some(problem) => wrong(format!("`{shown}`: the name of a secret {problem}")),
                None => Ok(Self { right, scope: Some(name.to_owned()) }),
            },
            (Right::Http, Some(host)) => Ok(Self { right, scope: Some(host.to_ascii_lowercase()) }),
            (_, scope) => Ok(Self { right, scope: scope.map(str::to_owned) }),
        }
    }
}

/// Whether it can be a host with or without a port. What it means is for whoever connects.
fn is_host(text: &str) -> bool {
    let (host, port) = split_port(text);
    let inner = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let named = host.strip_prefix("*.").unwrap_or(inner);
    let word = |byte: u8| byte.is_ascii_alphanumeric() || b"-_:".contains(&byte);
    let mut labels = named.strip_suffix('.').unwrap_or(named).split('.');
    // What is below a single label would be half of the internet.
    let narrow = !host.starts_with("*.") || labels.clone().count() > 1;
    text.len() <= HOST_MAX
        && narrow
        && labels.all(|label| !label.is_empty() && label.bytes().all(word))
        && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}

/// A host, and its port if one is named. What stands behind the last colon of an address in brackets, or of one without, is
/// none.
fn split_port(text: &str) -> (&str, Option<&str>) {
    let with_port = |(host, port): &(&str, &str)| !port.contains(']') && (host.starts_with('[') || !host.contains(':'));
    text.rsplit_once(':').filter(with_port).map_or((text, None), |(host, port)| (host, Some(port)))
}

impl fmt::Display for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.scope {
            Some(scope) => write!(f, "{}:{scope}", self.right.as_str()),
            None => f.write_str(self.right.as_str()),
        }
    }
}

impl TryFrom<String> for Grant {
    type Error = InvalidGrant;

    fn try_from(text: String) -> Result<Self, InvalidGrant> {
        text.parse()
    }
}

impl From<Grant> for String {
    fn from(grant: Grant) -> Self {
        grant.to_string()
    }
}

/// What was decided about a plugin in the dashboard or on the command line. It adds to what the configuration says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PluginPolicy {
    /// Whether it is used at all.
    pub enabled: bool,
    /// What it is granted.
    pub grants: BTreeSet<Grant>,
}

impl Default for PluginPolicy {
    fn default() -> Self {
        Self { enabled: true, grants: BTreeSet::new() }
    }
}

impl PluginPolicy {
    /// Key of the setting that holds it.
    pub fn key(plugin: &str) -> String {
        format!("{POLICY_KEY}{plugin}")
    }

    /// Key of the setting that holds what the configuration granted at the last start.
    pub fn configured_key(plugin: &str) -> String {
        format!("{CONFIGURED_KEY}{plugin}")
    }

    /// The plugin about whose rights a setting is, if it is about that: such a setting changes with an audit row of its own only.
    pub fn about(key: &str) -> Option<&str> {
        Self::plugin_of(key).or_else(|| Self::configured_of(key))
    }

    /// The plugin whose configured grants a setting holds, if it holds some.
    pub fn configured_of(key: &str) -> Option<&str> {
        key.strip_prefix(CONFIGURED_KEY)
    }

    /// The plugin whose policy a setting holds, if it holds one.
    pub fn plugin_of(key: &str) -> Option<&str> {
        key.strip_prefix(POLICY_KEY)
    }

    /// From a setting's value. One that cannot be read is none: nothing is granted by accident.
    pub fn read(value: &serde_json::Value) -> Self {
        serde_json::from_value(value.clone()).unwrap_or(Self { enabled: false, grants: BTreeSet::new() })
    }

    /// As a setting's value; null for one that says nothing.
    pub fn to_value(&self) -> serde_json::Value {
        if *self == Self::default() {
            return serde_json::Value::Null;
        }
        let grants: Vec<String> = self.grants.iter().map(ToString::to_string).collect();
        serde_json::json!({ "enabled": self.enabled, "grants": grants })
    }
}

impl State {
    /// What was decided about a plugin.
    pub fn plugin_policy(&self, plugin: &str) -> PluginPolicy {
        self.settings.get(&PluginPolicy::key(plugin)).map(|value| PluginPolicy::read(value)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grant(text: &str) -> Result<String, String> {
        text.parse::<Grant>().map(|grant| grant.to_string()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_granted_is_read_as_it_is_written() {
        for text in [
            "kv",
            "vms",
            "vms:env=dev,!canary",
            "jobs",
            "jobs.submit:role=web|db",
            "logs",
            "read-file:~/.ssh",
            "read-file:/a b:c",
            "http:inventory.example.com",
            "http:10.0.0.5:8080",
            "http:*.example.com",
            "http:[::1]:8080",
            "secrets:netbox-token",
        ] {
            assert_eq!(grant(text), Ok(text.to_owned()));
        }
        assert_eq!(grant(" http : API.Example.com "), Ok("http:api.example.com".to_owned()));
    }

    #[test]
    fn what_is_no_grant_says_what_would_be() {
        for (text, why) in [
            ("files", "there are read-file:PATH, kv,"),
            ("", "there are read-file:PATH, kv,"),
            ("kv:all", "without `:`"),
            ("http", "write `http:HOST`"),
            ("secrets:", "write `secrets:NAME`"),
            ("vms:", "leave `:` out"),
            ("vms:=x", "selector, part `=x`"),
            ("http:http://a", "no `http://`"),
            ("http:a/b", "no path"),
            ("http:a:0", "a host is"),
            ("http:*.com", "a host is"),
            ("http:a..b", "a host is"),
            ("secrets:a b", "the name of a secret"),
            ("kv\n", "one line"),
        ] {
            let problem = grant(text).unwrap_err();
            assert!(problem.contains(why), "{text}: {problem}");
        }
    }

    #[test]
    fn a_grant_fits_what_is_wanted_as_far_as_it_is_named() {
        let fits = |grant: &str, want: &str| grant.parse::<Grant>().unwrap().fits(want);
        assert!(fits("kv", "kv") && !fits("kv", "vms") && fits("vms:env=dev", "vms") && !fits("jobs", "jobs.submit"));
        assert!(fits("read-file:~/.ssh", "read-file:~/.ssh") && !fits("read-file:~/.aws", "read-file:~/.ssh"));
        assert!(fits("http:a.com", "http") && fits("http:[::1]:80", "http") && fits("secrets:x", "secrets"));
        for host in ["api.example.com", "api.example.com:8443", "*.example.com", "db"] {
            assert!(fits(&format!("http:{host}"), "http:*.example.com|db"), "{host}");
        }
        assert!(
            !fits("http:example.org", "http:*.example.com|db") && !fits("http:*.example.org", "http:*.example.com")
        );
        assert!(fits("secrets:net-token", "secrets:net-*") && !fits("secrets:root", "secrets:net-*"));
    }

    #[test]
    fn a_policy_that_cannot_be_read_gives_nothing() {
        let policy = PluginPolicy { enabled: true, grants: BTreeSet::from(["kv".parse().unwrap()]) };
        assert_eq!(PluginPolicy::read(&policy.to_value()), policy);
        assert!(PluginPolicy::default().to_value().is_null());
        let broken = PluginPolicy::read(&serde_json::json!({ "grants": ["everything"] }));
        assert!(!broken.enabled && broken.grants.is_empty());
    }
}
