//! Plugins in JavaScript, by componentize-js.

use anyhow::{Result, ensure};

use crate::author::Author;
use crate::jobs::{Machines, filter_works, template_works};
use crate::toolchains;

#[tokio::test(flavor = "multi_thread")]
async fn a_javascript_filter_and_a_javascript_template_go_from_an_empty_folder_to_real_jobs() -> Result<()> {
    let author = Author::new()?;
    for kind in ["log-filter", "command-template"] {
        let id = format!("js-{kind}");
        author.does(&["new", &id, "--kind", kind, "--lang", "js"])?;
        if toolchains::javascript(&author.path(&id))?.is_none() {
            return Ok(());
        }
        let tested = author.does(&["test", &id])?;
        ensure!(tested.contains(" passed, 0 failed"), "{tested}");
        let checked = author.does(&["check", &id])?;
        ensure!(!checked.contains("warn") && !checked.contains("fail"), "a starter is as it should be:\n{checked}");
    }
    let running = author.start_host()?;
    let machines = Machines::start(&running.client).await?;
    filter_works(&author, &running, &machines, "js-log-filter").await?;
    template_works(&author, &running, &machines, "js-command-template").await
}
