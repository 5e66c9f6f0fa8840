//! The host: one binary that serves the dashboard and the API, and the command line that talks to it.
//!
//! Layers: `cli` says what was asked for, `config` and `datadir` where things are, `wiring` joins the concrete parts,
//! `lifecycle` ends them. Only `wiring` names a concrete store, runner or plugin host; only `api` knows axum.

mod api;
mod auth;
mod bundled;
mod cli;
mod config;
mod datadir;
mod lifecycle;
mod package;
mod tar;
mod wiring;

use std::process::ExitCode;

use clap::Parser as _;
use cli::exit::{Exit, Failure};

fn main() -> ExitCode {
    // Exits by itself with code 2, the one for usage, when the arguments make no sense.
    let cli = cli::Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let exit = match runtime {
        Ok(runtime) => {
            let exit = runtime.block_on(cli.run()).unwrap_or_else(|error| cli::exit::report(&error));
            // A blocking call that hangs, a read of a terminal for one, must not keep the process.
            runtime.shutdown_background();
            exit
        }
        Err(error) => {
            let failure = Failure::new(Exit::Internal, format!("threads cannot be started: {error}"));
            cli::exit::report(&failure.hint("the system limits processes or memory; look at `ulimit -a`").into())
        }
    };
    exit.into()
}
