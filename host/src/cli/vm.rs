//! `corral vm`: the machines.

use std::collections::BTreeMap;

use anyhow::Result;
use serde_json::{Value, json};

use super::connect::Connect;
use super::exit::{Exit, Failure};
use super::facts::{self, line};
use super::output::{self, Paint, Table, field, safe};
use super::resolve;

/// The machines.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List VMs.
    Ls(Ls),
    /// Add a VM.
    Add(Box<Add>),
    /// Remove VMs from the inventory; their jobs stay.
    Rm(Rm),
    /// Test the way to VMs, step by step.
    Test(Test),
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

/// Add a VM.
#[derive(Debug, clap::Args)]
pub struct Add {
    /// Its name, unique among VMs.
    name: String,
    /// Where it is: `[user@]host[:port]`; left out for --local.
    #[arg(required_unless_present = "local", conflicts_with = "local")]
    address: Option<String>,
    /// This machine, without SSH.
    #[arg(long)]
    local: bool,
    /// TCP port.
    #[arg(short, long)]
    port: Option<u16>,
    /// Account on the machine.
    #[arg(short, long)]
    user: Option<String>,
    /// A label; may be given several times.
    #[arg(short, long = "label", value_name = "KEY=VALUE", value_parser = pair)]
    labels: Vec<(String, String)>,
    /// Private key file on the host; without one the SSH agent's keys.
    #[arg(short, long, value_name = "FILE")]
    identity: Option<String>,
    /// Go through this VM; may be given several times, nearest first.
    #[arg(short, long, value_name = "VM")]
    jump: Vec<String>,
    /// A host key that is known beforehand: `ssh-ed25519 AAAA…`.
    #[arg(long, value_name = "KEY")]
    host_key: Vec<String>,
    /// Accept and pin the first host key that it shows.
    #[arg(long)]
    accept_new_host_key: bool,
    /// Print the VM as JSON.
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

/// Test VMs.
#[derive(Debug, clap::Args)]
pub struct Test {
    /// Names or ids.
    #[arg(required = true)]
    vms: Vec<String>,
    /// As JSON.
    #[arg(long)]
    json: bool,
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
    /// accept: beside those pinned. replace: instead of them. revoke: no longer.
    #[arg(value_parser = ["accept", "replace", "revoke"])]
    action: String,
    /// Which; without it the offered one, for revoke all.
    #[arg(long)]
    key: Option<String>,
    /// Print the VM as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: Connect,
}

/// Splits `KEY=VALUE`.
pub fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or_else(|| format!("`{text}` has no `=`; it looks like key=value"))?;
    if key.is_empty() { Err("the key is empty".to_owned()) } else { Ok((key.to_owned(), value.to_owned())) }
}

