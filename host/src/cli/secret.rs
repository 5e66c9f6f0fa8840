//! `corral secret`: passwords and passphrases. A value comes from standard input or is typed unseen; it is never an
//! argument, which every account of the machine could read.

use std::io::{IsTerminal as _, Read as _, Write as _};

use anyhow::Result;
use rustix::termios::{self, LocalModes, OptionalActions};
use serde_json::{Value, json};

use super::connect::Connect;
use super::exit::{Exit, Failure};
use super::output::{self, Table, field, safe, time};
use super::resolve;

/// What is read from standard input at most; the host takes less.
const INPUT_BYTES_MAX: u64 = 64 * 1024;

/// Passwords and passphrases.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Set a secret. Its value is read from standard input, or typed unseen.
    Set(Set),
    /// List secrets, without their values.
    Ls(Ls),
    /// Remove secrets.
    Rm(Rm),
}

/// Set a secret.
#[derive(Debug, clap::Args)]
pub struct Set {
    /// Its name: letters, digits, `.`, `_` and `-`.
    name: String,
    #[command(flatten)]
    connect: Connect,
}

/// List secrets.
#[derive(Debug, clap::Args)]
pub struct Ls {
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: Connect,
}

/// Remove secrets.
#[derive(Debug, clap::Args)]
pub struct Rm {
    /// Names.
    #[arg(required = true)]
    names: Vec<String>,
    /// Also those that VMs need.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    connect: Connect,
}

/// Does what was asked.
pub async fn run(command: Command) -> Result<Exit> {
    match command {
        Command::Set(args) => set(args).await,
        Command::Ls(args) => ls(args).await,
        Command::Rm(args) => rm(args).await,
    }
}

async fn set(args: Set) -> Result<Exit> {
    let client = args.connect.client()?;
    let value = if std::io::stdin().is_terminal() { typed(&args.name)? } else { piped()? };
    client.put(&["api", "secrets", &args.name], &json!({ "value": value })).await?;
    say!("{} is kept", safe(&args.name));
    Ok(Exit::Ok)
}

/// All of standard input, without the line break at its end.
fn piped() -> Result<String, Failure> {
    let mut text = String::new();
    std::io::stdin()
        .lock()
        .take(INPUT_BYTES_MAX + 1)
        .read_to_string(&mut text)
        .map_err(|error| Failure::new(Exit::Usage, format!("standard input cannot be read as text: {error}")))?;
    if text.len() as u64 > INPUT_BYTES_MAX {
        return Err(Failure::new(Exit::Usage, format!("the value has more than {INPUT_BYTES_MAX} bytes")));
    }
    Ok(without_line_break(text))
}

fn without_line_break(mut text: String) -> String {
    if text.ends_with('\n') {
        text.pop();
        if text.ends_with('\r') {
            text.pop();
        }
    }
    text
}

/// Asks twice on the terminal, without showing what is typed.
fn typed(name: &str) -> Result<String, Failure> {
    let first = ask(&format!("Value of {}: ", safe(name)))?;
    let second = ask("Again: ")?;
    if first != second {
        return Err(Failure::new(Exit::Usage, "the two values differ; nothing was changed"));
    }
    Ok(first)
}

fn ask(prompt: &str) -> Result<String, Failure> {
    let fail = |error: &dyn std::fmt::Display| Failure::new(Exit::Internal, format!("the terminal: {error}"));
    let stdin = std::io::stdin();
    let before = termios::tcgetattr(&stdin).map_err(|error| fail(&error))?;
    let mut unseen = before.clone();
    unseen.local_modes.remove(LocalModes::ECHO);
    unseen.local_modes.insert(LocalModes::ECHONL);
    eprint!("{prompt}");
    std::io::stderr().flush().map_err(|error| fail(&error))?;
    termios::tcsetattr(&stdin, OptionalActions::Flush, &unseen).map_err(|error| fail(&error))?;
    let mut line = String::new();
    let read = stdin.read_line(&mut line);
    termios::tcsetattr(&stdin, OptionalActions::Flush, &before).map_err(|error| fail(&error))?;
    read.map_err(|error| fail(&error))?;
    Ok(without_line_break(line))
}

async fn ls(args: Ls) -> Result<Exit> {
    let secrets = args.connect.client()?.list(&["api", "secrets"], &[], None).await?;
    if args.json {
        output::json(&Value::Array(secrets))?;
        return Ok(Exit::Ok);
    }
    let mut table = Table::new(&["NAME", "SET (UTC)", "NEEDED BY"]);
    for secret in &secrets {
        let vms = secret.get("vms").and_then(Value::as_array).into_iter().flatten();
        let vms = vms.filter_map(Value::as_str).collect::<Vec<_>>().join(",");
        table.row([field(secret, "name"), time(secret, "updated_at"), vms]);
    }
    table.print("no secrets; `corral secret set NAME` keeps one");
    Ok(Exit::Ok)
}

async fn rm(args: Rm) -> Result<Exit> {
    let client = args.connect.client()?;
    let known = client.list(&["api", "secrets"], &[], None).await?;
    let names: Vec<_> = known.iter().map(|secret| field(secret, "name")).collect();
    // All are looked up first: a slip in the last name must not leave half of them removed.
    if let Some(stranger) = args.names.iter().find(|name| !names.contains(name)) {
        return Err(resolve::unknown("secret", stranger, &names, "corral secret ls").into());
    }
    let query: &[(&str, &str)] = if args.force { &[("force", "true")] } else { &[] };
    for name in &args.names {
        client.delete_with(&["api", "secrets", name], query).await.map_err(|failure| match failure.exit {
            Exit::Conflict => failure.hint("--force removes it all the same"),
            _ => failure,
        })?;
    }
    say!("removed {} secret{}", args.names.len(), if args.names.len() == 1 { "" } else { "s" });
    Ok(Exit::Ok)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_line_break_at_the_end_is_taken_away() {
        let value = |text: &str| without_line_break(text.to_owned());
        assert_eq!(value("a b \n"), "a b ");
        assert_eq!(value("a\r\n"), "a");
        assert_eq!(value("a\n\n"), "a\n");
        assert_eq!(value("a"), "a");
    }
}
