//! What plugins cost: a line in each bundled filter beside the same code native, an instance, a first call, a compilation, a new
//! version. Started by `cargo xtask bench plugins`, which builds the plugins and this program for release before; the plugin host
//! runs inside this program, so that nothing else is measured with it.
//!
//! Lines follow from a seed, which is printed; `CORRAL_SEED` gives the same ones again. Costs of lines are processor time.

mod cost;
mod lines;
mod site;
mod versions;

use std::path::PathBuf;

use anyhow::{Context, Result, bail, ensure};
use corral_tests::bench::table::Section;
use corral_tests::faults::random::seed_of_this_run;

/// What the page names the places for its tables by.
const COMMAND: &str = "cargo xtask bench plugins";
const PARTS: [&str; 2] = ["cost", "versions"];
const OPTIONS: &str = "--only PART,PART (cost, versions), --plugin ID (figures of no other), --rounds N, --print";
/// Where the plugins are that are measured.
const PLUGINS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target");

/// What is measured.
pub struct Wanted {
    only: Vec<String>,
    plugin: Option<String>,
    /// How often each figure is taken; the middle one counts.
    pub rounds: usize,
    /// What all lines follow from.
    pub seed: u64,
    write: bool,
}

impl Wanted {
    fn parse(mut args: impl Iterator<Item = String>) -> Result<Self> {
        let mut wanted = Self { only: Vec::new(), plugin: None, rounds: 21, seed: seed_of_this_run(), write: true };
        while let Some(arg) = args.next() {
            let mut value = || args.next().with_context(|| format!("{arg} needs a value"));
            match arg.as_str() {
                "--only" => wanted.only.extend(value()?.split(',').map(str::to_owned)),
                "--plugin" => wanted.plugin = Some(value()?),
                "--rounds" => wanted.rounds = value()?.parse().context("--rounds is a number")?,
                "--print" => wanted.write = false,
                other => bail!("no such option: {other}; there are {OPTIONS}"),
            }
        }
        let parts = wanted.only.iter().all(|part| PARTS.contains(&part.as_str()));
        ensure!(parts, "--only takes parts: {}", PARTS.join(", "));
        ensure!(wanted.rounds > 0, "nothing is to be measured");
        Ok(wanted)
    }

    /// Whether figures of a plugin are wanted.
    pub fn wants_plugin(&self, id: &str) -> bool {
        self.plugin.as_ref().is_none_or(|plugin| plugin == id)
    }

    fn wants(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == part)
    }
}

/// The folder of a built plugin: one that is bundled, or the one that only measures.
pub fn built(id: &str) -> PathBuf {
    let folder = if id == site::KEEP_ALL { "components" } else { "plugins" };
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| PathBuf::from(PLUGINS), PathBuf::from);
    target.join(folder).join(id)
}

fn main() -> Result<()> {
    let wanted = Wanted::parse(std::env::args().skip(1))?;
    println!("  CORRAL_SEED={}", wanted.seed);
    let mut missed = Vec::new();
    let mut show = |section: Section| {
        missed.extend(section.missed().map(|what| format!("{}: {what}", section.part)));
        section.show(COMMAND, wanted.seed, wanted.write)
    };
    // One thread, so that the processor time of a line is all that it took.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    if wanted.wants("cost") {
        println!("  what a line costs");
        show(runtime.block_on(cost::measure(&wanted))?)?;
    }
    if wanted.wants("versions") {
        println!("  instances and versions");
        let runtime = tokio::runtime::Runtime::new()?;
        show(runtime.block_on(versions::measure(&wanted))?)?;
    }
    ensure!(missed.is_empty(), "not reached: {}", missed.join("; "));
    Ok(())
}
