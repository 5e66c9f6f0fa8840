//! Logs at their limits: how fast one machine's output is stored, what a fleet's costs, how soon any place of a long log is open,
//! how fast it is searched, how long a line takes to the screen. Started by `cargo xtask bench logs`, which builds for release before;
//! with `CORRAL_BIN` it measures any other build.
//!
//! What comes back is compared, line by line, with what was written: a figure of wrong lines is no figure, and ends the program. The
//! lines follow from a seed, which is printed; `CORRAL_SEED` gives the same ones again.

mod archive;
mod browser;
mod cat;
mod emit;
mod fleet;
mod others;
mod scene;
mod search;
mod seek;
mod text;
mod viewer;

use anyhow::{Context, Result, bail, ensure};
use corral_tests::bench::machines::MOST;
use corral_tests::bench::table::Section;
use corral_tests::faults::random::seed_of_this_run;

use crate::archive::Archive;
use crate::emit::Emit;

/// What the page names the places for its tables by.
const COMMAND: &str = "cargo xtask bench logs";
const PARTS: [&str; 5] = ["cat", "fleet", "seek", "search", "browser"];
const OPTIONS: &str = "--only PART,PART (cat, fleet, seek, search, browser), --mb N, --rounds N, --machines N, --minutes N, \
                       --lines N (of the long log), --print";
/// Lines that a long log has at least, so that there are windows in it.
const LINES_MIN: u64 = 1_000;

/// What is measured.
pub struct Wanted {
    only: Vec<String>,
    /// Size of the file that one machine writes.
    pub megabytes: u64,
    /// How often each tool takes its turn.
    pub rounds: usize,
    /// Machines of the fleet.
    pub machines: usize,
    /// How long it writes.
    pub minutes: f64,
    /// Lines of the long log.
    pub lines: u64,
    /// What all lines follow from.
    pub seed: u64,
    write: bool,
}

impl Wanted {
    fn parse(mut args: impl Iterator<Item = String>) -> Result<Self> {
        let mut wanted = Self {
            only: Vec::new(),
            megabytes: 300,
            rounds: 3,
            machines: 200,
            minutes: 10.0,
            lines: 10_000_000,
            seed: seed_of_this_run(),
            write: true,
        };
        while let Some(arg) = args.next() {
            let mut value = || args.next().with_context(|| format!("{arg} needs a value"));
            match arg.as_str() {
                "--only" => wanted.only.extend(value()?.split(',').map(str::to_owned)),
                "--mb" => wanted.megabytes = value()?.parse().context("--mb is a number")?,
                "--rounds" => wanted.rounds = value()?.parse().context("--rounds is a number")?,
                "--machines" => wanted.machines = value()?.parse().context("--machines is a number")?,
                "--minutes" => wanted.minutes = value()?.parse().context("--minutes is a number")?,
                "--lines" => wanted.lines = value()?.parse().context("--lines is a number")?,
                "--print" => wanted.write = false,
                other => bail!("no such option: {other}; there are {OPTIONS}"),
            }
        }
        let parts = wanted.only.iter().all(|part| PARTS.contains(&part.as_str()));
        ensure!(parts, "--only takes parts: {}", PARTS.join(", "));
        ensure!(wanted.rounds > 0 && wanted.megabytes > 0 && wanted.minutes * 60.0 >= 1.0, "nothing is to be measured");
        ensure!((1..=MOST).contains(&wanted.machines), "1 to {MOST} machines");
        ensure!(wanted.lines >= LINES_MIN, "a long log has at least {LINES_MIN} lines");
        Ok(wanted)
    }

    fn wants(&self, part: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|name| name == part)
    }
}

fn main() -> Result<()> {
    let mut args = std::env::args().skip(1).peekable();
    if args.next_if(|word| word == emit::WORD).is_some() {
        return Emit::parse(args)?.run();
    }
    let wanted = Wanted::parse(args)?;
    println!("  CORRAL_SEED={}", wanted.seed);
    tokio::runtime::Runtime::new()?.block_on(measure(&wanted))
}

async fn measure(wanted: &Wanted) -> Result<()> {
    let mut missed = Vec::new();
    let mut show = |section: Section| {
        missed.extend(section.missed().map(|what| format!("{}: {what}", section.part)));
        section.show(COMMAND, wanted.seed, wanted.write)
    };
    if wanted.wants("cat") {
        println!("  cat");
        show(cat::measure(wanted).await?)?;
    }
    if wanted.wants("seek") || wanted.wants("search") {
        println!("  a long log");
        let archive = Archive::fill(wanted.seed, wanted.lines).await?;
        if wanted.wants("seek") {
            show(seek::measure(&archive, wanted.seed).await?)?;
        }
        if wanted.wants("search") {
            show(search::measure(&archive, wanted.rounds).await?)?;
        }
    }
    if wanted.wants("browser") {
        println!("  browser");
        show(browser::measure(wanted.seed).await?)?;
    }
    if wanted.wants("fleet") {
        println!("  fleet");
        show(fleet::measure(wanted).await?)?;
    }
    ensure!(missed.is_empty(), "not reached: {}", missed.join("; "));
    Ok(())
}
