//! A host for tests: machines, jobs and output that a test sets, and jobs that a plugin started.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::jobs::Job;
use crate::logs::LogLine;
use crate::{Error, OutputStream, Result, Vm};

/// A job that a plugin started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submitted {
    /// The template.
    pub template: String,
    /// Its arguments.
    pub args: serde_json::Value,
    /// Ids of the machines.
    pub targets: Vec<String>,
}

/// Output by job and machine.
type Logs = BTreeMap<(String, String), Vec<String>>;

thread_local! {
    static VMS: RefCell<Vec<Vm>> = const { RefCell::new(Vec::new()) };
    static JOBS: RefCell<Vec<Job>> = const { RefCell::new(Vec::new()) };
    static LOGS: RefCell<Logs> = const { RefCell::new(BTreeMap::new()) };
    static SUBMITTED: RefCell<Vec<Submitted>> = const { RefCell::new(Vec::new()) };
}

/// Sets the inventory of this thread.
pub fn set_vms(vms: impl IntoIterator<Item = Vm>) {
    VMS.with_borrow_mut(|all| *all = vms.into_iter().collect());
}

/// Sets the jobs of this thread, the newest first.
pub fn set_jobs(jobs: impl IntoIterator<Item = Job>) {
    JOBS.with_borrow_mut(|all| *all = jobs.into_iter().collect());
}

/// Sets what a job wrote on a machine.
pub fn set_log<S: Into<String>>(job: &str, vm: &str, lines: impl IntoIterator<Item = S>) {
    let lines = lines.into_iter().map(Into::into).collect();
    LOGS.with_borrow_mut(|logs| logs.insert((job.to_owned(), vm.to_owned()), lines));
}

/// The jobs that were started in this thread.
pub fn submitted() -> Vec<Submitted> {
    SUBMITTED.with_borrow(Clone::clone)
}

pub(crate) fn vm_of(id: &str) -> Result<Vm> {
    let found = VMS.with_borrow(|all| all.iter().find(|vm| vm.id == id).cloned());
    found.ok_or_else(|| Error::NotFound(format!("there is no VM {id}")))
}

/// Of the grammar of selectors tests get what most need: `key=value` and `key`, all of which must hold.
pub(crate) fn vms_of(selector: &str, _cursor: Option<&str>) -> Result<(Vec<Vm>, Option<String>)> {
    let parts: Vec<_> = selector.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
    if let Some(part) = parts.iter().find(|part| part.contains(['!', '|', '*', '~'])) {
        let text = format!("`{part}`: tests know `key=value` and `key` only; `corral plugin test` knows all selectors");
        return Err(Error::InvalidInput(text));
    }
    let holds = |vm: &Vm, part: &str| match part.split_once('=') {
        Some((key, value)) => vm.label(key) == Some(value),
        None => vm.label(part).is_some(),
    };
    let fits = |vm: &&Vm| parts.iter().all(|part| holds(vm, part));
    Ok((VMS.with_borrow(|all| all.iter().filter(fits).cloned().collect()), None))
}

pub(crate) fn job_of(id: &str) -> Result<Job> {
    let found = JOBS.with_borrow(|all| all.iter().find(|job| job.id == id).cloned());
    found.ok_or_else(|| Error::NotFound(format!("there is no job {id}")))
}

pub(crate) fn recent_jobs(limit: u32) -> Vec<Job> {
    JOBS.with_borrow(|all| all.iter().take(limit as usize).cloned().collect())
}

pub(crate) fn submit(template: &str, args: &serde_json::Value, targets: &[String]) -> String {
    SUBMITTED.with_borrow_mut(|all| {
        all.push(Submitted { template: template.to_owned(), args: args.clone(), targets: targets.to_vec() });
        format!("01890000-0000-7000-8000-{:012}", all.len())
    })
}

pub(crate) fn log_of(job: &str, vm: &str, first: u64, count: u32) -> Vec<LogLine> {
    let key = (job.to_owned(), vm.to_owned());
    let line =
        |(number, text): (u64, &String)| LogLine { number, at: 0, source: OutputStream::Stdout, text: text.clone() };
    LOGS.with_borrow(|logs| {
        let lines = (0..).zip(logs.get(&key).into_iter().flatten());
        lines.filter(|(number, _)| *number >= first).take(count as usize).map(line).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jobs::{self, JobStatus};
    use crate::{logs, testing, vms};

    #[test]
    fn a_test_gives_machines_jobs_and_output_and_sees_what_was_started() {
        let other = Vm { id: "b".into(), name: "db-1".into(), ..Vm::default() };
        set_vms([testing::vm(), other]);
        assert_eq!(vms::all("").unwrap().len(), 2);
        assert_eq!(vms::all("env=test").unwrap()[0].name, "web-1");
        assert!(vms::all("!canary").is_err());
        assert!(matches!(vms::get("c"), Err(Error::NotFound(_))));

        let job = Job {
            id: "j".into(),
            template: None,
            status: JobStatus::Failed,
            targets: vec!["b".into()],
            created_at: 1,
            finished_at: Some(2),
        };
        set_jobs([job.clone()]);
        assert_eq!(jobs::recent(5).unwrap(), [job]);
        set_log("j", "b", ["one", "two", "three"]);
        let texts: Vec<_> =
            logs::read("j", "b", 1, 5).unwrap().into_iter().map(|line| (line.number, line.text)).collect();
        assert_eq!(texts, [(1, "two".to_owned()), (2, "three".to_owned())]);
        assert!(logs::read("j", "b", 3, 5).unwrap().is_empty());

        jobs::submit("ops/restart", &serde_json::json!({"unit": "nginx"}), &["b".into()]).unwrap();
        assert_eq!(submitted()[0].template, "ops/restart");
    }
}
