//! Every capability: refused without its grant, served with it, and only as far as the grant goes.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use corral_domain::{
    CommandLine, Counts, Job, JobId, JobStatus, Lines, Mode, NewVm, PluginPolicy, PluginState, TemplateUse, Timestamp,
    Vm, VmId, VmStatus,
};
use corral_engine::ports::{Plugins as _, SecretText};
use corral_plugin_host::{Machine, ServiceError, Services, Window};

use super::bench::{Bench, Running, guest, lines, manifest, texts};

const ALL: [&str; 6] = ["kv", "vms", "jobs", "jobs.submit", "logs", "secrets"];

/// VMs `vm-0` to `vm-1199`, of which every second is `env=dev`; two jobs; a log; one secret.
#[derive(Default)]
struct FakeServices {
    submitted: Mutex<Vec<(String, String, String, usize)>>,
    secrets_read: Mutex<Vec<(String, String)>>,
}

fn vm_id(number: u32) -> VmId {
    format!("01890000-0000-7000-8000-{number:012x}").parse().unwrap()
}

fn job_id(number: u32) -> JobId {
    format!("01890000-0000-7000-9000-{number:012x}").parse().unwrap()
}

fn machine(number: u32) -> Option<Machine> {
    let env = if number.is_multiple_of(2) { "dev" } else { "prod" };
    let labels = BTreeMap::from([("env".to_owned(), env.to_owned())]).into_iter().collect();
    let new = NewVm { labels, ..NewVm::ssh(format!("vm-{number}"), "127.0.0.1", 22, "root") };
    let vm = Arc::new(Vm::new(vm_id(number), new, Timestamp::from_millis(0)));
    (number < 1_200).then_some(Machine { vm, status: VmStatus::Online })
}

fn number(id: VmId) -> u32 {
    u32::from_str_radix(id.to_string().rsplit('-').next().unwrap(), 16).unwrap()
}

fn job(at: u32, targets: &[u32]) -> Job {
    Job {
        id: job_id(at),
        status: JobStatus::Succeeded,
        mode: Mode::Direct,
        command: CommandLine::Argv(vec!["true".into()]),
        template: Some(TemplateUse { id: "ops/df".into(), args: serde_json::json!({}) }),
        targets: targets.iter().map(|vm| vm_id(*vm)).collect(),
        counts: Counts::default(),
        parallelism: 1,
        timeout_seconds: None,
        strategy: corral_domain::Strategy::default(),
        run_as: None,
        filters: corral_domain::FilterChoice::default(),
        retry_of: None,
        command_hash: String::new(),
        cancel_requested_at: None,
        created_by: "user:admin".into(),
        created_at: Timestamp::from_millis(1_000),
        started_at: None,
        finished_at: None,
        plugins: BTreeMap::new(),
    }
}

#[async_trait]
impl Services for FakeServices {
    fn machine(&self, id: VmId) -> Option<Machine> {
        machine(number(id))
    }

    fn machines(&self, after: Option<VmId>, take: &mut dyn FnMut(Machine) -> bool) {
        let first = after.map_or(0, |id| number(id) + 1);
        let _enough = (first..1_200).filter_map(machine).all(take);
    }

    async fn job(&self, id: JobId) -> Result<Option<Job>, ServiceError> {
        Ok(self.recent_jobs(9).await?.into_iter().find(|job| job.id == id))
    }

    async fn recent_jobs(&self, limit: u32) -> Result<Vec<Job>, ServiceError> {
        Ok([job(2, &[0, 1]), job(1, &[0, 2])].into_iter().take(limit as usize).collect())
    }

    async fn submit(
        &self,
        plugin: &str,
        template: &str,
        args: serde_json::Value,
        targets: Vec<VmId>,
    ) -> Result<JobId, ServiceError> {
        let submitted = (plugin.to_owned(), template.to_owned(), args.to_string(), targets.len());
        self.submitted.lock().unwrap().push(submitted);
        Ok(job_id(9))
    }

    async fn cancel(&self, plugin: &str, id: JobId) -> Result<(), ServiceError> {
        let own = id == job_id(9) && plugin == "p";
        if own { Ok(()) } else { Err(ServiceError::Denied(format!("job {id} was started by somebody else"))) }
    }

    async fn read_log(&self, _: JobId, _: VmId, first: u64, count: u32) -> Result<Window, ServiceError> {
        let lines: Lines = lines((first..10).take(count as usize).map(|number| format!("line {number}")));
        Ok(Window { first, lines })
    }

    async fn secret(&self, plugin: &str, name: &str) -> Result<Option<SecretText>, ServiceError> {
        self.secrets_read.lock().unwrap().push((plugin.to_owned(), name.to_owned()));
        Ok((name == "token").then(|| SecretText::new("hunter2".into())))
    }
}

