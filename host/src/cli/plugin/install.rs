//! `corral plugin install`: sends a plugin to a host, and says what it still wants there.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Result;
use corral_domain::Right;
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
    // Of one that is blocked the reason is what is wanted, and that comes next.
    if !reason.is_empty() && state != "blocked" {
        say!("  {}", safe(&reason));
    }
    let wants = plugin.get("wants").and_then(Value::as_array).into_iter().flatten();
    let missing = |want: &&Value| want.get("granted").and_then(Value::as_bool) != Some(true);
    let missing: Vec<_> = wants.filter(missing).collect();
    if missing.is_empty() {
        return;
    }
    say!("it wants, and was not granted:");
    for want in &missing {
        let optional = want.get("optional").and_then(Value::as_bool) == Some(true);
        let without = if optional { "; it can do without" } else { "" };
        say!("  {} ({}{without})", safe(&field(want, "capability")), safe(&field(want, "reason")));
    }
    say!("to grant it:");
    for want in &missing {
        say!("  corral plugin grant {id} {}", safe(&grants(&field(want, "capability"))));
    }
}

/// What is typed to grant what is wanted: `http:a|b` are two grants, and of a bare `http` the operator names the host.
fn grants(capability: &str) -> String {
    let word = corral_domain::quote_word;
    match capability.split_once(':') {
        Some((right @ ("http" | "secrets"), named)) => {
            named.split('|').map(|name| word(&format!("{right}:{name}"))).collect::<Vec<_>>().join(" ")
        }
        Some(_) => word(capability),
        None => Right::named(capability).map_or_else(|| word(capability), Right::example),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_granted_by_what_can_be_typed() {
        for (capability, typed) in [
            ("kv", "kv"),
            ("http", "http:HOST"),
            ("http:a.example|b.example:8443", "http:a.example http:b.example:8443"),
            ("secrets:token", "secrets:token"),
            ("read-file:~/my lists", "'read-file:~/my lists'"),
        ] {
            assert_eq!(grants(capability), typed);
        }
    }
}
