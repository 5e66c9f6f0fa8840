//! The world of log filters. Handover is always exported: a filter without state to hand over refuses by default, which
//! leaves its sessions on the version that they run on.

use std::cell::RefCell;
use std::marker::PhantomData;

use self::exports::corral::log_filter::{filter as wire, handover};
use crate::bindings::host::corral::types::types;
use crate::{Batch, Edits, LogFilter};

generate_world!(
    "../../wit/log-filter/0.1.0",
    "corral:log-filter/log-filter-plugin-with-handover",
    "corral_plugin_sdk::bindings::log_filter",
    {}
);

/// Speaks to the host for a plugin.
pub struct Exported<T>(PhantomData<T>);

/// One stream. The component model hands out shared references; calls never overlap.
pub struct Session<T>(RefCell<T>);

impl<T: LogFilter> wire::Guest for Exported<T> {
    type Session = Session<T>;
}

impl<T: LogFilter> wire::GuestSession for Session<T> {
    fn open(info: wire::StreamInfo) -> Result<wire::Session, types::Error> {
        Ok(wire::Session::new(Self(RefCell::new(T::open(&info.into())?))))
    }

    fn process(&self, batch: wire::Batch) -> Result<Vec<wire::Edit>, types::Error> {
        let batch = Batch { first_line: batch.first_line, text: &batch.text, ends: &batch.ends };
        let mut edits = Edits::new();
        self.0.borrow_mut().process(&batch, &mut edits)?;
        Ok(edits.into_vec().into_iter().map(Into::into).collect())
    }

    fn finish(&self) -> Result<Vec<String>, types::Error> {
        Ok(self.0.borrow_mut().finish()?)
    }
}

impl From<wire::StreamInfo> for crate::StreamInfo {
    fn from(info: wire::StreamInfo) -> Self {
        Self { job: info.job, template: info.template, vm: info.vm.into(), source: info.source.into() }
    }
}

impl From<crate::Edit> for wire::Edit {
    fn from(edit: crate::Edit) -> Self {
        let wired = |labels: Vec<crate::Label>| labels.into_iter().map(Into::into).collect();
        let change = match edit.change {
            crate::Change::Drop => wire::Change::Drop,
            crate::Change::Replace(text) => wire::Change::Replace(text),
            crate::Change::Annotate(labels) => wire::Change::Annotate(wired(labels)),
            crate::Change::Rewrite(text, labels) => wire::Change::Rewrite((text, wired(labels))),
        };
        Self { index: edit.index, change }
    }
}

impl<T: LogFilter> handover::Guest for Exported<T> {
    fn save(session: wire::SessionBorrow<'_>) -> Vec<u8> {
        session.get::<Session<T>>().0.borrow().save()
    }

    fn load(info: wire::StreamInfo, state: Vec<u8>) -> Result<wire::Session, types::Error> {
        Ok(wire::Session::new(Session(RefCell::new(T::load(&info.into(), &state)?))))
    }
}
