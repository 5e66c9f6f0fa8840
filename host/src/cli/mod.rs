//! The command line: what a person types, one file per command.
//!
//! Commands are of two kinds: those that work on a data folder of this machine (`serve`, `demo`, `token`, `login-link`,
//! `doctor`, `migrate`), and those that ask a running host over HTTP as any other client would.

/// `println!` to a reader that may have gone away (`| head`), which is no fault.
macro_rules! say {
    ($($text:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout().lock(), $($text)*);
    }};
}

mod client;
mod command;
mod connect;
mod demo;
mod doctor;
pub mod exit;
mod facts;
mod fold;
mod job;
mod login_link;
mod logs;
mod migrate;
mod openapi;
mod output;
mod plugin;
mod printer;
mod resolve;
mod run;
mod search;
mod secret;
mod serve;
mod stream;
pub mod suggest;
mod token;
mod vm;

use clap::{Parser, Subcommand};

use exit::Exit;

/// Runs commands on a fleet over SSH, keeps every line, shows it live.
#[derive(Debug, Parser)]
#[command(name = "corral", version, max_term_width = 110, after_help = exit::TABLE, disable_help_subcommand = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the host: dashboard, API, plugins.
    Serve(serve::Args),
    /// Run a host with five SSH servers inside, to try things out.
    Demo(demo::Args),
    /// Run a command or a template on VMs and show the output live.
    Run(Box<run::Args>),
    /// The machines: ls, add, set, rm, test, show, host-key.
    #[command(subcommand)]
    Vm(vm::Command),
    /// The jobs: ls, show, cancel, retry, close, check, groups, export.
    #[command(subcommand)]
    Job(job::Command),
    /// Show what a job wrote.
    Logs(logs::Args),
    /// Search what jobs wrote.
    Search(search::Args),
    /// The plugins: ls, show, logs, grant, revoke, enable, disable, reload, install, rm; for authors: new, build, check, test,
    /// dev, replay, pack.
    #[command(subcommand)]
    Plugin(plugin::Command),
    /// The templates that can be run: ls.
    #[command(subcommand, name = "command")]
    Template(command::Command),
    /// Passwords and passphrases: set, ls, rm. Kept sealed, never given out.
    #[command(subcommand)]
    Secret(secret::Command),
    /// API tokens: create, ls, rm. Works on the data folder, also beside a running host.
    #[command(subcommand)]
    Token(token::Command),
    /// Print a link that logs a person in once.
    LoginLink(login_link::Args),
    /// Print the OpenAPI document of the API.
    Openapi,
    /// Look for what could keep a host from working, and say what to do.
    Doctor(doctor::Args),
    /// Bring a database to this version's schema, or say where it stands.
    Migrate(migrate::Args),
}

impl Cli {
    /// Does what was asked.
    pub async fn run(self) -> anyhow::Result<Exit> {
        match self.command {
            Command::Serve(args) => serve::run(args).await,
            Command::Demo(args) => demo::run(args).await,
            Command::Run(args) => run::run(*args).await,
            Command::Vm(command) => vm::run(command).await,
            Command::Job(command) => job::run(command).await,
            Command::Logs(args) => logs::run(args).await,
            Command::Search(args) => search::run(args).await,
            Command::Plugin(command) => plugin::run(command).await,
            Command::Template(command) => command::run(command).await,
            Command::Secret(command) => secret::run(command).await,
            Command::Token(command) => token::run(command).await,
            Command::LoginLink(args) => login_link::run(args).await,
            Command::Openapi => openapi::run(),
            Command::Doctor(args) => doctor::run(args).await,
            Command::Migrate(args) => migrate::run(args).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
