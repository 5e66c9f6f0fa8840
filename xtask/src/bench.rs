//! `cargo xtask bench start`, `bench fanout`, `bench logs` and `bench plugins`: the figures that the project promises, measured on this machine.

use crate::shell::{Result, binary, cargo, run, timed};
use crate::steps::FIRST_LOAD_BYTES;
use crate::{plugins, run as host, tools, web};

/// Builds for release and measures; writes the table into `docs/benchmarks.md`.
pub fn start() -> Result {
    tools::ensure(&tools::FOR_TEST)?;
    plugins::build()?;
    web::install()?;
    web::build()?;
    host::build(true)?;
    timed("the program that measures", || {
        run(&mut cargo(&["build", "--locked", "--release", "-p", "corral-tests", "--example", "bench_start"]))
    })?;
    let mut measure = crate::shell::program(crate::shell::target().join("release/examples/bench_start"), &[]);
    measure
        .env("CORRAL_BIN", binary(true))
        .env("CORRAL_FIRST_LOAD_BYTES", web::first_load_bytes()?.to_string())
        .env("CORRAL_FIRST_LOAD_LIMIT", FIRST_LOAD_BYTES.to_string());
    timed("measuring", || run(&mut measure))
}

/// Builds for release and measures beside other tools; writes the table into `docs/benchmarks.md`.
pub fn fanout(args: &[&str]) -> Result {
    tools::ensure(&tools::FOR_TEST)?;
    plugins::build()?;
    web::install()?;
    web::build()?;
    host::build(true)?;
    timed("the program that measures", || {
        run(&mut cargo(&["build", "--locked", "--release", "-p", "corral-tests", "--example", "bench_fanout"]))
    })?;
    let mut measure = crate::shell::program(crate::shell::target().join("release/examples/bench_fanout"), args);
    measure.env("CORRAL_BIN", binary(true));
    timed("measuring", || run(&mut measure))
}

/// Measures what a picture of the dashboard costs where there is much of everything; writes the table into `docs/benchmarks.md`.
pub fn web(args: &[&str]) -> Result {
    tools::ensure(&tools::FOR_TEST)?;
    web::install()?;
    web::build()?;
    let mut measure = crate::shell::program("node", &["dev/bench.mjs"]);
    measure.args(args).current_dir(crate::shell::root().join("web")).env("CORRAL_CHROMIUM", tools::chromium()?);
    timed("measuring", || run(&mut measure))
}

/// Builds for release and measures logs at their limits; writes the tables into `docs/benchmarks.md`.
pub fn logs(args: &[&str]) -> Result {
    tools::ensure(&tools::FOR_TEST)?;
    plugins::build()?;
    web::install()?;
    web::build()?;
    web::install_in("tests/e2e")?;
    host::build(true)?;
    timed("the program that measures", || {
        run(&mut cargo(&["build", "--locked", "--release", "-p", "corral-tests", "--example", "bench_logs"]))
    })?;
    let mut measure = crate::shell::program(crate::shell::target().join("release/examples/bench_logs"), args);
    measure.env("CORRAL_BIN", binary(true));
    timed("measuring", || run(&mut measure))
}

/// Builds for release and measures what plugins cost; writes the tables into `docs/benchmarks.md`. The host's binary is not needed: the
/// plugin host runs inside the program that measures.
pub fn plugins(args: &[&str]) -> Result {
    tools::ensure(&tools::FOR_PLUGINS)?;
    plugins::build()?;
    plugins::build_keep_all()?;
    timed("the program that measures", || {
        run(&mut cargo(&["build", "--locked", "--release", "-p", "corral-tests", "--example", "bench_plugins"]))
    })?;
    timed("measuring", || {
        run(&mut crate::shell::program(crate::shell::target().join("release/examples/bench_plugins"), args))
    })
}
