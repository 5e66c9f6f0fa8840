//! `corral plugin`: what is loaded and how it fares.

use anyhow::Result;
use serde_json::{Value, json};

use super::connect::Connect;
use super::exit::{Exit, Failure};
use super::output::{self, Table, field};
use super::resolve;

/// The plugins.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List plugins and their states.
    Ls(Ls),
    /// Load a plugin anew from its folder.
    Reload(Reload),
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

/// Load a plugin anew.
#[derive(Debug, clap::Args)]
pub struct Reload {
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
        Command::Reload(args) => {
            let client = args.connect.client()?;
            match client.post(&["api", "plugins", &args.id, "reload"], &json!({})).await {
                Ok(plugin) if args.json => print(plugin, true),
                Ok(plugin) => print(Value::Array(vec![plugin]), false),
                Err(Failure { exit: Exit::NotFound, .. }) => {
                    let known = client.list(&["api", "plugins"], &[], None).await?;
                    let ids: Vec<_> = known.iter().map(|plugin| field(plugin, "id")).collect();
                    Err(resolve::unknown("plugin", &args.id, &ids, "corral plugin ls").into())
                }
                Err(failure) => Err(failure.into()),
            }
        }
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
