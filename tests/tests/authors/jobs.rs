//! Jobs that show what a plugin does.

use anyhow::{Context, Result, ensure};
use corral_tests::client::Client;
use corral_tests::fleet::Fleet;
use serde_json::{Value, json};

use crate::author::{Author, Running};
use crate::{LONG, SOON};

/// What the starters' filter has to do with: a health check, an ordinary line, an error.
const WRITTEN: &str = "printf 'GET /healthz 200\\nGET / 200\\nERROR cannot reach the database\\n'";

/// Machines of a host.
pub struct Machines {
    /// Their ids.
    pub ids: Vec<String>,
    _fleet: Fleet,
}

impl Machines {
    /// Some.
    pub async fn start(client: &Client) -> Result<Self> {
        let fleet = Fleet::start(1).await?;
        let ids = fleet.add_all(client).await?;
        Ok(Self { ids, _fleet: fleet })
    }

    /// A job that writes what a filter can be seen on; its id.
    pub async fn write(&self, client: &Client) -> Result<String> {
        let job = client.run(WRITTEN, &self.ids).await?;
        let done = client.finished(&job, SOON).await?;
        ensure!(done["status"] == "succeeded", "{done}");
        Ok(job)
    }

    /// Lines of a job's output, whole.
    pub async fn lines(&self, client: &Client, job: &str) -> Result<Vec<Value>> {
        let page = client.get(&format!("/api/jobs/{job}/tasks/{}/log", self.ids[0])).await?.ok()?;
        Ok(page["lines"].as_array().context("no lines")?.clone())
    }
}

/// Installs a filter that a starter gave, and sees what it does to a real job's output.
pub async fn filter_works(author: &Author, running: &Running, machines: &Machines, id: &str) -> Result<()> {
    let told = running.does(author, &["install", id])?;
    ensure!(told.contains(&format!("{id} 0.1.0 is active")), "{told}");
    let job = machines.write(&running.client).await?;
    let lines = machines.lines(&running.client, &job).await?;
    let texts: Vec<_> = lines.iter().filter_map(|line| line["text"].as_str()).collect();
    ensure!(texts == ["GET / 200", "ERROR cannot reach the database"], "{id}: {texts:?}");
    ensure!(lines[1]["annotations"]["level"] == "error", "{id}: {}", lines[1]);
    ensure!(running.client.job(&job).await?["plugins"][id] == "0.1.0", "the job knows which filter it went through");
    Ok(())
}

/// Installs a template that a starter gave, and runs it.
pub async fn template_works(author: &Author, running: &Running, machines: &Machines, id: &str) -> Result<()> {
    let large = author.path("large");
    std::fs::create_dir_all(&large)?;
    std::fs::write(large.join("file"), vec![7; 3 << 20])?;
    // Which folders there are is configured; this author changes the default.
    let manifest = author.path(id).join("plugin.toml");
    crate::author::change(&manifest, "\"/tmp\"", &format!("\"{}\"", large.display()))?;
    let told = running.does(author, &["install", id])?;
    ensure!(told.contains("is active"), "{told}");
    let request = json!({
        "template": {"id": format!("{id}/large-files"), "args": {"folder": large, "mib": 2}},
        "targets": {"vms": machines.ids},
    });
    let job = running.client.start_job(&request).await?;
    let done = running.client.finished(&job, LONG).await?;
    ensure!(done["status"] == "succeeded", "{done}");
    let lines = machines.lines(&running.client, &job).await?;
    ensure!(lines.len() == 1 && lines[0]["text"] == large.join("file").display().to_string(), "{lines:?}");
    Ok(())
}
