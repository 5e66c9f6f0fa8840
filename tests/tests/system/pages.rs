//! What the dashboard's pages are for, one after the other in Chromium: plugins that come and go, texts of enemies, what
//! stands behind a click, every control of a run, addresses and the keyboard. Scripts of `tests/e2e` click; each has one
//! host and one browser for all that it looks at.

use anyhow::{Result, bail};
use corral_tests::browser::Script;
use corral_tests::fleet::Fleet;
use corral_tests::host::{Host, Site, binary, built_plugins};
use serde_json::json;

use crate::{LONG, shared};

const MACHINES: usize = 3;
/// Folders that the scripts write into; the host looks at the first two.
const FOLDERS: [&str; 4] = ["templates", "plugins", "home/ansible", "packages"];
/// Machines that an inventory finds are labelled with what it notes of them.
const CONFIG: &str = "[plugins.ansible-inventory]\nconfig = { labels = [\"note\"] }\n";

#[tokio::test(flavor = "multi_thread")]
async fn plugins_are_installed_used_and_removed_on_their_page() -> Result<()> {
    by_script("plugins.mjs").await
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_texts_from_everywhere_stay_texts_on_every_page() -> Result<()> {
    by_script("hostile.mjs").await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_control_of_a_run_does_what_it_says() -> Result<()> {
    by_script("flow.mjs").await
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_and_the_keyboard_lead_everywhere() -> Result<()> {
    by_script("ways.mjs").await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_behind_a_click_is_accessible() -> Result<()> {
    by_script("states.mjs").await
}

/// Runs a script with a host that knows machines and watches a folder of templates and one of plugins.
async fn by_script(name: &str) -> Result<()> {
    let _machine = shared().await;
    let fleet = Fleet::start(MACHINES).await?;
    let site = Site::new()?;
    for folder in FOLDERS {
        site.dir(folder)?;
    }
    let path = |name: &str| site.path(name).to_string_lossy().into_owned();
    std::fs::write(site.path("corral.toml"), CONFIG)?;
    let args = ["--plugins", &path("plugins"), "--templates", &path("templates"), "--config", &path("corral.toml")];
    let args = args.map(str::to_owned);
    let told = json!({"machines": MACHINES, "templates": path("templates"), "plugins": path("plugins"),
        "inventory": path("home/ansible"), "packages": path("packages"), "data": site.data(), "bundled": built_plugins()?, "corral": binary()?,
        "vms": (0..MACHINES).map(|index| fleet.vm(index)).collect::<Vec<_>>()});
    let site = site.with_args(&args.each_ref().map(String::as_str));
    let host = site.start()?;
    site.client(&host)?.plugins_settled(LONG).await?;
    serve(name, &host, told)
}

fn serve(name: &str, host: &Host, mut told: serde_json::Value) -> Result<()> {
    told["url"] = json!(host.ready.url);
    told["setup_url"] = json!(host.ready.setup_url);
    let script = Script::start(name, &told)?;
    tokio::task::block_in_place(|| script.serve(|asked| bail!("the script asked {asked}")))
}