/// Does what was asked.
pub async fn run(command: Command) -> Result<Exit> {
    match command {
        Command::Ls(args) => ls(args).await,
        Command::Add(args) => add(*args).await,
        Command::Rm(args) => rm(args).await,
        Command::Test(args) => test(args).await,
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

/// `[user@]host[:port]`, with an IPv6 address in brackets or bare.
fn split_address(text: &str) -> Result<(Option<String>, String, Option<u16>), Failure> {
    let bad = |why: &str| Failure::new(Exit::Usage, format!("`{}` is not an address: {why}", safe(text)));
    let (user, rest) = text.rsplit_once('@').map_or((None, text), |(user, rest)| (Some(user.to_owned()), rest));
    let parse = |port: &str| port.parse::<u16>().map_err(|_| bad("the port is between 1 and 65535"));
    if let Some(bracketed) = rest.strip_prefix('[') {
        let (host, after) = bracketed.split_once(']').ok_or_else(|| bad("`]` is missing"))?;
        let port = after.strip_prefix(':').map(parse).transpose()?;
        return Ok((user, host.to_owned(), port));
    }
    match rest.split_once(':') {
        Some((host, port)) if !port.contains(':') => Ok((user, host.to_owned(), Some(parse(port)?))),
        _ => Ok((user, rest.to_owned(), None)),
    }
}

async fn add(args: Add) -> Result<Exit> {
    let client = args.connect.client()?;
    let mut body = json!({ "name": args.name, "accept_new_host_key": args.accept_new_host_key });
    if args.local {
        body["transport"] = "local".into();
    } else {
        let (user, host, port) = split_address(args.address.as_deref().unwrap_or_default())?;
        body["address"] = host.into();
        if let Some(user) = args.user.or(user) {
            body["user"] = user.into();
        }
        if let Some(port) = args.port.or(port) {
            body["port"] = port.into();
        }
    }
    body["labels"] = json!(args.labels.into_iter().collect::<BTreeMap<_, _>>());
    body["host_keys"] = json!(args.host_key);
    body["auth"] = match &args.identity {
        Some(file) => json!({"kind": "key", "identity_file": file}),
        None => json!({"kind": "agent"}),
    };
    if !args.jump.is_empty() {
        body["jump"] = json!(resolve::vm_ids(&client, &args.jump).await?);
    }
    let vm = client.post(&["api", "vms"], &body).await?;
    if args.json {
        output::json(&vm)?;
    } else {
        let name = safe(&field(&vm, "name"));
        say!("added {name} ({}); `corral vm test {name}` tries the way there", field(&vm, "id"));
    }
    Ok(Exit::Ok)
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

async fn test(args: Test) -> Result<Exit> {
    let client = args.connect.client()?;
    let mut reports = Vec::new();
    let mut all_ok = true;
    for written in &args.vms {
        let vm = resolve::vm(&client, written).await?;
        let mut report = client.post(&["api", "vms", &field(&vm, "id"), "test"], &json!({})).await?;
        all_ok &= report.get("ok").and_then(Value::as_bool).unwrap_or(false);
        if args.json {
            report["vm"] = vm["name"].clone();
            reports.push(report);
        } else {
            print_report(&field(&vm, "name"), &report);
        }
    }
    if args.json {
        output::json(&Value::Array(reports))?;
    }
    Ok(if all_ok { Exit::Ok } else { Exit::Failed })
}

fn print_report(name: &str, report: &Value) {
    let paint = Paint::stdout();
    say!("{}", paint.sgr("1", &safe(name)));
    for step in report.get("steps").and_then(Value::as_array).into_iter().flatten() {
        let ok = step.get("ok").and_then(Value::as_bool).unwrap_or(false);
        let took = step.get("took_ms").and_then(Value::as_f64).unwrap_or(0.0);
        let mark = if ok { paint.sgr("32", "✓") } else { paint.sgr("31", "✗") };
        say!("  {mark} {:<13} {took:>7.1} ms  {}", safe(&field(step, "name")), safe(&field(step, "detail")));
    }
    if let Some(latency) = report.get("latency_ms").and_then(Value::as_f64) {
        say!("    {:<13} {latency:>7.1} ms", "round trip");
    }
    let Some(failure) = report.get("failure").filter(|failure| !failure.is_null()) else { return };
    say!("    {}", paint.sgr("31", &safe(&field(failure, "message"))));
    say!("    {} {}", paint.sgr("1", "to do:"), safe(&field(failure, "remedy")));
    let offered = field(failure, "offered_host_key");
    if !offered.is_empty() {
        say!("    it showed: {}", safe(&offered));
        say!("    `corral vm host-key {} accept` accepts it, once you know that it is this machine's", safe(name));
    }
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
    for key in vm.get("host_keys").and_then(Value::as_array).into_iter().flatten() {
        line("host key", &safe(&format!("{} since {}", field(key, "fingerprint"), output::time(key, "pinned_at"))));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_taken_apart_also_with_ipv6() {
        let split = |text| split_address(text).unwrap();
        assert_eq!(split("root@web-1:2222"), (Some("root".to_owned()), "web-1".to_owned(), Some(2222)));
        assert_eq!(split("web-1"), (None, "web-1".to_owned(), None));
        assert_eq!(split("a@[::1]:22"), (Some("a".to_owned()), "::1".to_owned(), Some(22)));
        assert_eq!(split("fe80::1"), (None, "fe80::1".to_owned(), None));
        assert_eq!(split_address("web:0x").unwrap_err().exit, Exit::Usage);
    }
}
