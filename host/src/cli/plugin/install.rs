//! `corral plugin install`: sends a plugin to a host, and says what it still wants there.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use serde_json::Value;

use super::pack::pack;
use super::project::Project;
use crate::cli::client::Client;
use crate::cli::connect::Connect;
use crate::cli::exit::{Exit, Failure};
use crate::cli::output::{self, Paint, field, safe};
use crate::package::unpack;

/// What to install.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  corral plugin install                        the project in this folder, built first if need be
  corral plugin install quiet-0.1.0.corral     a package, as `corral plugin pack` and `tar -cz` make it
  corral plugin install dist/quiet             the folder of a built plugin")]
pub struct Install {
    /// A project, the folder of a built plugin, or a package.
    #[arg(default_value = ".")]
    what: PathBuf,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: Connect,
}

/// Installs a plugin.
pub async fn run(args: Install) -> Result<Exit> {
    let client = args.connect.client()?;
    let package = package(&args.what).await?;
    let plugin = send(&client, package).await?;
    if args.json {
        output::json(&plugin)?;
    } else {
        show(&plugin);
    }
    Ok(Exit::Ok)
}

async fn package(what: &Path) -> Result<Vec<u8>, Failure> {
    if what.is_dir() {
        return pack(&Project::open(what)?).await;
    }
    let bad = |why: String| Failure::new(Exit::Usage, format!("{}: {why}", safe(&what.display().to_string())));
    let package = fs::read(what).map_err(|error| {
        let failure = bad(format!("it cannot be read: {error}"));
        failure.hint("name a project, the folder of a built plugin, or a package")
    })?;
    // The host looks, too; here it costs no sending.
    unpack(&package).map_err(bad)?;
    Ok(package)
}

/// Sends a package to a host.
pub async fn send(client: &Client, package: Vec<u8>) -> Result<Value, Failure> {
    client.post_package(&["api", "plugins"], package).await
}

fn show(plugin: &Value) {
    let (id, state) = (safe(&field(plugin, "id")), field(plugin, "state"));
    let generation = plugin.get("generation").and_then(Value::as_u64).unwrap_or(0);
    let version = safe(&field(plugin, "version"));
    let again =
        if generation > 1 { format!(", version {generation} of it since the host started") } else { String::new() };
    say!("{id} {version} is {}{again}", Paint::stdout().status(&state));
    let reason = field(plugin, "reason");
    if !reason.is_empty() {
        say!("  {}", safe(&reason));
    }
    let wants: Vec<_> = plugin.get("wants").and_then(Value::as_array).into_iter().flatten().collect();
    if wants.is_empty() {
        return;
    }
    say!("it wants:");
    for want in &wants {
        say!("  {} ({})", safe(&field(want, "capability")), safe(&field(want, "reason")));
    }
    say!("what it is granted is yours to say:");
    for want in &wants {
        say!("  corral plugin grant {id} {}", safe(&corral_domain::quote_word(&field(want, "capability"))));
    }
}
