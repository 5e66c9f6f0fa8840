//! Words shared by all extension points.

/// What plugin functions answer.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// One fact about a machine or a line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Label {
    /// Which fact.
    pub key: String,
    /// Its value.
    pub value: String,
}

impl Label {
    /// A label of its two parts.
    pub fn new(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self { key: key.into(), value: value.into() }
    }
}

/// Whether a machine answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum VmStatus {
    /// Never asked.
    #[default]
    Unknown,
    /// It answered last time.
    Online,
    /// It did not.
    Offline,
}

/// A machine as plugins see it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vm {
    /// Opaque.
    pub id: String,
    /// Unique in the inventory.
    pub name: String,
    /// Host name or address.
    pub address: String,
    /// Port of its SSH server.
    pub port: u16,
    /// Who logs in.
    pub user: String,
    /// Facts about it.
    pub labels: Vec<Label>,
    /// Whether it answers.
    pub status: VmStatus,
}

impl Vm {
    /// The value of a label.
    pub fn label(&self, key: &str) -> Option<&str> {
        self.labels.iter().find(|label| label.key == key).map(|label| label.value.as_str())
    }
}

/// Which output a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutputStream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// Why a plugin could not do what it was asked. The text is shown to people: what happened, what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The caller's input or the configuration is wrong.
    #[error("{0}")]
    InvalidInput(String),
    /// It does not know what was named.
    #[error("{0}")]
    NotFound(String),
    /// A capability was not granted.
    #[error("{0}")]
    Denied(String),
    /// Worth trying again later.
    #[error("{0}")]
    Unavailable(String),
    /// A defect.
    #[error("{0}")]
    Internal(String),
}
