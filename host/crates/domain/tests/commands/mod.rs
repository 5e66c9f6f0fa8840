//! Sequences of commands, sensible and otherwise, over few ids, so that they meet.

use std::collections::BTreeMap;

use corral_domain::{
    Command, CommandLine, Counts, Facts, FilterChoice, IdSource, Job, JobId, JobStatus, ManualClock, Mode, NewJob,
    NewVm, Origin, PluginInfo, PluginKind, PluginState, PluginTemplates, RandomBytes, RenderedCommand, SavedTemplate,
    TaskChange, TaskKey, TaskStatus, Template, TemplateUse, Timestamp, Transport, VmHealth, VmId, VmStatus,
};
use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

/// The time at which a history begins, in milliseconds.
pub const START: i64 = 1_792_756_800_000;
/// How many jobs there can be.
pub const JOBS: u8 = 3;
const VMS: u8 = 5;
const STEPS: usize = 120;

struct Same(u8);

impl RandomBytes for Same {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(self.0);
    }
}

/// The `n`th VM.
pub fn vm_id(n: u8) -> VmId {
    IdSource { clock: &ManualClock::new(Timestamp::from_millis(START)), random: &Same(n) }.vm()
}

/// The `n`th job.
pub fn job_id(n: u8) -> JobId {
    IdSource { clock: &ManualClock::new(Timestamp::from_millis(START)), random: &Same(n) }.job()
}

/// A history to be.
pub fn commands() -> impl Strategy<Value = Vec<Command>> {
    // VMs first: a fleet that is always empty refuses everything.
    let fleet = vec(new_vm(), VMS as usize).prop_map(|vms| {
        vms.into_iter()
            .enumerate()
            .map(|(n, new)| Command::AddVm {
                id: vm_id(n as u8),
                new: NewVm { name: format!("vm-{n}"), jump: vec![], ..new },
            })
            .collect::<Vec<_>>()
    });
    (fleet, vec(command(), STEPS / 2..STEPS)).prop_map(|(mut all, more)| {
        all.extend(more);
        all
    })
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        1 => (vm(), new_vm()).prop_map(|(id, new)| Command::AddVm { id, new }),
        4 => (vm(), new_vm(), option::weighted(0.2, 1..3_u64))
            .prop_map(|(id, new, if_version)| Command::ReplaceVm { id, new, if_version }),
        1 => vm().prop_map(|id| Command::RemoveVm { id }),
        1 => (vm(), vec(host_key(), 0..3), option::weighted(0.2, 1..3_u64))
            .prop_map(|(id, keys, if_version)| Command::PinHostKeys { id, keys, if_version }),
        1 => (vm(), option::of(1..64_u32)).prop_map(|(id, cpus)| Command::ReportFacts { id, facts: Facts { cpus, ..Facts::default() } }),
        1 => (vm(), vec(host_key(), 0..3), option::weighted(0.2, 1..3_u64))
            .prop_map(|(id, keys, if_version)| Command::RevokeHostKeys { id, keys, if_version }),
        2 => (vm(), health()).prop_map(|(id, health)| Command::ReportHealth { id, health }),
        2 => (saved_template(), any::<bool>())
            .prop_map(|(template, create)| Command::SaveTemplate { template, create }),
        1 => slug().prop_map(|slug| Command::RemoveTemplate { slug }),
        1 => (plugin_id(), offer()).prop_map(|(plugin, offer)| Command::OfferTemplates { plugin, offer }),
        6 => new_job().prop_map(|new| Command::CreateJob(Box::new(new))),
        2 => job().prop_map(|id| Command::CancelJob { id }),
        4 => (job(), vm()).prop_map(|(job, vm)| reopen(job, vm)),
        2 => (job(), vec(vm(), 0..3)).prop_map(|(id, vms)| Command::CancelTasks { id, vms }),
        1 => (job(), text()).prop_map(|(id, why)| Command::SkipQueued { id, why }),
        1 => (job(), vec((vm(), 0..9_u64, 0..9_u64), 0..3))
            .prop_map(|(id, received)| Command::CloseJob { id, by: "user:test".into(), received }),
        36 => (job(), vm(), change()).prop_map(|(job, vm, change)| Command::ChangeTask { key: TaskKey { job, vm }, change }),
        1 => plugin().prop_map(|plugin| Command::ReportPlugin { plugin }),
        1 => plugin_id().prop_map(|id| Command::RemovePlugin { id }),
        1 => (select(vec!["", "theme", "logs.days"]), setting())
            .prop_map(|(key, value)| Command::SetSetting { key: key.into(), value }),
    ]
}

