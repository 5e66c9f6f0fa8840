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

#[tokio::test(flavor = "multi_thread")]
async fn plugins_are_installed_used_and_removed_on_their_page() -> Result<()> {
    by_script("plugins.mjs").await
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
    let folders = ["--plugins", &path("plugins"), "--templates", &path("templates")].map(str::to_owned);
    let told = json!({"machines": MACHINES, "templates": path("templates"), "plugins": path("plugins"),
        "inventory": path("home/ansible"), "packages": path("packages"), "bundled": built_plugins()?, "corral": binary()?,
        "vms": (0..MACHINES).map(|index| fleet.vm(index)).collect::<Vec<_>>()});
    let site = site.with_args(&folders.each_ref().map(String::as_str));
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
