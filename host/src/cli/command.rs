//! `corral command`: the templates that can be run.

use anyhow::Result;
use serde_json::Value;

use super::connect::Connect;
use super::exit::Exit;
use super::output::{self, Table, field};
use super::resolve;

/// The templates.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// List templates with their parameters.
    Ls(Ls),
}

/// List templates.
#[derive(Debug, clap::Args)]
pub struct Ls {
    /// Only those in which this text occurs.
    query: Option<String>,
    /// Only those that suit this VM, by name or id.
    #[arg(long)]
    vm: Option<String>,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: Connect,
}

/// Does what was asked.
pub async fn run(command: Command) -> Result<Exit> {
    let Command::Ls(args) = command;
    let client = args.connect.client()?;
    let mut query = Vec::new();
    query.extend(args.query.map(|text| ("q", text)));
    if let Some(vm) = &args.vm {
        query.push(("vm", field(&resolve::vm(&client, vm).await?, "id")));
    }
    let templates = client.list(&["api", "commands"], &query, None).await?;
    if args.json {
        output::json(&Value::Array(templates))?;
        return Ok(Exit::Ok);
    }
    let mut table = Table::new(&["TEMPLATE", "PARAMETERS", "TITLE"]);
    for template in &templates {
        table.row([field(template, "id"), parameters(template), field(template, "title")]);
    }
    table.print("no templates; files in the templates folder and saved commands appear here");
    Ok(Exit::Ok)
}

/// `service lines=`: those that must be given by name alone, the others with `=`.
fn parameters(template: &Value) -> String {
    let schema = template.get("parameters");
    let required = schema.and_then(|schema| schema.get("required")).and_then(Value::as_array);
    let is_required = |name: &str| required.is_some_and(|names| names.iter().any(|required| required == name));
    let properties = schema.and_then(|schema| schema.get("properties")).and_then(Value::as_object);
    let one = |name: &String| if is_required(name) { name.clone() } else { format!("{name}=") };
    properties.into_iter().flatten().map(|(name, _)| one(name)).collect::<Vec<_>>().join(" ")
}
