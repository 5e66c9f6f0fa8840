//! `corral migrate`: brings a database to this version's schema. `corral serve` does so by itself; this is for those
//! who want to see it done before they start.

use std::path::PathBuf;

use anyhow::Result;

use super::exit::{Exit, Failure};
use crate::datadir::DataDir;
use crate::wiring;

/// Bring a database to this version's schema.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The host's data folder.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
}

/// Migrates, with the folder locked: a host that runs has done so already.
pub async fn run(args: Args) -> Result<Exit> {
    let data = DataDir::prepare(args.data.as_deref())?;
    if let Some(info) = data.run_info() {
        return Err(Failure::new(
            Exit::Locked,
            format!("the host with pid {} works on {}", info.pid, data.path().display()),
        )
        .hint("it migrated its database when it started; there is nothing to do")
        .into());
    }
    let _lock = data.lock()?;
    let begun = std::time::Instant::now();
    let store = wiring::open_store(&data).await?;
    store.close().await;
    say!(
        "{} has the schema of this version ({}); took {} ms",
        data.path().join("state.db").display(),
        env!("CARGO_PKG_VERSION"),
        begun.elapsed().as_millis()
    );
    Ok(Exit::Ok)
}
