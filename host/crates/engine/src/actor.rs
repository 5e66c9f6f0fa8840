//! Who asks for something, and what they may do.

use std::fmt;
use std::str::FromStr;

use crate::UseCaseError;

/// What somebody may do. Each role includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Role {
    /// Look at everything.
    Viewer,
    /// Run and cancel jobs, test connections, save templates.
    Operator,
    /// Change the inventory, host keys, plugins and settings.
    Admin,
}

/// The text names no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a role; roles are viewer, operator, admin")]
pub struct UnknownRole(pub String);

impl Role {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        [Self::Viewer, Self::Operator, Self::Admin]
            .into_iter()
            .find(|role| role.as_str() == text)
            .ok_or_else(|| UnknownRole(text.chars().take(40).collect()))
    }
}

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// `user:admin`, `token:ci`, `host`.
    pub name: String,
    /// What they may do.
    pub role: Role,
}

impl Actor {
    /// The host itself.
    pub fn host() -> Self {
        Self { name: "host".to_owned(), role: Role::Admin }
    }

    /// Refuses unless the actor has at least this role.
    pub fn require(&self, role: Role) -> Result<(), UseCaseError> {
        if self.role >= role { Ok(()) } else { Err(UseCaseError::Forbidden { needs: role }) }
    }
}
