//! `cargo xtask run`: from a fresh clone to a demo fleet in the browser.

use std::os::unix::process::CommandExt;

use crate::shell::{Result, binary, cargo, program, timed};
use crate::{plugins, shell, tools, web};

/// Builds everything and becomes `corral demo`.
pub fn run(args: &[&str]) -> Result {
    let (ours, demo) = match args.iter().position(|arg| *arg == "--") {
        Some(at) => (&args[..at], &args[at + 1..]),
        None => (args, &[][..]),
    };
    let release = match ours {
        [] => false,
        ["--release"] => true,
        other => return Err(format!("run takes --release and, after --, arguments of `corral demo`; not {other:?}")),
    };
    tools::ensure(&tools::FOR_RUN)?;
    plugins::build()?;
    web::install()?;
    web::build()?;
    build(release)?;
    println!("▸ corral demo: five SSH servers on this machine; Ctrl-C ends them\n");
    let mut command = program(binary(release), &["demo"]);
    // Replaces this process: signals and the terminal then belong to corral alone.
    let error = command.args(demo).exec();
    Err(format!("cannot start {}: {error}", binary(release).display()))
}

/// Builds the host, with plugins and dashboard inside.
pub fn build(release: bool) -> Result {
    let what = if release { "corral, optimised" } else { "corral" };
    timed(what, || {
        let mut command = cargo(&["build", "--locked", "-p", "corral"]);
        if release {
            command.arg("--release");
        }
        shell::run(&mut command)
    })
}
