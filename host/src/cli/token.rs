//! `corral token`: API tokens, made and removed in the database, also beside a running host.

use std::path::PathBuf;

use anyhow::Result;
use corral_domain::Clock as _;
use corral_engine::Role;
use corral_storage::TokenStore as _;
use serde_json::{Value, json};

use super::exit::{Exit, Failure};
use super::output::{self, Table};
use super::resolve;
use crate::auth;
use crate::datadir::DataDir;
use crate::wiring;

const API: &str = "api";
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1000;
const DAYS_MAX: i64 = 3_650;

/// API tokens.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Make a token and print it; it is shown this once.
    Create(Create),
    /// List tokens; never the tokens themselves.
    Ls(Ls),
    /// Remove tokens; they stop working at once.
    Rm(Rm),
}

/// Make a token.
#[derive(Debug, clap::Args)]
pub struct Create {
    /// What it is for: `ci`, `laptop`.
    #[arg(long)]
    name: String,
    /// What it may do: look; also run and cancel; everything.
    #[arg(long, default_value = "operator", value_parser = ["viewer", "operator", "admin"])]
    role: String,
    /// It stops working after so many days.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(i64).range(1..=DAYS_MAX))]
    days: Option<i64>,
    /// The host's data folder.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// List tokens.
#[derive(Debug, clap::Args)]
pub struct Ls {
    /// The host's data folder.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Remove tokens.
#[derive(Debug, clap::Args)]
pub struct Rm {
    /// Their names, or what `ls` shows as id.
    #[arg(required = true)]
    tokens: Vec<String>,
    /// The host's data folder.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Does what was asked.
pub async fn run(command: Command) -> Result<Exit> {
    match command {
        Command::Create(args) => create(args).await,
        Command::Ls(args) => ls(args).await,
        Command::Rm(args) => rm(args).await,
    }
}

async fn create(args: Create) -> Result<Exit> {
    // A folder that has never been used is fine: a token may be made before the first start.
    let data = DataDir::prepare(args.data.as_deref())?;
    let store = wiring::open_store(&data).await?;
    let role: Role =
        args.role.parse().map_err(|error: corral_engine::UnknownRole| Failure::new(Exit::Usage, error.to_string()))?;
    let ttl = args.days.map(|days| days * DAY_MILLIS);
    let token = auth::create_api_token(&store, &wiring::clock(), &args.name, role, ttl).await;
    store.close().await;
    let token = token.map_err(wiring::auth_failure)?;
    if args.json {
        output::json(&json!({ "name": args.name, "role": args.role, "token": token }))?;
    } else {
        say!("{token}");
    }
    Ok(Exit::Ok)
}

async fn ls(args: Ls) -> Result<Exit> {
    let data = DataDir::existing(args.data.as_deref())?;
    let store = wiring::open_store(&data).await?;
    let rows = store.tokens(API).await.map_err(Failure::from);
    store.close().await;
    let rows = rows?;
    let now = wiring::clock().now();
    if args.json {
        let object = |row: &corral_storage::TokenRow| {
            json!({ "id": short(&row.hash), "name": row.name, "role": row.role, "created_at": row.created_at,
                    "expires_at": row.expires_at })
        };
        output::json(&Value::Array(rows.iter().map(object).collect()))?;
        return Ok(Exit::Ok);
    }
    let mut table = Table::new(&["ID", "NAME", "ROLE", "CREATED (UTC)", "ENDS"]);
    for row in &rows {
        let ends = match row.expires_at {
            None => "never".to_owned(),
            Some(at) if at <= now => "has ended".to_owned(),
            Some(at) => at.to_string(),
        };
        table.row([short(&row.hash).to_owned(), row.name.clone(), row.role.clone(), row.created_at.to_string(), ends]);
    }
    table.print("no tokens; `corral token create --name NAME` makes one");
    Ok(Exit::Ok)
}

/// Enough of the hash to tell tokens apart; of no use to anybody.
fn short(hash: &str) -> &str {
    const LENGTH: usize = 12;
    hash.get(..LENGTH).unwrap_or(hash)
}

async fn rm(args: Rm) -> Result<Exit> {
    let data = DataDir::existing(args.data.as_deref())?;
    let store = wiring::open_store(&data).await?;
    let result = remove(&store, &args.tokens).await;
    store.close().await;
    say!("removed {}", result?);
    Ok(Exit::Ok)
}

async fn remove(store: &dyn corral_storage::TokenStore, written: &[String]) -> Result<usize, Failure> {
    let rows = store.tokens(API).await?;
    let mut hashes = Vec::new();
    for name in written {
        let found: Vec<_> = rows.iter().filter(|row| row.name == *name || short(&row.hash) == name).collect();
        if found.is_empty() {
            let names: Vec<_> = rows.iter().map(|row| row.name.clone()).collect();
            return Err(resolve::unknown("token", name, &names, "corral token ls"));
        }
        hashes.extend(found.into_iter().map(|row| row.hash.clone()));
    }
    let mut removed = 0;
    for hash in hashes {
        removed += usize::from(store.remove_token(&hash).await?);
    }
    Ok(removed)
}
