//! Control messages.

use std::collections::BTreeMap;

use corral_domain::{JobId, VmId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::api::types::{Event, Job, Plugin, Task, Template, TemplateProblems, Vm};

/// From the client.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
#[serde(tag = "t", rename_all = "snake_case", deny_unknown_fields)]
pub enum ClientMessage {
    Subscribe {
        ch: u32,
        /// `state` or `log`.
        topic: String,
        epoch: Option<String>,
        seq: Option<u64>,
        #[schema(value_type = Option<String>)]
        job: Option<JobId>,
        #[schema(value_type = Option<String>)]
        vm: Option<VmId>,
        from: Option<i64>,
        /// Of a log: frames of kind 2 may come.
        chunks: Option<bool>,
    },
    Credit {
        ch: u32,
        lines: u64,
    },
    Unsubscribe {
        ch: u32,
    },
    Ping {
        id: Option<u64>,
    },
}

/// From the host.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(tag = "t", rename_all = "snake_case")]
pub enum ServerMessage {
    Snapshot {
        ch: u32,
        epoch: String,
        seq: u64,
        state: Box<StateSnapshot>,
    },
    Events {
        ch: u32,
        epoch: String,
        events: Vec<Event>,
    },
    Bookmark {
        ch: u32,
        epoch: String,
        seq: u64,
    },
    Lag {
        ch: u32,
        skipped: u64,
    },
    Damaged {
        ch: u32,
        first: u64,
        count: u64,
    },
    End {
        ch: u32,
        total: u64,
    },
    Unsubscribed {
        ch: u32,
    },
    Pong {
        id: Option<u64>,
    },
    Error {
        #[serde(skip_serializing_if = "Option::is_none")]
        ch: Option<u32>,
        code: String,
        message: String,
    },
}

/// Everything that a dashboard shows, at one place in the order of events.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct StateSnapshot {
    /// The stream that `seq` counts in.
    pub epoch: String,
    /// The last event that is part of it.
    pub seq: u64,
    /// The inventory.
    pub vms: Vec<Vm>,
    /// Recent jobs, newest first, and all that have not ended; without tasks.
    pub jobs: Vec<Job>,
    /// Tasks of jobs that have not ended.
    pub tasks: Vec<Task>,
    /// Templates of every origin.
    pub templates: Vec<Template>,
    /// Sources of templates that cannot be read.
    pub template_problems: Vec<TemplateProblems>,
    /// Plugins.
    pub plugins: Vec<Plugin>,
    /// Settings that differ from their defaults.
    pub settings: BTreeMap<String, serde_json::Value>,
    /// Discovery plugins by id.
    pub sources: Vec<String>,
}

/// Reads a control message. The error says what is wrong.
pub fn parse(text: &str) -> Result<ClientMessage, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_read_as_the_protocol_writes_them() {
        let message = parse(r#"{"t":"subscribe","ch":1,"topic":"state","epoch":"e","seq":7}"#).unwrap();
        assert!(matches!(message, ClientMessage::Subscribe { ch: 1, seq: Some(7), job: None, .. }));
        assert_eq!(parse(r#"{"t":"credit","ch":2,"lines":10}"#).unwrap(), ClientMessage::Credit { ch: 2, lines: 10 });
        assert_eq!(parse(r#"{"t":"ping"}"#).unwrap(), ClientMessage::Ping { id: None });
    }

    #[test]
    fn what_is_no_message_says_why() {
        assert!(parse(r#"{"t":"dance"}"#).unwrap_err().contains("dance"));
        assert!(parse(r#"{"t":"credit","ch":2,"lines":10,"lnies":1}"#).unwrap_err().contains("lnies"));
        assert!(parse(r#"{"t":"credit","ch":-1,"lines":10}"#).is_err());
        assert!(parse("[").is_err());
    }

    #[test]
    fn an_error_without_a_channel_has_no_channel() {
        let error = ServerMessage::Error { ch: None, code: "malformed".into(), message: "x".into() };
        assert_eq!(serde_json::to_string(&error).unwrap(), r#"{"t":"error","code":"malformed","message":"x"}"#);
    }
}