fn vm() -> impl Strategy<Value = VmId> {
    (0..VMS).prop_map(vm_id)
}

fn job() -> impl Strategy<Value = JobId> {
    (0..JOBS).prop_map(job_id)
}

fn time() -> impl Strategy<Value = Timestamp> {
    (0..100_000_i64).prop_map(|millis| Timestamp::from_millis(START + millis))
}

fn text() -> impl Strategy<Value = String> {
    select(vec!["", "a", "-x", "two words", "it's", "line\nbreak", "nul\0", "\u{1F40E}", "a,b"]).prop_map(str::to_owned)
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![4 => (0..VMS + 2).prop_map(|n| format!("vm-{n}")), 1 => text()]
}

fn host_key() -> impl Strategy<Value = String> {
    select(vec!["ssh-ed25519 AAAA", "ssh-ed25519 BBBB", "ssh-rsa CCCC"]).prop_map(str::to_owned)
}

fn new_vm() -> impl Strategy<Value = NewVm> {
    let labels = btree_map(select(vec!["env", "role", "sp ace"]), text(), 0..2);
    let local = prop::bool::weighted(0.1);
    (name(), local, labels, vec(vm(), 0..3), vec(host_key(), 0..2), any::<bool>()).prop_map(
        |(name, local, labels, jump, host_keys, accept_new_host_key)| {
            let labels = labels.into_iter().filter(|(key, value)| !key.contains(' ') || value.is_empty());
            let transport = if local { Transport::Local } else { Transport::Ssh };
            NewVm {
                transport,
                labels: labels.map(|(key, value)| (key.to_owned(), value)).collect(),
                jump,
                host_keys,
                accept_new_host_key,
                ..NewVm::ssh(name, "127.1.0.1", 22, "root")
            }
        },
    )
}

fn health() -> impl Strategy<Value = VmHealth> {
    let status = select(vec![VmStatus::Unknown, VmStatus::Online, VmStatus::Offline]);
    (status, option::of(0..3_u32), text(), option::of(time()), option::of(host_key())).prop_map(
        |(status, latency_ms, message, checked_at, offered_host_key)| VmHealth {
            status,
            latency_ms,
            message,
            checked_at,
            offered_host_key,
        },
    )
}

fn slug() -> impl Strategy<Value = String> {
    select(vec!["restart", "disk", "Not A Slug", ""]).prop_map(str::to_owned)
}

fn saved_template() -> impl Strategy<Value = SavedTemplate> {
    (slug(), text(), text(), option::of(vm()), any::<bool>(), time()).prop_map(
        |(slug, title, script, vm, dangerous, updated_at)| SavedTemplate {
            slug,
            title,
            description: String::new(),
            category: "tests".into(),
            script,
            dangerous,
            vm,
            updated_at,
        },
    )
}

fn plugin_id() -> impl Strategy<Value = String> {
    select(vec!["templates", "redact"]).prop_map(str::to_owned)
}

fn offer() -> impl Strategy<Value = PluginTemplates> {
    let template = (plugin_id(), text(), setting()).prop_map(|(plugin, title, parameters)| Template {
        id: format!("{plugin}/{title}"),
        origin: Origin::Plugin(plugin),
        title,
        description: String::new(),
        category: "tests".into(),
        parameters,
        mode: Mode::Durable,
        dangerous: false,
        timeout_seconds: 0,
        applies_to: String::new(),
    });
    (vec(template, 0..3), vec(text(), 0..2)).prop_map(|(templates, problems)| PluginTemplates { templates, problems })
}

fn plugin() -> impl Strategy<Value = PluginInfo> {
    let state = select(vec![PluginState::Compiling, PluginState::Active, PluginState::Broken]);
    (plugin_id(), state, text(), 0..3_u64).prop_map(|(id, state, reason, generation)| PluginInfo {
        name: id.to_uppercase(),
        id,
        description: String::new(),
        version: "0.1.0".into(),
        api: "0.1".into(),
        provides: vec![PluginKind::LogFilter],
        state,
        reason,
        generation,
        digest: String::new(),
        origin: "bundled".into(),
        wants: vec![corral_domain::PluginWant {
            capability: "http".into(),
            reason: "to ask".into(),
            optional: false,
            granted: false,
        }],
        grants: Vec::new(),
    })
}

