//! What people and plugins can ask for. Each use case checks the role, asks for one change and leaves one audit row.

mod check;
mod discovery;
mod host_keys;
mod idempotency;
mod inventory;
mod jobs;
mod plugins;
mod secrets;
mod templates;

pub use discovery::{Difference, Discovered, Imported};
pub use host_keys::{HostKeyAction, host_key_fingerprint};
pub(crate) use idempotency::IdempotencyKeys;
pub(crate) use jobs::hex;
pub use jobs::{Group, GroupStream, Groups, JobRequest, Preview, PreviewItem, Targets, What, Which};

use crate::manager::AuditNote;

fn note(action: &'static str, object: impl ToString, detail: impl Into<String>) -> AuditNote {
    AuditNote { action, object: object.to_string(), detail: detail.into() }
}
