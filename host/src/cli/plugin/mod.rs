//! `corral plugin`: what is loaded, how it fares and what it may; and what authors need, each command in a file of its own.

mod bench;
mod build;
mod check;
mod dev;
mod example;
mod install;
mod new;
mod pack;
mod policy;
mod project;
mod replay;
mod rm;
mod starter;
mod test;
mod toolchain;

use anyhow::Result;
use serde_json::{Value, json};

use super::client::Client;
use super::connect::Connect;
use super::exit::{Exit, Failure};
use super::output::{self, Table, field, safe};
use super::resolve;

/// The plugins.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List plugins and their states.
    Ls(Ls),
    /// Show a plugin: what it wants, how it fares, what it did.
    Show(One),
    /// Show what a plugin said, and what the host said of it.
    Logs(One),
    /// Grant a plugin something that it wants.
    Grant(policy::Grants),
    /// Take away what was granted to a plugin.
    Revoke(policy::Grants),
    /// Switch a plugin on.
    Enable(policy::Switch),
    /// Switch a plugin off.
    Disable(policy::Switch),
    /// Load a plugin anew from its folder.
    Reload(One),
    /// Begin a plugin: write a project that builds at once.
    New(new::New),
    /// Build a project by the tools of its language.
    Build(build::Build),
    /// Check a plugin as a host would, before one does.
    Check(check::Check),
    /// Run a plugin's own examples, without a host.
    Test(test::Test),
    /// Build at every change, load it into a running host, show what it says; until ^C.
    Dev(dev::Dev),
    /// Make one file of a plugin, to be given to others.
    Pack(pack::Pack),
    /// Send a plugin to a host and load it there.
    Install(install::Install),
    /// Show what a filter would have made of a job's stored output.
    Replay(Box<replay::Replay>),
    /// Take a plugin out that was installed.
    Rm(rm::Rm),
}

/// List plugins.
#[derive(Debug, clap::Args)]
pub struct Ls {
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: Connect,
}

/// One plugin.
#[derive(Debug, clap::Args)]
pub struct One {
    /// Its id.
    id: String,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: Connect,
}

/// Does what was asked.
pub async fn run(command: Command) -> Result<Exit> {
    match command {
        Command::Ls(args) => {
            let plugins = args.connect.client()?.list(&["api", "plugins"], &[], None).await?;
            print(Value::Array(plugins), args.json)
        }
        Command::Show(args) => {
            let client = args.connect.client()?;
            let mut plugin = known(&client, &args.id, client.get(&["api", "plugins", &args.id], &[]).await).await?;
            plugin["stats"] = client.get(&["api", "plugins", &args.id, "stats"], &[]).await?;
            plugin["history"] = client.get(&["api", "plugins", &args.id, "history"], &[]).await?["items"].take();
            if args.json {
                return print(plugin, true);
            }
            show(&plugin);
            Ok(Exit::Ok)
        }
        Command::Logs(args) => {
            let client = args.connect.client()?;
            let log = known(&client, &args.id, client.get(&["api", "plugins", &args.id, "logs"], &[]).await).await?;
            let items = log.get("items").cloned().unwrap_or_default();
            if args.json {
                return print(items, true);
            }
            for line in items.as_array().into_iter().flatten() {
                let [at, level, text] = ["at", "level", "text"].map(|key| safe(&field(line, key)));
                say!("{at}  {level:5}  {text}");
            }
            Ok(Exit::Ok)
        }
        Command::New(args) => new::run(args),
        Command::Build(args) => build::run(args).await,
        Command::Check(args) => check::run(args).await,
        Command::Test(args) => test::run(args).await,
        Command::Dev(args) => dev::run(args).await,
        Command::Pack(args) => pack::run(args).await,
        Command::Install(args) => install::run(args).await,
        Command::Replay(args) => replay::run(*args).await,
        Command::Rm(args) => rm::run(args).await,
        Command::Grant(args) => args.grant().await,
        Command::Revoke(args) => args.revoke().await,
        Command::Enable(args) => args.run("enable").await,
        Command::Disable(args) => args.run("disable").await,
        Command::Reload(args) => {
            let client = args.connect.client()?;
            let loaded = client.post(&["api", "plugins", &args.id, "reload"], &json!({})).await;
            let plugin = known(&client, &args.id, loaded).await?;
            if args.json { print(plugin, true) } else { print(Value::Array(vec![plugin]), false) }
        }
    }
}

