//! `corral plugin rm`: takes a plugin out of a host.

use anyhow::Result;

use crate::cli::connect::Connect;
use crate::cli::exit::Exit;
use crate::cli::output::safe;

/// What to remove.
#[derive(Debug, clap::Args)]
pub struct Rm {
    /// Its id.
    id: String,
    #[command(flatten)]
    connect: Connect,
}

/// Removes a plugin.
pub async fn run(args: Rm) -> Result<Exit> {
    let client = args.connect.client()?;
    super::known(&client, &args.id, client.delete(&["api", "plugins", &args.id]).await).await?;
    say!("{} is gone; what it kept is there if it is installed again", safe(&args.id));
    Ok(Exit::Ok)
}
