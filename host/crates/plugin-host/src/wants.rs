//! What a manifest wants: `[[wants]]`, each with the reason that the operator is shown.

use corral_domain::{Right, secret_name_problem};
use serde::Deserialize;

/// Longest reason, in bytes.
const REASON_MAX: usize = 500;
/// Longest place where a guest sees a folder, in bytes.
const MOUNT_MAX: usize = 63;
/// Most hosts or secrets that one wish names.
const NAMED_MAX: usize = 32;

/// A capability that a plugin wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Want {
    /// Which.
    pub capability: Capability,
    /// Why, in its author's words.
    pub reason: String,
    /// Whether it can do without.
    pub optional: bool,
}

/// What can be wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Capability {
    /// Read a folder.
    ReadFile {
        /// Path on the host, or the name of a folder in the operator's configuration.
        path: String,
        /// Where the guest sees it.
        mount: String,
    },
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
    Http {
        /// Only these hosts, `*` for any run of characters; empty: those that the operator names.
        hosts: Vec<String>,
    },
    /// Named secrets.
    Secrets {
        /// Only these, `*` for any run of characters; empty: those that the operator names.
        names: Vec<String>,
    },
}

impl Capability {
    /// The right that must be granted.
    pub fn right(&self) -> Right {
        match self {
            Self::ReadFile { .. } => Right::ReadFile,
            Self::Kv => Right::Kv,
            Self::Vms => Right::Vms,
            Self::Jobs => Right::Jobs,
            Self::JobsSubmit => Right::JobsSubmit,
            Self::Logs => Right::Logs,
            Self::Http { .. } => Right::Http,
            Self::Secrets { .. } => Right::Secrets,
        }
    }

    /// As the operator is shown it: `read-file:~/.ssh`, `kv`, `http:api.example.com`. A right that must name something, and of
    /// which the manifest names nothing, is shown without.
    pub fn wish(&self) -> String {
        let right = self.right().as_str();
        match self {
            Self::ReadFile { path, .. } => format!("{right}:{path}"),
            Self::Http { hosts: named } | Self::Secrets { names: named } if !named.is_empty() => {
                format!("{right}:{}", named.join("|"))
            }
            _ => right.to_owned(),
        }
    }

    /// Grants that would satisfy it, as they are typed: with `HOST` or `NAME` where the operator chooses.
    pub fn to_grant(&self) -> Vec<String> {
        match self {
            Self::ReadFile { .. } => vec![self.wish()],
            Self::Http { hosts: named } | Self::Secrets { names: named } if !named.is_empty() => {
                named.iter().map(|name| format!("{}:{name}", self.right().as_str())).collect()
            }
            _ => vec![self.right().example()],
        }
    }
}

/// One of `[[wants]]`, as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RawWant {
    capability: String,
    path: Option<String>,
    mount: Option<String>,
    hosts: Option<Vec<String>>,
    names: Option<Vec<String>>,
    reason: String,
    #[serde(default)]
    optional: bool,
}

/// Checks a wish.
pub(crate) fn want(raw: RawWant) -> Result<Want, String> {
    if raw.reason.trim().is_empty() || raw.reason.len() > REASON_MAX || raw.reason.chars().any(char::is_control) {
        return Err(format!("the wish for `{}` needs a `reason`, one line that the operator is shown", raw.capability));
    }
    let Some(right) = Right::named(&raw.capability) else {
        let all: Vec<_> = Right::ALL.into_iter().map(Right::as_str).collect();
        return Err(format!("there is no capability `{}`; there are {}", raw.capability, all.join(", ")));
    };
    let misplaced = [
        ("path", raw.path.is_some(), Right::ReadFile),
        ("mount", raw.mount.is_some(), Right::ReadFile),
        ("hosts", raw.hosts.is_some(), Right::Http),
        ("names", raw.names.is_some(), Right::Secrets),
    ];
    if let Some((key, _, of)) = misplaced.iter().find(|(_, given, of)| *given && *of != right) {
        return Err(format!("`{key}` belongs to `{}`, not to `{}`", of.as_str(), raw.capability));
    }
    let capability = match right {
        Right::ReadFile => {
            let path = raw.path.ok_or("a wish for `read-file` needs a `path`")?;
            let mount = raw.mount.ok_or("a wish for `read-file` needs a `mount`, where the guest sees the folder")?;
            check_path(&path)?;
            check_mount(&mount)?;
            Capability::ReadFile { path, mount }
        }
        Right::Kv => Capability::Kv,
        Right::Vms => Capability::Vms,
        Right::Jobs => Capability::Jobs,
        Right::JobsSubmit => Capability::JobsSubmit,
        Right::Logs => Capability::Logs,
        Right::Http => Capability::Http { hosts: named(raw.hosts, is_host)? },
        Right::Secrets => Capability::Secrets { names: named(raw.names, is_secret)? },
    };
    Ok(Want { capability, reason: raw.reason, optional: raw.optional })
}

fn named(given: Option<Vec<String>>, is_good: fn(&str) -> bool) -> Result<Vec<String>, String> {
    let given = given.unwrap_or_default();
    if given.len() > NAMED_MAX {
        return Err(format!("a wish names at most {NAMED_MAX}, not {}", given.len()));
    }
    match given.iter().find(|name| !is_good(name)) {
        Some(bad) => {
            let bad: String = bad.chars().take(80).collect();
            Err(format!("a wish names `{bad}`, which is no name; `*` stands for any run of characters"))
        }
        None => Ok(given),
    }
}

fn is_host(text: &str) -> bool {
    format!("http:{}", text.replace('*', "x")).parse::<corral_domain::Grant>().is_ok()
}

fn is_secret(text: &str) -> bool {
    secret_name_problem(&text.replace('*', "x")).is_none()
}

fn check_path(path: &str) -> Result<(), String> {
    let name = !path.is_empty() && path.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    let rooted = path.starts_with('/') || path.starts_with("~/");
    let clean = !path.chars().any(char::is_control) && !path.split('/').any(|part| part == "..");
    if name || (rooted && clean && path.len() <= 4096) {
        return Ok(());
    }
    Err(format!("`path` is `{path}`; it is absolute, begins with `~/`, or is the name of a configured folder"))
}

fn check_mount(mount: &str) -> Result<(), String> {
    let name = mount.strip_prefix('/').unwrap_or_default();
    if !name.is_empty() && name.len() <= MOUNT_MAX && name.chars().all(|c| c.is_ascii_lowercase() || c == '_') {
        return Ok(());
    }
    Err(format!("`mount` is `{mount}`; it is `/` and one word of a-z and _, as in `/templates`"))
}

/// Two folders cannot be seen in one place.
pub(crate) fn check_mounts(wants: &[Want]) -> Result<(), String> {
    let mut seen = Vec::new();
    for want in wants {
        if let Capability::ReadFile { mount, .. } = &want.capability {
            if seen.contains(&mount) {
                return Err(format!("two folders want the mount `{mount}`"));
            }
            seen.push(mount);
        }
    }
    Ok(())
}
