//! Between the domain's words and the contract's.

use corral_domain::{OutputStream, Vm, VmStatus};
use corral_engine::ports::StreamInfo;

use crate::bindings::corral::types::types as wit;
use crate::bindings::exports::corral::log_filter::filter;
use crate::services::Machine;

/// A machine as plugins see it, without what was last seen of it: who renders or filters is not told.
pub fn vm(vm: &Vm) -> wit::Vm {
    wit::Vm {
        id: vm.id.to_string(),
        name: vm.name.clone(),
        address: vm.address.clone(),
        port: vm.port,
        user: vm.user.clone(),
        labels: vm.labels.iter().map(|(key, value)| wit::Label { key: key.clone(), value: value.clone() }).collect(),
        status: wit::VmStatus::Unknown,
    }
}

/// A machine with what was last seen of it.
pub fn machine(machine: &Machine) -> wit::Vm {
    let status = match machine.status {
        VmStatus::Unknown => wit::VmStatus::Unknown,
        VmStatus::Online => wit::VmStatus::Online,
        VmStatus::Offline => wit::VmStatus::Offline,
    };
    wit::Vm { status, ..vm(&machine.vm) }
}

/// A stream as filters are told of it.
pub fn stream(info: &StreamInfo) -> filter::StreamInfo {
    filter::StreamInfo {
        job: info.job.to_string(),
        template: info.template.clone(),
        vm: vm(&info.vm),
        source: match info.stream {
            OutputStream::Stdout => wit::OutputStream::Stdout,
            OutputStream::Stderr => wit::OutputStream::Stderr,
        },
    }
}

/// A stream that no job has, for the first call of a filter.
pub fn sample_stream() -> filter::StreamInfo {
    filter::StreamInfo {
        job: "00000000-0000-7000-8000-000000000000".into(),
        template: None,
        vm: wit::Vm {
            id: "00000000-0000-7000-8000-000000000000".into(),
            name: "check".into(),
            address: "127.0.0.1".into(),
            port: 22,
            user: "check".into(),
            labels: Vec::new(),
            status: wit::VmStatus::Unknown,
        },
        source: wit::OutputStream::Stdout,
    }
}
