//! `corral vm`: the machines.

mod edit;
mod test;

use anyhow::Result;
use serde_json::{Value, json};

use super::connect::Connect;
use super::exit::Exit;
use super::facts::{self, line};
use super::output::{self, Paint, Table, field, safe};
use super::resolve;

pub use edit::pair;

/// The machines.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List VMs.
    Ls(Ls),
    /// Add a VM.
    Add(Box<edit::Add>),
    /// Change some of a VM; what is not named stays.
    Set(Box<edit::Set>),
    /// Remove VMs from the inventory; their jobs stay.
    Rm(Rm),
    /// Test the way to VMs, step by step.
    Test(test::Args),
    /// Show all of a VM.
    Show(One),
    /// Ask a VM now what it is: system, processors, memory, disk, load.
    Facts(One),
    /// Accept, replace or revoke the key by which a VM proves who it is.
    HostKey(HostKey),
}

/// List VMs.
#[derive(Debug, clap::Args)]
pub struct Ls {
    /// Only those that the selector admits: `env=prod,role!=db`.
    #[arg(short = 'l', long, value_name = "SELECTOR")]
    select: Option<String>,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: Connect,
}

/// Remove VMs.
#[derive(Debug, clap::Args)]
pub struct Rm {
    /// Names or ids.
    #[arg(required = true)]
    vms: Vec<String>,
    #[command(flatten)]
    connect: Connect,
}

/// One VM.
#[derive(Debug, clap::Args)]
pub struct One {
    /// Name or id.
    vm: String,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: Connect,
}

/// Decide on a host key.
#[derive(Debug, clap::Args)]
pub struct HostKey {
    /// Name or id.
    vm: String,
    /// accept: beside those pinned. replace: instead of them. revoke: never again.
    #[arg(value_parser = ["accept", "replace", "revoke"])]
    action: String,
    /// Which; without it the offered one, for revoke those that are pinned.
    #[arg(long)]
    key: Option<String>,
    /// Print the VM as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: Connect,
}

/// Does what was asked.
pub async fn run(command: Command) -> Result<Exit> {
    match command {
        Command::Ls(args) => ls(args).await,
        Command::Add(args) => edit::add(*args).await,
        Command::Set(args) => edit::set(*args).await,
        Command::Rm(args) => rm(args).await,
        Command::Test(args) => test::run(args).await,
        Command::Show(args) => show(args).await,
        Command::Facts(args) => ask(args).await,
        Command::HostKey(args) => host_key(args).await,
    }
}

async fn ls(args: Ls) -> Result<Exit> {
    let query: Vec<_> = args.select.into_iter().map(|selector| ("selector", selector)).collect();
    let vms = args.connect.client()?.list(&["api", "vms"], &query, None).await?;
    if args.json {
        output::json(&Value::Array(vms))?;
        return Ok(Exit::Ok);
    }
    let mut table = Table::new(&["NAME", "STATUS", "LATENCY", "ADDRESS", "LABELS"]);
    for vm in &vms {
        let latency = vm.get("latency_ms").and_then(Value::as_u64).map(|ms| format!("{ms} ms")).unwrap_or_default();
        table.row([field(vm, "name"), field(vm, "status"), latency, address(vm), labels(vm)]);
    }
    table.print("no VMs; `corral vm add NAME user@host` adds one");
    Ok(Exit::Ok)
}

fn address(vm: &Value) -> String {
    if field(vm, "transport") == "local" {
        return "this machine".to_owned();
    }
    let user =
        Some(field(vm, "user")).filter(|user| !user.is_empty()).map(|user| format!("{user}@")).unwrap_or_default();
    let (host, port) = (field(vm, "address"), field(vm, "port"));
    let host = if host.contains(':') { format!("[{host}]") } else { host };
    if port == "22" { format!("{user}{host}") } else { format!("{user}{host}:{port}") }
}

fn labels(vm: &Value) -> String {
    let labels = vm.get("labels").and_then(Value::as_object);
    let pair = |(key, value): (&String, &Value)| format!("{key}={}", value.as_str().unwrap_or_default());
    labels.into_iter().flatten().map(pair).collect::<Vec<_>>().join(",")
}

async fn rm(args: Rm) -> Result<Exit> {
    let client = args.connect.client()?;
    // All are looked up first: a slip in the last name must not leave half of them removed.
    let ids = resolve::vm_ids(&client, &args.vms).await?;
    for id in &ids {
        client.delete(&["api", "vms", id]).await?;
    }
    say!("removed {} VM{}", ids.len(), if ids.len() == 1 { "" } else { "s" });
    Ok(Exit::Ok)
}

async fn show(args: One) -> Result<Exit> {
    let client = args.connect.client()?;
    let vm = resolve::vm(&client, &args.vm).await?;
    if args.json {
        output::json(&vm)?;
        return Ok(Exit::Ok);
    }
    print_vm(&vm);
    Ok(Exit::Ok)
}

fn print_vm(vm: &Value) {
    line("name", &safe(&field(vm, "name")));
    line("id", &field(vm, "id"));
    line("address", &safe(&address(vm)));
    line("status", &Paint::stdout().status(&field(vm, "status")));
    line("message", &safe(&field(vm, "message")));
    line("labels", &safe(&labels(vm)));
    let auth = vm.get("auth").cloned().unwrap_or_default();
    let identity = field(&auth, "identity_file");
    line("auth", &safe(format!("{} {identity}", field(&auth, "kind")).trim_end()));
    line("secret", &safe(&field(&auth, "secret")));
    for (key, value) in vm.get("options").and_then(Value::as_object).into_iter().flatten() {
        line("option", &safe(&format!("{key}={}", edit::shown_option(value))));
    }
    for key in vm.get("host_keys").and_then(Value::as_array).into_iter().flatten() {
        line("host key", &safe(&format!("{} since {}", field(key, "fingerprint"), output::time(key, "pinned_at"))));
    }
    for key in vm.get("revoked_host_keys").and_then(Value::as_array).into_iter().flatten() {
        line("revoked key", &safe(&format!("{} since {}", field(key, "fingerprint"), output::time(key, "revoked_at"))));
    }
    facts::print(vm.get("facts").unwrap_or(&Value::Null));
    line("offered key", &safe(&field(vm, "offered_host_key")));
    line("changed", &output::time(vm, "updated_at"));
}

async fn ask(args: One) -> Result<Exit> {
    let client = args.connect.client()?;
    let vm = resolve::vm(&client, &args.vm).await?;
    let vm = client.post(&["api", "vms", &field(&vm, "id"), "facts"], &json!({})).await?;
    let told = vm.get("facts").unwrap_or(&Value::Null);
    if args.json {
        output::json(told)?;
    } else {
        facts::print(told);
    }
    Ok(Exit::Ok)
}

async fn host_key(args: HostKey) -> Result<Exit> {
    let client = args.connect.client()?;
    let vm = resolve::vm(&client, &args.vm).await?;
    let mut body = json!({ "action": args.action });
    if let Some(key) = args.key {
        body["key"] = key.into();
    }
    let vm = client.post(&["api", "vms", &field(&vm, "id"), "host-key"], &body).await?;
    if args.json {
        output::json(&vm)?;
    } else {
        print_vm(&vm);
    }
    Ok(Exit::Ok)
}
