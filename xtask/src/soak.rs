//! `cargo xtask soak`: the faults of the survival tests over jobs for as long as wanted.

use crate::shell::{Result, binary, cargo, program, run, target};
use crate::{plugins, tools, web};

/// Builds what it needs and lets it run; `options` are those of the program.
pub fn soak(options: &[&str]) -> Result {
    tools::ensure(&tools::FOR_TEST)?;
    plugins::build()?;
    web::install()?;
    web::build()?;
    run(&mut cargo(&["build", "--locked", "--workspace", "--bins"]))?;
    run(program(target().join("debug/corral-soak"), options).env("CORRAL_BIN", binary(false)))
}
