//! The command of the survival tests' jobs.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use corral_tests::faults::workload::Workload;
use corral_tests::faults::writer;

const HELP: &str = "corral-soak write SEED MILLIS FOLDER";

fn main() -> ExitCode {
    match run() {
        Ok(code) => ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)),
        Err(error) => {
            eprintln!("corral-soak: {error:#}");
            ExitCode::from(125)
        }
    }
}

fn run() -> Result<i32> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["write", seed, millis, folder] => {
            let workload = Workload { seed: seed.parse().context("seed")?, millis: millis.parse().context("millis")? };
            writer::write(workload, Path::new(folder))
        }
        _ => bail!("no such command; {HELP}"),
    }
}
