//! The main job, what follows a job, every screen among enemies, and a laptop's sleep, in Chromium: scripts of `tests/e2e` click, this starts, restarts and looks behind the
//! scenes.

use anyhow::{Result, bail};
use corral_tests::browser::Script;
use corral_tests::fleet::Fleet;
use corral_tests::guests;
use corral_tests::host::{Host, Site};
use serde_json::json;

use crate::{LONG, SOON, shared};

const MACHINES: usize = 3;
const TEMPLATE: &str = r#"id: roll-call
title: Roll call
description: Every machine counts and says who called.
category: Fleet
parameters:
  - name: caller
argv: [sh, -c, 'printf "called by %s\n" "$1"; echo "password=hunter2"; i=0; while [ $i -lt 40 ]; do i=$((i+1)); echo "count $i"; sleep 0.1; done; printf "\033[32mall counted for %s\033[0m\n" "$1"', sh, "{{caller}}"]
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_person_does_the_main_job_in_the_browser() -> Result<()> {
    let _machine = shared().await;
    let fleet = Fleet::start(MACHINES).await?;
    let site = Site::new()?;
    let (config, known_hosts) = fleet.ssh_config();
    std::fs::write(site.path("home/.ssh/config"), config)?;
    std::fs::write(site.path("home/.ssh/known_hosts"), known_hosts)?;
    let templates = site.dir("templates")?;
    std::fs::write(templates.join("roll-call.yaml"), TEMPLATE)?;
    let site = site.with_args(&["--templates", &templates.to_string_lossy()]);
    // An address from which no program connects, so that the port is still free when the host comes back to it.
    let mut host = site.start_at("127.0.9.1:0")?;

    let told = json!({"url": host.ready.url, "setup_url": host.ready.setup_url, "machines": MACHINES});
    // The page stays open while the host is restarted, so the host must come back where it was.
    let address = host.ready.url.trim_start_matches("http://").trim_end_matches('/').to_owned();
    let script = Script::start("main-job.mjs", &told)?;
    tokio::task::block_in_place(|| {
        script.serve(|asked| match asked["ask"].as_str() {
            Some("restart") => {
                host.stop()?;
                host = site.start_at(&address)?;
                Ok(json!({"url": host.ready.url}))
            }
            Some("save-template") => {
                let other = TEMPLATE.replace("roll-call", "second-call").replace("Roll call", "Second call");
                std::fs::write(templates.join("second-call.yaml"), other)?;
                Ok(json!({}))
            }
            _ => bail!("the script asked {asked}"),
        })
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_looks_after_a_job_in_the_browser() -> Result<()> {
    let _machine = shared().await;
    let fleet = Fleet::start(MACHINES).await?;
    let site = Site::new()?;
    let folder = site.dir("shared")?;
    let host = site.start()?;
    let client = site.client(&host)?;
    for index in 0..MACHINES {
        let mut vm = fleet.vm(index);
        vm["name"] = json!(format!("web-{}", index + 1));
        client.add_vm(&vm).await?;
    }

    let told =
        json!({"url": host.ready.url, "setup_url": host.ready.setup_url, "machines": MACHINES, "folder": folder});
    let script = Script::start("after-job.mjs", &told)?;
    tokio::task::block_in_place(|| {
        script.serve(|asked| match asked["ask"].as_str() {
            Some("go") => {
                std::fs::write(folder.join("go"), "")?;
                Ok(json!({}))
            }
            _ => bail!("the script asked {asked}"),
        })
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_screen_is_accessible_and_hostile_texts_stay_texts() -> Result<()> {
    let _machine = shared().await;
    let site = Site::new()?;
    let (_fleet, host) = with_machines(&site).await?;
    site.client(&host)?.plugins_settled(SOON).await?;
    alone_in_the_browser("screens.mjs", &host)
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_sleep_the_page_is_right_again_without_a_reload() -> Result<()> {
    let _machine = shared().await;
    let site = Site::new()?;
    let (_fleet, host) = with_machines(&site).await?;
    alone_in_the_browser("asleep.mjs", &host)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_plugin_may_is_decided_on_its_page() -> Result<()> {
    let _machine = shared().await;
    let site = Site::new()?;
    let plugins = site.dir("plugins")?;
    let wants = ["vms", "secrets"]
        .map(|right| format!("[[wants]]\ncapability = \"{right}\"\nreason = \"to ask\"\noptional = true\n"));
    guests::place(&plugins, "asker", &wants.concat())?;
    let site = site.with_args(&["--plugins", &plugins.to_string_lossy()]);
    let host = site.start()?;
    site.client(&host)?.plugins_settled(LONG).await?;
    let told = json!({"url": host.ready.url, "setup_url": host.ready.setup_url, "plugin": "asker"});
    let script = Script::start("rights.mjs", &told)?;
    tokio::task::block_in_place(|| script.serve(|asked| bail!("the script asked {asked}")))
}

/// A host that knows some machines.
async fn with_machines(site: &Site) -> Result<(Fleet, Host)> {
    let fleet = Fleet::start(MACHINES).await?;
    let host = site.start()?;
    fleet.add_all(&site.client(&host)?).await?;
    Ok((fleet, host))
}

/// Runs a script that needs nothing of the test.
fn alone_in_the_browser(name: &str, host: &Host) -> Result<()> {
    let told = json!({"url": host.ready.url, "setup_url": host.ready.setup_url, "machines": MACHINES});
    let script = Script::start(name, &told)?;
    tokio::task::block_in_place(|| script.serve(|asked| bail!("the script asked {asked}")))
}
