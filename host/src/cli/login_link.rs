//! `corral login-link`: a link that logs a person in once.

use std::path::PathBuf;

use anyhow::Result;
use serde_json::json;

use super::exit::{Exit, Failure};
use super::output;
use crate::auth;
use crate::datadir::DataDir;
use crate::wiring;

/// Print a link that logs a person in once, within the hour.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The host's data folder.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// The URL under which the host is reached, if it does not run on this folder now.
    #[arg(long, env = "CORRAL_URL", value_name = "URL")]
    url: Option<String>,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

/// Prints it.
pub async fn run(args: Args) -> Result<Exit> {
    let data = DataDir::existing(args.data.as_deref())?;
    let url = args.url.or_else(|| data.run_info().map(|info| info.url)).ok_or_else(|| {
        Failure::new(Exit::Unreachable, format!("no host runs on {}", data.path().display()))
            .hint("start it with `corral serve`, or say with --url where it is reached")
    })?;
    let store = wiring::open_store(&data).await?;
    let token = auth::create_login_token(&store, &wiring::clock()).await;
    store.close().await;
    let link = wiring::login_link(&url, &token.map_err(wiring::auth_failure)?);
    if args.json {
        output::json(&json!({ "url": link }))?;
    } else {
        say!("{link}");
    }
    Ok(Exit::Ok)
}
