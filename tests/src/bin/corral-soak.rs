//! Storms for as long as wanted (`cargo xtask soak`), and the command of their jobs.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use corral_tests::faults::random::seed_of_this_run;
use corral_tests::faults::storm::{Storm, rage};
use corral_tests::faults::workload::Workload;
use corral_tests::faults::writer;

const HELP: &str = "\
corral-soak [--kills N] [--minutes M] [--seed S] [--lanes L]
corral-soak write SEED MILLIS FOLDER";
const KILLS: u64 = 5_000;
const MINUTES: u64 = 60;
const LANES: u8 = 8;
const LANES_MAX: u8 = 64;
const SAY_EVERY: Duration = Duration::from_secs(5);

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let code = match words.as_slice() {
        ["write", seed, millis, folder] => write(seed, millis, folder),
        options => parse(options).and_then(soak),
    };
    match code {
        Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)),
        Err(error) => {
            eprintln!("corral-soak: {error:#}");
            ExitCode::from(125)
        }
    }
}

fn write(seed: &str, millis: &str, folder: &str) -> Result<i32> {
    let workload = Workload { seed: seed.parse().context("SEED")?, millis: millis.parse().context("MILLIS")? };
    writer::write(workload, Path::new(folder))
}

fn parse(words: &[&str]) -> Result<Storm> {
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let mut storm = Storm { seed: 0, kills: KILLS, limit: minutes(MINUTES), lanes: LANES, number: 0 };
    let mut seed = None;
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        let value = rest.next().with_context(|| format!("{word} needs a value\n{HELP}"))?;
        let number: u64 = value.parse().with_context(|| format!("{word} {value}"))?;
        match *word {
            "--kills" => storm.kills = number,
            "--minutes" => storm.limit = minutes(number),
            "--seed" => seed = Some(number),
            "--lanes" if (1..=LANES_MAX.into()).contains(&number) => storm.lanes = u8::try_from(number)?,
            "--lanes" => bail!("--lanes is between 1 and {LANES_MAX}"),
            _ => bail!("no such option: {word}\n{HELP}"),
        }
    }
    storm.seed = seed.unwrap_or_else(seed_of_this_run);
    Ok(storm)
}

fn soak(storm: Storm) -> Result<i32> {
    println!("seed {}; {} kills, at most {} minutes", storm.seed, storm.kills, storm.limit.as_secs() / 60);
    let begun = Instant::now();
    let said = Mutex::new(begun);
    let watch = |summary: &corral_tests::faults::summary::Summary| {
        let Ok(mut said) = said.lock() else { return };
        if said.elapsed() >= SAY_EVERY {
            *said = Instant::now();
            println!("{:>6} s  {}", begun.elapsed().as_secs(), summary.line());
        }
    };
    let runtime = tokio::runtime::Runtime::new()?;
    let summary = runtime.block_on(rage(storm, watch))?;
    println!("\nseed {}, {} s\n{summary}", storm.seed, begun.elapsed().as_secs());
    Ok(i32::from(!summary.discrepancies.is_empty()))
}
