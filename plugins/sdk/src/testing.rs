//! For a plugin's own tests: a stream, a batch made of lines, a filter's answer applied to them, and a configuration.
//!
//! Configuration, durable state, secrets and answers to requests are kept per thread, so tests that run at once do not see each other's.

mod host;

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::http::{Request, Response};
use crate::{Batch, Change, Edits, Error, Label, LogFilter, OutputStream, Result, StreamInfo, Vm, VmStatus};

pub use self::host::{Submitted, set_jobs, set_log, set_vms, submitted};
pub(crate) use self::host::{job_of, log_of, recent_jobs, submit, vm_of, vms_of};

thread_local! {
    static CONFIG: RefCell<String> = const { RefCell::new(String::new()) };
    static KV: RefCell<BTreeMap<String, Vec<u8>>> = const { RefCell::new(BTreeMap::new()) };
    static SECRETS: RefCell<BTreeMap<String, String>> = const { RefCell::new(BTreeMap::new()) };
    static WEB: RefCell<Option<Web>> = const { RefCell::new(None) };
}

/// Whoever answers requests.
type Web = Box<dyn FnMut(&Request) -> Result<Response>>;

/// Sets who answers the requests of this thread. Without anybody they are denied.
pub fn set_web(answer: impl FnMut(&Request) -> Result<Response> + 'static) {
    WEB.with_borrow_mut(|web| *web = Some(Box::new(answer)));
}

/// Sets a secret of this thread. One that was not set is denied.
pub fn set_secret(name: &str, value: &str) {
    SECRETS.with_borrow_mut(|secrets| secrets.insert(name.to_owned(), value.to_owned()));
}

pub(crate) fn fetch(request: &Request) -> Result<Response> {
    let denied = || Error::Denied(format!("{} was not granted; `testing::set_web` answers in tests", request.url));
    WEB.with_borrow_mut(|web| web.as_mut().map_or_else(|| Err(denied()), |web| web(request)))
}

pub(crate) fn secret(name: &str) -> Result<String> {
    let denied = || Error::Denied(format!("`secrets:{name}` was not granted; `testing::set_secret` sets it in tests"));
    SECRETS.with_borrow(|secrets| secrets.get(name).cloned()).ok_or_else(denied)
}

/// Sets what [`config`](crate::config) reads in this thread.
pub fn set_config(json: &str) {
    CONFIG.with_borrow_mut(|config| json.clone_into(config));
}

pub(crate) fn config_text() -> String {
    CONFIG.with_borrow(Clone::clone)
}

pub(crate) fn with_kv<T>(f: impl FnOnce(&mut BTreeMap<String, Vec<u8>>) -> T) -> T {
    KV.with_borrow_mut(f)
}

/// A machine named `web-1` with the label `env=test`.
pub fn vm() -> Vm {
    Vm {
        id: "01890000-0000-7000-8000-000000000001".into(),
        name: "web-1".into(),
        address: "192.0.2.1".into(),
        port: 22,
        user: "ops".into(),
        labels: vec![Label::new("env", "test")],
        status: VmStatus::Online,
    }
}

/// The standard output of a job on [`vm`].
pub fn stream() -> StreamInfo {
    StreamInfo {
        job: "01890000-0000-7000-8000-000000000002".into(),
        template: None,
        vm: vm(),
        source: OutputStream::Stdout,
    }
}

/// Lines as they cross the boundary.
#[derive(Debug, Clone, Default)]
pub struct Packed {
    text: String,
    ends: Vec<u32>,
}

impl Packed {
    /// Packs lines.
    pub fn new<S: AsRef<str>>(lines: &[S]) -> Self {
        let mut packed = Self::default();
        for line in lines {
            packed.text.push_str(line.as_ref());
            packed.ends.push(packed.text.len() as u32);
        }
        packed
    }

    /// The batch of them.
    pub fn batch(&self, first_line: u64) -> Batch<'_> {
        Batch { first_line, text: &self.text, ends: &self.ends }
    }
}

/// A line after a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filtered {
    /// Its text.
    pub text: String,
    /// Facts kept beside it.
    pub annotations: Vec<Label>,
}

/// What a filter made of some lines.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The lines that are left.
    pub lines: Vec<Filtered>,
}

impl Outcome {
    /// Their texts.
    pub fn texts(&self) -> Vec<&str> {
        self.lines.iter().map(|line| line.text.as_str()).collect()
    }
}

/// Sends lines through a filter in one batch and applies its edits as the host would.
///
/// # Errors
///
/// What the filter answered.
pub fn run<F: LogFilter, S: AsRef<str>>(filter: &mut F, lines: &[S]) -> Result<Outcome> {
    let packed = Packed::new(lines);
    let mut edits = Edits::new();
    filter.process(&packed.batch(0), &mut edits)?;
    let mut edits = edits.into_vec().into_iter().peekable();
    let mut outcome = Outcome::default();
    for line in &packed.batch(0) {
        let (mut text, mut annotations) = (line.text.to_owned(), Vec::new());
        match edits.next_if(|edit| edit.index == line.index).map(|edit| edit.change) {
            Some(Change::Drop) => continue,
            Some(Change::Replace(new)) => text = new,
            Some(Change::Annotate(labels)) => annotations = labels,
            Some(Change::Rewrite(new, labels)) => (text, annotations) = (new, labels),
            None => {}
        }
        outcome.lines.push(Filtered { text, annotations });
    }
    Ok(outcome)
}