/// An answer about a plugin; where there is no such plugin, the ones that there are.
async fn known(client: &Client, id: &str, answer: Result<Value, Failure>) -> Result<Value> {
    match answer {
        Err(Failure { exit: Exit::NotFound, .. }) => {
            let known = client.list(&["api", "plugins"], &[], None).await?;
            let ids: Vec<_> = known.iter().map(|plugin| field(plugin, "id")).collect();
            Err(resolve::unknown("plugin", id, &ids, "corral plugin ls").into())
        }
        answer => Ok(answer?),
    }
}

fn show(plugin: &Value) {
    let line = |name: &str, value: String| {
        if !value.is_empty() {
            say!("{name:13} {value}");
        }
    };
    let text = |key: &str| safe(&field(plugin, key));
    line("plugin", format!("{} {}, API {}, from {}", text("name"), text("version"), text("api"), text("origin")));
    line("state", text("state"));
    line("reason", text("reason"));
    for want in plugin.get("wants").and_then(Value::as_array).into_iter().flatten() {
        let has = |key: &str| want.get(key).and_then(Value::as_bool).unwrap_or(false);
        let how = match (has("granted"), has("optional")) {
            (true, _) => "granted",
            (false, true) => "not granted, it can do without",
            (false, false) => "not granted",
        };
        line("wants", format!("{} ({}): {how}", safe(&field(want, "capability")), safe(&field(want, "reason"))));
    }
    for given in plugin.get("grants").and_then(Value::as_array).into_iter().flatten() {
        let configured = given.get("configured").and_then(Value::as_bool).unwrap_or(false);
        let from = if configured { " (by the configuration)" } else { "" };
        line("granted", format!("{}{from}", safe(&field(given, "grant"))));
    }
    for step in plugin.get("history").and_then(Value::as_array).into_iter().flatten() {
        let [at, state, version, reason] = ["at", "state", "version", "reason"].map(|key| safe(&field(step, key)));
        let about = [version, reason].into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>().join(", ");
        line("history", format!("{at}  {state:11}  {about}"));
    }
    if plugin.get("stats").is_none() {
        return;
    }
    let number = |path: &str| plugin.pointer(path).and_then(Value::as_u64).unwrap_or(0);
    line(
        "calls",
        format!("{}, {} failed, {} trapped", number("/stats/calls"), number("/stats/failed"), number("/stats/traps")),
    );
    if number("/stats/calls") > 0 {
        let (half, most) = (number("/stats/p50_micros"), number("/stats/p99_micros"));
        line("a call takes", format!("{half} µs, 99 of 100 at most {most} µs"));
        let (cpu, memory) = (number("/stats/cpu_micros") / 1_000, number("/stats/peak_memory_bytes") / 1_024);
        line("used", format!("{cpu} ms of processor time, {memory} KiB of memory at most"));
    }
    for (limit, hits) in plugin.pointer("/stats/limit_hits").and_then(Value::as_object).into_iter().flatten() {
        line("limit hit", format!("{} {hits} times", safe(limit)));
    }
    if number("/stats/lines/seen") > 0 {
        let [seen, changed, annotated, dropped, added] =
            ["seen", "changed", "annotated", "dropped", "added"].map(|key| number(&format!("/stats/lines/{key}")));
        let did = format!("{seen}: {changed} changed, {annotated} annotated, {dropped} left out, {added} added");
        line("lines", did);
    }
}

fn print(plugins: Value, as_json: bool) -> Result<Exit> {
    if as_json {
        output::json(&plugins)?;
        return Ok(Exit::Ok);
    }
    let mut table = Table::new(&["PLUGIN", "VERSION", "STATE", "PROVIDES", "ORIGIN", "REASON"]);
    for plugin in plugins.as_array().into_iter().flatten() {
        let provides = plugin.get("provides").and_then(Value::as_array).into_iter().flatten();
        table.row([
            field(plugin, "id"),
            field(plugin, "version"),
            field(plugin, "state"),
            provides.filter_map(Value::as_str).collect::<Vec<_>>().join(","),
            field(plugin, "origin"),
            field(plugin, "reason"),
        ]);
    }
    table.print("no plugins");
    Ok(Exit::Ok)
}
