//! Plugins in JavaScript, by componentize-js, and in Python, by componentize-py.

use std::path::Path;

use anyhow::{Result, ensure};

use crate::author::Author;
use crate::jobs::{Machines, filter_works, template_works};
use crate::toolchains;

#[tokio::test(flavor = "multi_thread")]
async fn a_javascript_filter_and_a_javascript_template_go_from_an_empty_folder_to_real_jobs() -> Result<()> {
    all_the_way("js", &["log-filter", "command-template"], toolchains::javascript).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_python_filter_and_a_python_template_go_from_an_empty_folder_to_real_jobs() -> Result<()> {
    all_the_way("python", &["log-filter", "command-template", "discovery"], toolchains::python).await
}

/// Each kind is begun, tested and checked; what filters and what offers templates does it on a real host. `toolchain` puts the
/// language's tools into a project, or says that they cannot be had.
async fn all_the_way(lang: &str, kinds: &[&str], toolchain: fn(&Path) -> Result<Option<()>>) -> Result<()> {
    let author = Author::new()?;
    let id = |kind: &str| format!("{lang}-{kind}");
    for kind in kinds {
        let id = id(kind);
        author.does(&["new", &id, "--kind", kind, "--lang", lang])?;
        if toolchain(&author.path(&id))?.is_none() {
            return Ok(());
        }
        let tested = author.does(&["test", &id])?;
        ensure!(tested.contains(" passed, 0 failed"), "{tested}");
        let checked = author.does(&["check", &id])?;
        ensure!(!checked.contains("warn") && !checked.contains("fail"), "a starter is as it should be:\n{checked}");
    }
    let running = author.start_host()?;
    let machines = Machines::start(&running.client).await?;
    filter_works(&author, &running, &machines, &id("log-filter")).await?;
    template_works(&author, &running, &machines, &id("command-template")).await
}