fn setting() -> impl Strategy<Value = serde_json::Value> {
    select(vec![
        serde_json::Value::Null,
        true.into(),
        u64::MAX.into(),
        i64::MIN.into(),
        "text \u{0}".into(),
        serde_json::json!({"type": "object", "nested": [1, null, {"type": "x"}]}),
    ])
}

fn line() -> impl Strategy<Value = CommandLine> {
    prop_oneof![
        vec(text(), 0..3).prop_map(CommandLine::Argv),
        select(vec!["true", "exit 3", "echo a\necho b", " "]).prop_map(|script| CommandLine::Script(script.into())),
    ]
}

fn rendered() -> impl Strategy<Value = RenderedCommand> {
    let env = vec((select(vec!["LANG", "1BAD", ""]), text()), 0..2);
    let env = env.prop_map(|env| env.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<Vec<_>>());
    let plain = line().prop_map(RenderedCommand::plain);
    let dressed = (line(), env, option::of(text()), option::of(vec(any::<u8>(), 0..4)))
        .prop_map(|(command, env, workdir, stdin)| RenderedCommand { command, env, workdir, stdin });
    prop_oneof![3 => plain, 1 => dressed]
}

/// Of a job in memory the state knows more than whoever asks; of any other there is nothing here.
fn reopen(id: JobId, vm: VmId) -> Command {
    let job = Job {
        id,
        status: JobStatus::Unknown,
        mode: Mode::Durable,
        command: CommandLine::Argv(vec!["true".into()]),
        template: None,
        targets: Vec::new(),
        counts: Counts::default(),
        parallelism: 1,
        timeout_seconds: None,
        strategy: corral_domain::Strategy::default(),
        run_as: None,
        filters: FilterChoice::default(),
        retry_of: None,
        command_hash: String::new(),
        cancel_requested_at: None,
        created_by: "user:test".into(),
        created_at: Timestamp::from_millis(START),
        started_at: None,
        finished_at: None,
        plugins: BTreeMap::new(),
    };
    Command::ReopenTasks { job: Box::new(job), tasks: Vec::new(), vms: vec![vm] }
}

fn new_job() -> impl Strategy<Value = NewJob> {
    // Mostly one sound command for all; that a template renders differently for each VM is the other case.
    let same = (vec(vm(), 1..5), select(vec!["true", "df -h"])).prop_map(|(mut vms, script)| {
        vms.sort();
        vms.dedup();
        let command = RenderedCommand::plain(CommandLine::Script(script.into()));
        vms.into_iter().map(|vm| (vm, command.clone())).collect::<Vec<_>>()
    });
    let commands = prop_oneof![4 => same, 1 => vec((vm(), rendered()), 0..4)];
    let mode = select(vec![Mode::Durable, Mode::Direct, Mode::Terminal]);
    let template = option::of(setting().prop_map(|args| TemplateUse { id: "templates/disk".into(), args }));
    (job(), mode, template, commands, 0..20_u32, option::of(0..20_u32)).prop_map(
        |(id, mode, template, commands, parallelism, timeout_seconds)| NewJob {
            id,
            mode,
            template,
            commands,
            parallelism,
            timeout_seconds,
            strategy: corral_domain::Strategy::default(),
            run_as: None,
            filters: FilterChoice::default(),
            retry_of: None,
            command_hash: String::new(),
            created_by: "user:test".into(),
            plugins: BTreeMap::from([("redact".into(), "0.1.0".into())]),
        },
    )
}

fn change() -> impl Strategy<Value = TaskChange> {
    let status = option::weighted(0.8, select(TaskStatus::ALL.to_vec()));
    let numbers = (option::of(0..9_u64), option::of(0..9_u64), option::of(-1..256_i32));
    (status, numbers, option::of(text()), option::of(text()), option::of(time())).prop_map(
        |(status, (lines, bytes, exit_code), signal, message, finished_at)| TaskChange {
            status,
            exit_code,
            signal,
            lines,
            bytes,
            started_at: None,
            // Who runs a task says when it ended, or leaves that to the state.
            finished_at: finished_at.filter(|_| status.is_some_and(TaskStatus::is_final)),
            message,
            contact_lost_at: None,
            cancel_requested_at: None,
            receipt: None,
        },
    )
}
