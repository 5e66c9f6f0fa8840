//! The rest of a host, made up: the machines, jobs, logs and secrets that an example gives. Jobs that a plugin starts are
//! written down and do not run.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use corral_domain::{
    CommandLine, Counts, FilterChoice, Job, JobId, JobStatus, LineHead, Lines, Mode, OutputStream, Strategy,
    TemplateUse, Timestamp, Vm, VmId, VmStatus,
};
use corral_engine::ports::SecretText;
use corral_plugin_host::{Machine, ServiceError, Services, Window};
use serde_json::Value;

use super::{Example, given};

/// What an example gives.
pub struct MadeUp {
    vms: Vec<Arc<Vm>>,
    jobs: Vec<(Job, BTreeMap<VmId, Vec<String>>)>,
    secrets: BTreeMap<String, String>,
    started: Mutex<Vec<String>>,
}

impl MadeUp {
    /// Of an example. A job that names a machine which is not among the example's is refused.
    pub fn of(example: &Example) -> Result<Self, String> {
        let vms: Vec<_> = example.vms.iter().enumerate().map(|(index, vm)| given::machine(index, vm)).collect();
        let named = |name: &String| {
            let found = vms.iter().find(|vm| vm.name == *name).map(|vm| vm.id);
            found.ok_or_else(|| format!("a job runs on `{name}`, which is not among `vms`"))
        };
        let mut jobs = Vec::new();
        for (index, one) in example.jobs.iter().enumerate() {
            let targets = one.vms.iter().map(named).collect::<Result<Vec<_>, _>>()?;
            let logs = one.log.iter().map(|(vm, lines)| Ok((named(vm)?, lines.clone())));
            let logs = logs.collect::<Result<BTreeMap<_, _>, String>>()?;
            jobs.push((job(index, one, targets)?, logs));
        }
        Ok(Self { vms, jobs, secrets: example.secrets.clone(), started: Mutex::default() })
    }

    /// Jobs that were started, a line each.
    pub fn started(&self) -> Vec<String> {
        self.started.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn machine_of(vm: &Arc<Vm>) -> Machine {
        Machine { vm: vm.clone(), status: VmStatus::Online }
    }
}

/// A started job in one line: `ops-pack/restart {"unit":"nginx"} web-1 web-2`.
pub fn started(template: &str, args: &Value, vms: &[String]) -> String {
    format!("{template} {args} {}", vms.join(" "))
}

fn job(index: usize, given: &super::Job, targets: Vec<VmId>) -> Result<Job, String> {
    let status: JobStatus = serde_json::from_value(Value::String(given.status.clone()))
        .map_err(|_| format!("`{}` is no status of a job", given.status))?;
    let template = given.template.clone().map(|id| TemplateUse { id, args: given.args.clone() });
    // Later in the list is older.
    let at = Timestamp::from_millis(i64::try_from(1_000 - index.min(1_000)).unwrap_or(0));
    Ok(Job {
        id: given::job(index),
        status,
        mode: Mode::Durable,
        command: CommandLine::Argv(vec!["true".into()]),
        template,
        targets,
        counts: Counts::default(),
        parallelism: 1,
        timeout_seconds: None,
        strategy: Strategy::default(),
        run_as: None,
        filters: FilterChoice::default(),
        retry_of: None,
        command_hash: String::new(),
        cancel_requested_at: None,
        created_by: "somebody".into(),
        created_at: at,
        started_at: Some(at),
        finished_at: status.is_final().then_some(at),
        plugins: BTreeMap::new(),
    })
}

#[async_trait]
impl Services for MadeUp {
    fn machine(&self, id: VmId) -> Option<Machine> {
        self.vms.iter().find(|vm| vm.id == id).map(Self::machine_of)
    }

    fn machines(&self, after: Option<VmId>, take: &mut dyn FnMut(Machine) -> bool) {
        for vm in self.vms.iter().filter(|vm| after.is_none_or(|after| vm.id > after)) {
            if !take(Self::machine_of(vm)) {
                return;
            }
        }
    }

    async fn job(&self, id: JobId) -> Result<Option<Job>, ServiceError> {
        Ok(self.jobs.iter().find(|(job, _)| job.id == id).map(|(job, _)| job.clone()))
    }

    async fn recent_jobs(&self, limit: u32) -> Result<Vec<Job>, ServiceError> {
        Ok(self.jobs.iter().take(limit as usize).map(|(job, _)| job.clone()).collect())
    }

    async fn submit(&self, _: &str, template: &str, args: Value, targets: Vec<VmId>) -> Result<JobId, ServiceError> {
        let name = |id: &VmId| self.machine(*id).map(|machine| machine.vm.name.clone()).unwrap_or_default();
        let names: Vec<_> = targets.iter().map(name).collect();
        let mut all = self.started.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(started(template, &args, &names));
        Ok(given::job(self.jobs.len() + all.len()))
    }

    async fn cancel(&self, _: &str, id: JobId) -> Result<(), ServiceError> {
        match self.job(id).await? {
            Some(_) => {
                Err(ServiceError::Denied(format!("job {id} was started by somebody else; a plugin cancels its own")))
            }
            None => Ok(()),
        }
    }

    async fn read_log(&self, job: JobId, vm: VmId, first: u64, count: u32) -> Result<Window, ServiceError> {
        let logs = self.jobs.iter().find(|(known, _)| known.id == job).map(|(_, logs)| logs);
        let log = logs.and_then(|logs| logs.get(&vm)).map(Vec::as_slice).unwrap_or_default();
        let head = LineHead { at: Timestamp::from_millis(0), stream: OutputStream::Stdout, partial: false };
        let mut lines = Lines::default();
        for text in log.iter().skip(usize::try_from(first).unwrap_or(usize::MAX)).take(count as usize) {
            lines.push(head, text.as_bytes());
        }
        Ok(Window { first, lines })
    }

    async fn secret(&self, _: &str, name: &str) -> Result<Option<SecretText>, ServiceError> {
        Ok(self.secrets.get(name).cloned().map(SecretText::new))
    }
}
