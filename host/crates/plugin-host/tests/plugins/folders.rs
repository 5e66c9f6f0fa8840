//! A plugin sees the folder that it was granted and nothing beside it, whatever path it names and whatever lies in the folder.

use std::os::unix::fs::symlink;

use corral_domain::PluginState;
use corral_engine::ports::Plugins;
use serde_json::json;

use crate::bench::{Bench, Running, guest, manifest, vm};

const READS: &str =
    "[[wants]]\ncapability = \"read-file\"\npath = \"templates\"\nmount = \"/templates\"\nreason = \"to read\"\n";
const SECRET: &str = "what stands beside the folder";

/// A plugin with a folder in which lies all that could lead out of it.
async fn running() -> Running {
    let mut bench = Bench::new();
    let (beside, folder) = (bench.dir.path().join("secret"), bench.templates());
    std::fs::write(&beside, SECRET).unwrap();
    std::fs::write(folder.join("inside"), "A title").unwrap();
    std::fs::create_dir(folder.join("deep")).unwrap();
    symlink("../secret", folder.join("out")).unwrap();
    symlink("../../secret", folder.join("deep/out")).unwrap();
    symlink(&beside, folder.join("out-absolute")).unwrap();
    symlink(bench.dir.path(), folder.join("folder-out")).unwrap();
    symlink("loop", folder.join("loop")).unwrap();
    bench.grant("p", &["read-file:templates"]);
    bench.put("p", &manifest("p", "command-template", READS), &guest(false));
    let mut running = bench.start().await;
    running.until_state("p", PluginState::Active).await;
    running
}

#[tokio::test(flavor = "multi_thread")]
async fn no_path_no_link_and_no_name_leads_out_of_the_folder() {
    let mut running = running().await;
    let offers = |running: &Running| {
        running.offers.get("p")?.templates.iter().find(|template| template.id == "p/inside").cloned()
    };
    let template = running.until("it offers", offers).await;
    let args = json!({"word": "!ways-out"});
    let rendered = running.host.render(&template, &args, &[vm("web-1")]).await.unwrap();
    let corral_domain::CommandLine::Argv(words) = &rendered[0].command else { panic!("{rendered:?}") };
    // No path came out, the folder above was not listed, nothing was linked, made, moved or removed; what is inside can be read.
    let (opened, rest) = words[2].split_once("] ").unwrap();
    assert_eq!(opened, "[", "these were read: {}", words[2]);
    assert!(rest.starts_with("Err("), "{rest}");
    assert!(rest.ends_with("false false false false Ok(\"A title\") Ok(\"A title\")"), "{rest}");
    assert_eq!(std::fs::read_to_string(running.bench.templates().join("inside")).unwrap(), "A title");
    assert!(!running.bench.templates().join("hard").exists() && !running.bench.templates().join("made").exists());
    // A link that leads out is not even a template: nothing of what it leads to was told.
    let told = format!("{:?} {:?}", running.offers, running.host.infos());
    assert!(!told.contains(SECRET), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_that_was_not_granted_is_not_there() {
    let mut bench = Bench::new();
    std::fs::write(bench.templates().join("one"), "A title").unwrap();
    let optional = format!("{READS}optional = true\n");
    bench.put("p", &manifest("p", "command-template", &optional), &guest(false));
    bench.grant("granted", &["read-file:templates"]);
    bench.put("granted", &manifest("granted", "command-template", &optional), &guest(false));
    let mut running = bench.start().await;
    running.until_state("p", PluginState::Active).await;
    let granted =
        |running: &Running| running.offers.get("granted").filter(|offer| !offer.templates.is_empty()).cloned();
    running.until("the one with the grant reads it", granted).await;
    assert!(running.offers.get("p").is_none_or(|offer| offer.templates.is_empty()), "{:?}", running.offers);
}
