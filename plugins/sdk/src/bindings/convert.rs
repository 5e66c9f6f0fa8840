//! Between the wire's types and this crate's.

use super::host::corral::types::types as wire;
use crate::{Error, Label, OutputStream, Vm, VmStatus};

impl From<wire::Error> for Error {
    fn from(error: wire::Error) -> Self {
        match error {
            wire::Error::InvalidInput(text) => Self::InvalidInput(text),
            wire::Error::NotFound(text) => Self::NotFound(text),
            wire::Error::Denied(text) => Self::Denied(text),
            wire::Error::Unavailable(text) => Self::Unavailable(text),
            wire::Error::Internal(text) => Self::Internal(text),
        }
    }
}

impl From<Error> for wire::Error {
    fn from(error: Error) -> Self {
        match error {
            Error::InvalidInput(text) => Self::InvalidInput(text),
            Error::NotFound(text) => Self::NotFound(text),
            Error::Denied(text) => Self::Denied(text),
            Error::Unavailable(text) => Self::Unavailable(text),
            Error::Internal(text) => Self::Internal(text),
        }
    }
}

impl From<wire::Label> for Label {
    fn from(label: wire::Label) -> Self {
        Self { key: label.key, value: label.value }
    }
}

impl From<Label> for wire::Label {
    fn from(label: Label) -> Self {
        Self { key: label.key, value: label.value }
    }
}

impl From<wire::Vm> for Vm {
    fn from(vm: wire::Vm) -> Self {
        Self {
            id: vm.id,
            name: vm.name,
            address: vm.address,
            port: vm.port,
            user: vm.user,
            labels: vm.labels.into_iter().map(Into::into).collect(),
            status: match vm.status {
                wire::VmStatus::Unknown => VmStatus::Unknown,
                wire::VmStatus::Online => VmStatus::Online,
                wire::VmStatus::Offline => VmStatus::Offline,
            },
        }
    }
}

impl From<wire::OutputStream> for OutputStream {
    fn from(stream: wire::OutputStream) -> Self {
        match stream {
            wire::OutputStream::Stdout => Self::Stdout,
            wire::OutputStream::Stderr => Self::Stderr,
        }
    }
}
