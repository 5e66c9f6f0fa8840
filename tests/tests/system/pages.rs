//! What the dashboard's pages are for, one after the other in Chromium: plugins that come and go, texts of enemies, what
//! stands behind a click, every control of a run, addresses and the keyboard. Scripts of `tests/e2e` click; each has one
//! host and one browser for all that it looks at.
//!
//! | of a run | shown by |
//! | --- | --- |
//! | machines: one, several, a row, a group, by selector | `flow.mjs` |
//! | suggestions, templates that apply, those that do not | `flow.mjs` |
//! | form: help, defaults, choices, secrets, errors | `flow.mjs` |
//! | preview by machine, target count, the question before what is dangerous | `flow.mjs` |
//! | options: filters, standard input, variables, canary, mode | `flow.mjs` |
//! | live view with progress | `main-job.mjs`, `flow.mjs` |
//! | grouped output, cancel with receipt, retry, unknown | `after-job.mjs` |
//! | what was typed becomes a template; commands of one machine | `flow.mjs` |
//! | without a mouse, by address, from elsewhere | `ways.mjs` |
//! | after a sleep or a lost connection | `asleep.mjs`, `main-job.mjs` |

use anyhow::{Result, bail};
use corral_tests::browser::Script;
use corral_tests::fleet::Fleet;
use corral_tests::host::{Host, Site, binary, built_plugins};
use serde_json::{Value, json};

use crate::{LONG, shared};

const MACHINES: usize = 3;
/// Folders that the scripts write into; the host looks at the first two.
const FOLDERS: [&str; 4] = ["templates", "plugins", "home/ansible", "packages"];
/// Machines that an inventory finds are labelled with what it notes of them; and there are no commands but those that a
/// script brings: a hundred others take long to look at.
const CONFIG: &str = r#"[plugins.ansible-inventory]
config = { labels = ["note"] }
[plugins.ops-pack]
enabled = false
"#;

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

#[tokio::test(flavor = "multi_thread")]
async fn what_stands_behind_a_click_is_accessible_on_a_phone() -> Result<()> {
    by_script_told("states.mjs", json!({"phone": true})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_run_shows_is_accessible() -> Result<()> {
    by_script_told("states.mjs", json!({"ran": true})).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_run_shows_is_accessible_on_a_phone() -> Result<()> {
    by_script_told("states.mjs", json!({"ran": true, "phone": true})).await
}

async fn by_script(name: &str) -> Result<()> {
    by_script_told(name, json!({})).await
}

/// Runs a script, which is told something, with a host that watches a folder of templates and one of plugins, and with
/// machines that the host does not know yet.
async fn by_script_told(name: &str, mut told: Value) -> Result<()> {
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
    for name in ["templates", "plugins", "packages", "data"] {
        told[name] = json!(site.path(name));
    }
    told["inventory"] = json!(site.path("home/ansible"));
    told["bundled"] = json!(built_plugins()?);
    told["corral"] = json!(binary()?);
    told["machines"] = json!(MACHINES);
    told["vms"] = (0..MACHINES).map(|index| fleet.vm(index)).collect();
    let site = site.with_args(&args.each_ref().map(String::as_str));
    let host = site.start()?;
    site.client(&host)?.plugins_settled(LONG).await?;
    serve(name, &host, told)
}

fn serve(name: &str, host: &Host, mut told: Value) -> Result<()> {
    told["url"] = json!(host.ready.url);
    told["setup_url"] = json!(host.ready.setup_url);
    let script = Script::start(name, &told)?;
    tokio::task::block_in_place(|| script.serve(|asked| bail!("the script asked {asked}")))
}
