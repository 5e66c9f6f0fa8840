//! What happens to a task.

use serde::{Deserialize, Serialize};

use crate::{Receipt, Task, TaskStatus, Timestamp};

/// What happened to a task. Fields that are none stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[expect(missing_docs, reason = "each is the field of Task of its name")]
pub struct TaskChange {
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub status: Option<TaskStatus>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub exit_code: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub signal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub lines: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub started_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub finished_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub message: Option<String>,
    /// `Some(None)`: there is a connection again.
    #[serde(skip_serializing_if = "Option::is_none", default, deserialize_with = "present")]
    pub contact_lost_at: Option<Option<Timestamp>>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub cancel_requested_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub receipt: Option<Receipt>,
}

/// A field that is there, though it may be null.
fn present<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

impl TaskChange {
    /// A change of status alone.
    pub fn to(status: TaskStatus) -> Self {
        Self { status: Some(status), ..Self::default() }
    }

    /// The same with a message.
    pub fn because(mut self, message: impl Into<String>) -> Self {
        self.message = Some(message.into());
        self
    }

    /// Writes the change into a task.
    pub fn apply(&self, task: &mut Task) {
        fn set<T: Clone>(slot: &mut T, value: Option<&T>) {
            if let Some(value) = value {
                *slot = value.clone();
            }
        }
        set(&mut task.status, self.status.as_ref());
        set(&mut task.lines, self.lines.as_ref());
        set(&mut task.bytes, self.bytes.as_ref());
        set(&mut task.message, self.message.as_ref());
        task.exit_code = self.exit_code.or(task.exit_code);
        task.signal = self.signal.clone().or_else(|| task.signal.take());
        task.started_at = self.started_at.or(task.started_at);
        task.finished_at = self.finished_at.or(task.finished_at);
        task.cancel_requested_at = self.cancel_requested_at.or(task.cancel_requested_at);
        task.receipt = self.receipt.clone().or_else(|| task.receipt.take());
        if let Some(lost) = self.contact_lost_at {
            task.contact_lost_at = lost;
        }
        if task.status.is_final() {
            task.contact_lost_at = None;
        }
    }
}
