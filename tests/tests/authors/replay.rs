//! A stored job through a filter that was not there when it ran.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::author::Author;
use crate::jobs::Machines;

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_shows_what_a_filter_would_have_done_and_changes_nothing() -> Result<()> {
    let author = Author::new()?;
    author.does(&["new", "replayed", "--kind", "log-filter"])?;
    let running = author.start_host()?;
    let machines = Machines::start(&running.client).await?;
    let job = machines.write(&running.client).await?;
    let before = machines.lines(&running.client, &job).await?;

    let text = running.does(&author, &["replay", "last", "--plugin", "replayed"])?;
    ensure!(text.contains("3 lines: 0 changed, 1 annotated, 1 left out, 0 added"), "{text}");
    ensure!(text.contains("0 x GET /healthz 200"), "{text}");
    ensure!(text.contains("2 ~ ERROR cannot reach the database  {level=error}"), "{text}");

    std::fs::write(author.path("other.json"), r#"{"hide": ["GET"]}"#)?;
    let args = ["replay", &job, "--plugin", "replayed", "--config", "other.json", "--show", "1", "--json"];
    let report: Value = serde_json::from_str(&running.does(&author, &args)?).context("JSON and nothing else")?;
    ensure!(report["lines"]["dropped"] == 2 && report["lines"]["seen"] == 3, "{report}");
    ensure!(report["tasks"][0]["changes"].as_array().is_some_and(|changes| changes.len() == 1), "{report}");

    // One that comes with Corral, by its id.
    let text = running.does(&author, &["replay", &job, "--plugin", "structured", "--vm", "vm-01"])?;
    ensure!(text.contains("3 lines: 0 changed"), "{text}");
    let after = machines.lines(&running.client, &job).await?;
    ensure!(before == after, "what is stored stays as it was");
    Ok(())
}
