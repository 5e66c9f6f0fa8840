//! Things to store, the same in every run.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use corral_domain::{
    CommandLine, Counts, Event, EventKind, Extras, FilterChoice, IdSource, Job, JobId, JobStatus, LineHead, Lines,
    ManualClock, Mode, NewVm, OutputStream, RandomBytes, SavedTemplate, Task, TaskKey, TaskStatus, TemplateUse,
    Timestamp, Vm, VmId,
};

use crate::{Commit, LogAppend, StateStore, Write, chunk};

/// Noon of a day in 2026, UTC.
pub const NOON: Timestamp = Timestamp::from_millis(1_792_756_800_000);
/// How long a day is.
pub const DAY_MILLIS: i64 = 86_400_000;

/// A repeatable source of numbers (`SplitMix64`). Good enough to choose windows, useless for secrets.
#[derive(Debug)]
pub struct Numbers(AtomicU64);

impl Numbers {
    /// The sequence of this seed.
    pub const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }

    /// The next number.
    pub fn next(&self) -> u64 {
        let state = self.0.fetch_add(0x9E37_79B9_7F4A_7C15, Ordering::Relaxed);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// The next number below `end`, which is not 0.
    pub fn below(&self, end: u64) -> u64 {
        self.next() % end
    }
}

impl RandomBytes for Numbers {
    fn fill(&self, buffer: &mut [u8]) {
        for part in buffer.chunks_mut(8) {
            let bytes = self.next().to_le_bytes();
            part.copy_from_slice(&bytes[..part.len()]);
        }
    }
}

/// The id of a job made at this time, the `n`th of its kind.
pub fn job_id(at: Timestamp, n: u64) -> JobId {
    IdSource { clock: &ManualClock::new(at), random: &Numbers::new(n) }.job()
}

/// The id of the `n`th VM.
pub fn vm_id(n: u64) -> VmId {
    IdSource { clock: &ManualClock::new(NOON), random: &Numbers::new(n ^ 0xAAAA) }.vm()
}

/// The `n`th VM.
pub fn vm(n: u64) -> Vm {
    let mut new = NewVm::ssh(format!("vm-{n}"), format!("127.1.0.{n}"), 22, "root");
    new.labels.insert("env".into(), if n.is_multiple_of(2) { "prod" } else { "test" }.into());
    Vm::new(vm_id(n), new, NOON)
}

/// A job on these VMs, and its tasks, all in one status.
pub fn job(id: JobId, vms: &[VmId], status: TaskStatus) -> (Job, Vec<Task>) {
    let counts = Counts::of(vms.iter().map(|_| status));
    let finished_at = status.is_final().then_some(NOON);
    let job = Job {
        id,
        status: counts.job_status(),
        mode: Mode::Direct,
        command: CommandLine::Argv(vec!["echo".into(), "it's \u{1F40E} \"here\"".into()]),
        template: None,
        targets: vms.to_vec(),
        counts,
        parallelism: 64,
        timeout_seconds: Some(60),
        strategy: corral_domain::Strategy::default(),
        run_as: None,
        filters: FilterChoice::default(),
        retry_of: None,
        command_hash: String::new(),
        cancel_requested_at: None,
        created_by: "token:test".into(),
        created_at: id.made_at(),
        started_at: None,
        finished_at,
        plugins: BTreeMap::from([("redact".into(), "0.1.0".into())]),
    };
    let task = |(position, vm): (usize, &VmId)| Task {
        key: TaskKey { job: id, vm: *vm },
        vm_name: format!("name of {vm}"),
        position: position as u32,
        status,
        rendered: None,
        has_stdin: false,
        exit_code: (status == TaskStatus::Succeeded).then_some(0),
        signal: None,
        lines: 7,
        bytes: 70,
        started_at: None,
        finished_at,
        message: String::new(),
        contact_lost_at: None,
        cancel_requested_at: None,
        receipt: None,
    };
    (job, vms.iter().enumerate().map(task).collect())
}

/// A job of a template.
pub fn job_of(id: JobId, vms: &[VmId], status: TaskStatus, template: Option<&str>) -> (Job, Vec<Task>) {
    let (mut job, tasks) = job(id, vms, status);
    job.template = template.map(|id| TemplateUse { id: id.into(), args: serde_json::json!({"package": "curl"}) });
    (job, tasks)
}

/// A saved template.
pub fn template(slug: &str) -> SavedTemplate {
    SavedTemplate {
        slug: slug.into(),
        title: "Restart".into(),
        description: "Restarts it.".into(),
        category: "services".into(),
        script: "systemctl restart nginx\n".into(),
        dangerous: true,
        vm: None,
        updated_at: NOON,
    }
}

/// An event that says little.
pub fn event(seq: u64) -> Event {
    let value = serde_json::json!({ "seq": seq });
    Event { seq, at: NOON, actor: "host".into(), kind: EventKind::SettingChanged { key: "sample".into(), value } }
}

/// Writes that put a job and its tasks.
pub fn put_job(job: Job, tasks: Vec<Task>) -> Vec<Write> {
    let tasks = tasks.into_iter().map(|task| Write::PutTask(Arc::new(task)));
    std::iter::once(Write::PutJob(Arc::new(job))).chain(tasks).collect()
}

/// Commits these writes without events.
pub async fn write(store: &dyn StateStore, writes: Vec<Write>) {
    store.commit(&Commit { writes, ..Commit::default() }).await.expect("the commit is accepted");
}

/// Jobs' statuses that tasks of one status give.
pub const STATUSES: [(TaskStatus, JobStatus); 5] = [
    (TaskStatus::Queued, JobStatus::Queued),
    (TaskStatus::Running, JobStatus::Running),
    (TaskStatus::Succeeded, JobStatus::Succeeded),
    (TaskStatus::Unreachable, JobStatus::Failed),
    (TaskStatus::Cancelled, JobStatus::Cancelled),
];

/// Lines numbered from `first`, of every kind: empty, long, not UTF-8, of both streams, annotated.
pub fn lines(first: u64, count: u64) -> Lines {
    let mut lines = Lines::default();
    for n in first..first + count {
        let stream = if n.is_multiple_of(3) { OutputStream::Stderr } else { OutputStream::Stdout };
        let head = LineHead { at: Timestamp::from_millis(NOON.as_millis() + n as i64), stream, partial: n % 13 == 5 };
        let mut extras = Extras::default();
        if n % 17 == 1 {
            extras.annotations.insert("level".into(), format!("error {n}"));
            extras.changed_by.push("redact".into());
        }
        let text = match n % 5 {
            0 => Vec::new(),
            1 => vec![b'x'; 300],
            2 => vec![0xff, 0x00, 0xc3, n as u8],
            _ => format!("line {n}").into_bytes(),
        };
        lines.push_with(head, &text, extras);
    }
    lines
}

/// A chunk to be added after `(lines, bytes)` of a log.
pub fn chunk_of(key: TaskKey, end: (u64, u64), lines: &Lines) -> LogAppend {
    LogAppend {
        key,
        first_line: end.0,
        n_lines: lines.len() as u32,
        first_byte: end.1,
        raw_len: lines.raw_len() as u32,
        data: chunk::encode(lines),
        position: None,
        complete: false,
    }
}