struct Asked {
    running: Running,
    services: Arc<FakeServices>,
}

/// A filter `p` that wants everything and has what is granted.
async fn with_grants(grants: &[&str]) -> Asked {
    let wants =
        ALL.map(|name| format!("[[wants]]\ncapability = \"{name}\"\nreason = \"r\"\noptional = true\n")).concat();
    let mut bench = Bench::new();
    bench.put("p", &manifest("p", "log-filter", &wants), &guest(false));
    bench.grant("p", grants);
    let mut running = bench.start().await;
    let services = Arc::new(FakeServices::default());
    running.host.join(services.clone());
    running.until_state("p", PluginState::Active).await;
    Asked { running, services }
}

impl Asked {
    /// What the guest was answered.
    async fn answer(&self, word: &str) -> String {
        let mut chain = self.running.chain().await;
        texts(&chain.process(lines([word])).await.unwrap()).concat()
    }
}

fn calls() -> Vec<(&'static str, String, String)> {
    let (vm0, job1) = (vm_id(0), job_id(1));
    vec![
        ("kv", "!kv".into(), "Ok(Some".into()),
        ("vms", format!("!vm {vm0}"), "Ok((\"vm-0\", VmStatus::Online))".into()),
        ("vms", "!vms-all env=prod".into(), "600 on 2 pages".into()),
        ("jobs", format!("!job {job1}"), "Ok((Some(\"ops/df\"), JobStatus::Succeeded, 2))".into()),
        ("jobs", "!jobs 1".into(), format!("Ok([\"{}\"])", job_id(2))),
        ("jobs.submit", format!("!submit ops/df {{}} {vm0}"), format!("Ok(\"{}\")", job_id(9))),
        ("jobs.submit", format!("!cancel {}", job_id(9)), "Ok(())".into()),
        ("logs", format!("!log {job1} {vm0} 3 2"), "Ok([(3, \"line 3\"), (4, \"line 4\")])".into()),
        ("secrets:token", "!secret-of token".into(), "Ok(\"hunter2\")".into()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_served_without_its_grant_and_the_answer_names_it() {
    let asked = with_grants(&[]).await;
    for (grant, word, _) in calls() {
        let answer = asked.answer(&word).await;
        assert!(answer.contains("Error::Denied"), "{word}: {answer}");
        assert!(answer.contains(&format!("corral plugin grant p {grant}")), "{word}: {answer}");
    }
    let log = asked.running.host.log("p").unwrap();
    assert!(log.iter().any(|entry| entry.text.starts_with("denied: `vms` was not granted")), "{log:?}");
    assert!(asked.services.submitted.lock().unwrap().is_empty());
    assert!(asked.services.secrets_read.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_grant_serves_its_calls_and_no_others() {
    for granted in ["kv", "vms", "jobs", "jobs.submit", "logs", "secrets:token"] {
        let asked = with_grants(&[granted]).await;
        for (grant, word, expected) in calls() {
            let answer = asked.answer(&word).await;
            if grant == granted {
                assert!(answer.contains(&expected), "{granted}, {word}: {answer}");
            } else {
                assert!(answer.contains("Error::Denied"), "{granted}, {word}: {answer}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_selector_bounds_a_grant() {
    let dev = |right: &str| format!("{right}:env=dev");
    let grants = [dev("vms"), dev("jobs"), dev("jobs.submit"), dev("logs")];
    let asked = with_grants(&grants.each_ref().map(String::as_str)).await;
    let (dev, prod, gone) = (vm_id(0), vm_id(1), vm_id(5_000));
    let expect = async |word: String, expected: &str| {
        let answer = asked.answer(&word).await;
        assert!(answer.contains(expected), "{word}: {answer}");
    };
    expect(format!("!vm {dev}"), "Ok((\"vm-0\"").await;
    expect(format!("!vm {prod}"), "Error::NotFound").await;
    expect("!vms-all env=prod".into(), "0 on 1 pages").await;
    expect("!vms-all all".into(), "600 on 2 pages").await;
    // Job 2 ran on a machine that is not admitted.
    expect(format!("!job {}", job_id(2)), "Error::NotFound").await;
    expect("!jobs 9".into(), &format!("Ok([\"{}\"])", job_id(1))).await;
    expect(format!("!submit ops/df {{}} {dev} {prod}"), "corral plugin grant p 'jobs.submit:name=vm-1'").await;
    expect(format!("!log {} {prod} 0 1", job_id(2)), "corral plugin grant p 'logs:name=vm-1'").await;
    expect(format!("!log {} {gone} 0 1", job_id(2)), "Error::NotFound").await;
    assert!(asked.services.submitted.lock().unwrap().is_empty());
    expect(format!("!submit ops/df {{\"a\":1}} {dev}"), "Ok(").await;
    let submitted = [("p".to_owned(), "ops/df".to_owned(), "{\"a\":1}".to_owned(), 1)];
    assert_eq!(*asked.services.submitted.lock().unwrap(), submitted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_given_by_its_name_only() {
    let asked = with_grants(&["secrets:token", "secrets:gone"]).await;
    assert!(asked.answer("!secret-of token").await.contains("hunter2"));
    assert!(asked.answer("!secret-of gone").await.contains("corral secret set gone"));
    assert!(asked.answer("!secret-of other").await.contains("corral plugin grant p secrets:other"));
    assert!(asked.answer("!secret-of ../token").await.contains("Error::InvalidInput"));
    let read = asked.services.secrets_read.lock().unwrap().clone();
    assert_eq!(read, [("p".to_owned(), "token".to_owned()), ("p".to_owned(), "gone".to_owned())]);
    let log = format!("{:?}", asked.running.host.log("p").unwrap());
    assert!(!log.contains("hunter2"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_says_so() {
    let asked = with_grants(&ALL[..5]).await;
    for (word, why) in [
        ("!vm x", "`x` is no id of a VM"),
        ("!vms =", "selector, part"),
        ("!job x", "`x` is no id of a job"),
        ("!submit t {", "`args`"),
        ("!submit t {} x", "`x` is no id of a VM"),
    ] {
        let answer = asked.answer(word).await;
        assert!(answer.contains("Error::InvalidInput") && answer.contains(why), "{word}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_decided_while_the_host_runs_holds_at_once() {
    let mut asked = with_grants(&[]).await;
    let policy = |enabled, grants: &[&str]| PluginPolicy {
        enabled,
        grants: grants.iter().map(|grant| grant.parse().unwrap()).collect(),
    };
    let host = asked.running.host.clone();
    // A stream that was opened before the grant, stays on its version, and has the grant nevertheless.
    let mut open = asked.running.chain().await;
    assert!(texts(&open.process(lines(["!kv"])).await.unwrap()).concat().contains("Denied"));
    let info = host.set_policy("p", policy(true, &["kv"])).await.unwrap();
    assert_eq!(info.state, PluginState::Active);
    let kv = info.wants.iter().find(|want| want.capability == "kv").unwrap();
    assert!(kv.granted && kv.optional);
    assert_eq!(info.grants.iter().map(|given| given.grant.as_str()).collect::<Vec<_>>(), ["kv"]);
    assert!(texts(&open.process(lines(["!kv"])).await.unwrap()).concat().contains("Ok("));
    host.set_policy("p", policy(true, &[])).await.unwrap();
    assert!(texts(&open.process(lines(["!kv"])).await.unwrap()).concat().contains("Denied"));

    let info = host.set_policy("p", policy(false, &[])).await.unwrap();
    assert_eq!(info.state, PluginState::Disabled);
    assert!(info.reason.contains("corral plugin enable p"), "{}", info.reason);
    assert!(asked.running.chain().await.plugins().is_empty(), "lines go on without a filter that is switched off");
    host.set_policy("p", policy(true, &[])).await.unwrap();
    asked.running.until_state("p", PluginState::Active).await;
    assert_eq!(asked.running.chain().await.plugins().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plugin_that_cannot_do_without_serves_once_it_is_granted_and_no_longer_than_that() {
    let bench = Bench::new();
    let want = "[[wants]]\ncapability = \"kv\"\nreason = \"to remember\"\n";
    bench.put("p", &manifest("p", "log-filter", want), &guest(false));
    let mut running = bench.start().await;
    running.until_state("p", PluginState::Blocked).await;
    let policy = |grants: &[&str]| PluginPolicy {
        grants: grants.iter().map(|grant| grant.parse().unwrap()).collect(),
        ..PluginPolicy::default()
    };
    assert_eq!(running.host.set_policy("p", policy(&["kv"])).await.unwrap().state, PluginState::Active);
    let info = running.host.set_policy("p", policy(&[])).await.unwrap();
    assert_eq!(info.state, PluginState::Blocked);
    assert!(info.reason.contains("corral plugin grant p kv"), "{}", info.reason);
    let states: Vec<_> = running.host.history("p").unwrap().into_iter().map(|step| step.state).collect();
    let expected = [PluginState::Discovered, PluginState::Blocked, PluginState::Active, PluginState::Blocked];
    let told: Vec<_> = states.into_iter().filter(|state| *state != PluginState::Compiling).collect();
    assert_eq!(told, expected);
}
