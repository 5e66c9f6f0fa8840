//! Which host the command line talks to, and as whom.

use std::path::PathBuf;

use super::client::Client;
use super::exit::{Exit, Failure};
use crate::datadir::DataDir;

/// Where the host is.
#[derive(Debug, Clone, clap::Args)]
pub struct Connect {
    /// The host's URL; without one the host on the data folder of this machine.
    #[arg(long, env = "CORRAL_URL", value_name = "URL", global = true)]
    url: Option<String>,
    /// An API token, made by `corral token create`.
    #[arg(long, env = "CORRAL_TOKEN", value_name = "TOKEN", hide_env_values = true, global = true)]
    token: Option<String>,
    /// The data folder of the host on this machine, to find its URL.
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<PathBuf>,
}

impl Connect {
    /// A client of that host.
    pub fn client(&self) -> Result<Client, Failure> {
        let url = match &self.url {
            Some(url) => url.clone(),
            None => self.local_url()?,
        };
        let Some(token) = self.token.clone().filter(|token| !token.is_empty()) else {
            let data = self.data.as_ref().map(|path| format!(" --data {}", path.display())).unwrap_or_default();
            return Err(Failure::new(Exit::Forbidden, format!("no token for {url}")).hint(format!(
                "make one where the host runs: export CORRAL_TOKEN=\"$(corral token create{data} --name \"$USER\" --role operator)\""
            )));
        };
        Client::new(&url, &token)
    }

    fn local_url(&self) -> Result<String, Failure> {
        let path = self.data.clone().map_or_else(crate::datadir::default_path, Ok)?;
        let running = DataDir::existing(Some(&path)).ok().and_then(|data| data.run_info());
        running.map(|info| info.url).ok_or_else(|| {
            Failure::new(Exit::Unreachable, format!("no host runs on {}", path.display()))
                .hint("start one with `corral serve`, or name another with --url or CORRAL_URL")
        })
    }
}
