//! `corral plugin grant`, `revoke`, `enable` and `disable`: what a plugin may.

use anyhow::Result;
use serde_json::{Value, json};

use super::{Connect, known, print, show};
use crate::cli::exit::Exit;

/// Grants for a plugin.
#[derive(Debug, clap::Args)]
pub struct Grants {
    /// The plugin's id.
    id: String,
    /// What: `kv`, `read-file:~/.ssh`, `vms`, `vms:env=dev`, `jobs`, `jobs.submit:role=web`, `logs`,
    /// `http:inventory.example.com`, `secrets:NAME`. `corral plugin show ID` says what it wants.
    #[arg(required = true, value_name = "GRANT")]
    grants: Vec<String>,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: Connect,
}

/// A plugin to switch on or off.
#[derive(Debug, clap::Args)]
pub struct Switch {
    /// Its id.
    id: String,
    /// As JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    connect: Connect,
}

impl Grants {
    /// Grants all of them at once.
    pub async fn grant(self) -> Result<Exit> {
        let client = self.connect.client()?;
        let answer = client.post(&["api", "plugins", &self.id, "grants"], &json!({ "grants": self.grants })).await;
        told(known(&client, &self.id, answer).await?, self.json)
    }

    /// Takes them away, one after the other.
    pub async fn revoke(self) -> Result<Exit> {
        let client = self.connect.client()?;
        let mut plugin = Value::Null;
        for grant in &self.grants {
            let query = [("grant", grant.as_str())];
            let answer = client.delete_with(&["api", "plugins", &self.id, "grants"], &query).await;
            plugin = known(&client, &self.id, answer).await?;
        }
        told(plugin, self.json)
    }
}

impl Switch {
    /// Switches it on (`enable`) or off (`disable`).
    pub async fn run(self, verb: &str) -> Result<Exit> {
        let client = self.connect.client()?;
        let answer = client.post(&["api", "plugins", &self.id, verb], &json!({})).await;
        told(known(&client, &self.id, answer).await?, self.json)
    }
}

/// How the plugin fares with what was decided.
fn told(plugin: Value, as_json: bool) -> Result<Exit> {
    if as_json {
        return print(plugin, true);
    }
    show(&plugin);
    Ok(Exit::Ok)
}
